namespace FastMmu.Paging.Walk;

/// <summary>
/// Where the walker reads and updates paging-structure entries: guest memory itself, or, under nested paging, guest memory seen
/// through the nested tables. A struct type argument, so that the plain case costs nothing.
/// </summary>
public interface ITableMemory
{
    /// <summary>Reads a naturally aligned entry of 8 bytes.</summary>
    /// <param name="address">Physical address of the entry.</param>
    /// <param name="value">The entry; all ones where there is no memory.</param>
    /// <returns>False if the table itself cannot be reached (nested paging only); the walk stops.</returns>
    bool TryRead64(ulong address, out ulong value);

    /// <summary>Reads a naturally aligned entry of 4 bytes.</summary>
    /// <param name="address">Physical address of the entry.</param>
    /// <param name="value">The entry; all ones where there is no memory.</param>
    /// <returns>False if the table itself cannot be reached (nested paging only); the walk stops.</returns>
    bool TryRead32(ulong address, out uint value);

    /// <summary>Replaces an entry of 8 bytes if it still is <paramref name="expected"/>.</summary>
    /// <param name="address">Physical address of the entry.</param>
    /// <param name="expected">What was read.</param>
    /// <param name="value">What to write.</param>
    /// <returns>False if the entry was changed meanwhile. True also where writes are dropped.</returns>
    bool CompareExchange64(ulong address, ulong expected, ulong value);

    /// <summary>Replaces an entry of 4 bytes if it still is <paramref name="expected"/>.</summary>
    /// <param name="address">Physical address of the entry.</param>
    /// <param name="expected">What was read.</param>
    /// <param name="value">What to write.</param>
    /// <returns>False if the entry was changed meanwhile. True also where writes are dropped.</returns>
    bool CompareExchange32(ulong address, uint expected, uint value);
}
