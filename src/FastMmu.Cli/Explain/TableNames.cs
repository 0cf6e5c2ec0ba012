using FastMmu.Processor;

namespace FastMmu.Cli.Explain;

/// <summary>What the manual calls the tables of a paging mode.</summary>
internal static class TableNames
{
    /// <summary>The paging mode in words.</summary>
    public static string Of(PagingMode mode) => mode switch
    {
        PagingMode.None => "no paging",
        PagingMode.TwoLevel => "32-bit two-level",
        PagingMode.Pae => "PAE",
        PagingMode.FourLevel => "4-level",
        PagingMode.FiveLevel => "5-level",
        _ => mode.ToString(),
    };

    /// <summary>The table that entries of a level make up.</summary>
    /// <param name="level">1 to 5.</param>
    public static string OfLevel(int level) => level switch
    {
        1 => "PT",
        2 => "PD",
        3 => "PDPT",
        4 => "PML4",
        5 => "PML5",
        _ => $"level {level}",
    };

    /// <summary>How many levels a mode has.</summary>
    public static int Levels(PagingMode mode) => mode switch
    {
        PagingMode.TwoLevel => 2,
        PagingMode.Pae => 3,
        PagingMode.FourLevel => 4,
        PagingMode.FiveLevel => 5,
        _ => 0,
    };

    /// <summary>Linear-address bits that index a table: 10 or 9.</summary>
    public static int IndexBits(PagingMode mode) => mode == PagingMode.TwoLevel ? 10 : 9;

    /// <summary>The lowest linear-address bit that an entry of a level covers whole.</summary>
    public static int Shift(PagingMode mode, int level) => 12 + ((level - 1) * IndexBits(mode));

    /// <summary>The index of an address in its table of a level.</summary>
    public static int Index(PagingMode mode, int level, ulong linear)
    {
        int bits = mode == PagingMode.Pae && level == 3 ? 2 : IndexBits(mode);
        return (int)(linear >> Shift(mode, level)) & ((1 << bits) - 1);
    }
}
