using System.Runtime.CompilerServices;
using FastMmu.Memory;

namespace FastMmu.Paging.Walk;

/// <summary>Page tables read from guest memory directly.</summary>
/// <param name="memory">Where the tables are.</param>
public readonly struct PhysicalTables(PhysicalMemory memory) : ITableMemory
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead64(ulong address, out ulong value)
    {
        value = memory.ReadEntry64(address);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead32(ulong address, out uint value)
    {
        value = memory.ReadEntry32(address);
        return true;
    }

    /// <inheritdoc/>
    public bool CompareExchange64(ulong address, ulong expected, ulong value) => memory.CompareExchangeEntry64(address, expected, value);

    /// <inheritdoc/>
    public bool CompareExchange32(ulong address, uint expected, uint value) => memory.CompareExchangeEntry32(address, expected, value);
}
