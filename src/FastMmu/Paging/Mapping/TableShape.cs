using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>A way to arrange page tables: how many levels, how many bits each indexes, how wide an entry is.</summary>
/// <remarks>
/// A table of one level needs an entry for every page there could be; further levels let whole tables be absent. That is the argument
/// for multi-level paging, and <see cref="TableCost"/> puts numbers to it.
/// </remarks>
public sealed record TableShape
{
    private readonly int[] _indexBits;
    private readonly int[] _entryShifts;

    private TableShape(string name, int entryBytes, params int[] indexBits)
    {
        Name = name;
        EntryBytes = entryBytes;
        _indexBits = indexBits;
        LinearWidth = 12 + indexBits.Sum();
        _entryShifts = new int[Levels + 2];
        _entryShifts[1] = 12;
        for (int level = 1; level <= Levels; level++) _entryShifts[level + 1] = _entryShifts[level] + indexBits[Levels - level];
    }

    /// <summary>One level over 32 bits: 2^20 entries of 4 bytes, 4 MiB for every address space.</summary>
    public static TableShape OneLevel32 { get; } = new("one level, 32-bit", 4, 20);

    /// <summary>32-bit paging: 10 and 10 bits, entries of 4 bytes.</summary>
    public static TableShape TwoLevel { get; } = new("two levels", 4, 10, 10);

    /// <summary>PAE paging: 2, 9 and 9 bits, entries of 8 bytes.</summary>
    public static TableShape ThreeLevel { get; } = new("three levels (PAE)", 8, 2, 9, 9);

    /// <summary>One level over 48 bits: 2^36 entries of 8 bytes, 512 GiB for every address space.</summary>
    public static TableShape OneLevel48 { get; } = new("one level, 48-bit", 8, 36);

    /// <summary>Four-level paging: four times 9 bits, entries of 8 bytes.</summary>
    public static TableShape FourLevel { get; } = new("four levels", 8, 9, 9, 9, 9);

    /// <summary>One level over 57 bits: 2^45 entries of 8 bytes, 256 TiB for every address space.</summary>
    public static TableShape OneLevel57 { get; } = new("one level, 57-bit", 8, 45);

    /// <summary>Five-level paging: five times 9 bits, entries of 8 bytes.</summary>
    public static TableShape FiveLevel { get; } = new("five levels", 8, 9, 9, 9, 9, 9);

    /// <summary>All of them, by width and number of levels.</summary>
    public static IReadOnlyList<TableShape> All { get; } = [OneLevel32, TwoLevel, ThreeLevel, OneLevel48, FourLevel, OneLevel57, FiveLevel];

    /// <summary>What to call it.</summary>
    public string Name { get; }

    /// <summary>Bytes of an entry.</summary>
    public int EntryBytes { get; }

    /// <summary>Width of a linear address in bits.</summary>
    public int LinearWidth { get; }

    /// <summary>Number of levels.</summary>
    public int Levels => _indexBits.Length;

    /// <summary>Bytes of a table of a level.</summary>
    /// <param name="level">1 for the lowest, <see cref="Levels"/> for the root.</param>
    /// <example><code>
    /// Console.WriteLine(TableShape.TwoLevel.TableBytes(2));      // 4096
    /// </code></example>
    public ulong TableBytes(int level) => (ulong)EntryBytes << _indexBits[Levels - level];

    /// <summary>Whether an address exists here: canonical above 32 bits, below 4 GiB otherwise.</summary>
    /// <param name="linear">The address.</param>
    /// <example><code>
    /// Console.WriteLine(TableShape.TwoLevel.Has(1UL &lt;&lt; 32));       // False
    /// Console.WriteLine(TableShape.FourLevel.Has(1UL &lt;&lt; 32));      // True
    /// </code></example>
    public bool Has(LinearAddress linear) => LinearWidth > 32 ? linear.IsCanonical(LinearWidth) : linear.Value >> 32 == 0;

    /// <summary>Base-two logarithm of the bytes that an entry of a level covers.</summary>
    internal int EntryShift(int level) => _entryShifts[level];

    /// <summary>Base-two logarithm of the bytes that a table of a level covers.</summary>
    internal int TableShift(int level) => _entryShifts[level + 1];

    /// <summary>The base-two logarithm of the largest page of these tables that is no larger than a page of others.</summary>
    internal int LargestPageShift(PageSize size)
    {
        int shift = 12;
        // PAE maps no page by its root, whose four entries index two bits.
        for (int level = 2; level <= Levels && EntryShift(level) <= size.Shift() && _indexBits[Levels - level] > 2; level++) shift = EntryShift(level);
        return shift;
    }
}
