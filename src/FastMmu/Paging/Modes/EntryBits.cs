namespace FastMmu.Paging.Modes;

/// <summary>The bits that paging-structure entries of every mode share.</summary>
/// <remarks>
/// <code>
///  63   62..59  58..52    51 .. 12        11..9   8    7        6   5    4     3     2     1    0
/// +----+-------+--------+----------------+-----+---+--------+---+---+-----+-----+-----+-----+---+
/// | XD |  key  | avail. | table or frame |avail| G |PS / PAT| D | A | PCD | PWT | U/S | R/W | P |
/// +----+-------+--------+----------------+-----+---+--------+---+---+-----+-----+-----+-----+---+
/// A large leaf has PAT in bit 12; entries of 32-bit paging end at bit 31.
/// </code>
/// Source: Intel SDM vol. 3A, figures 4-4, 4-7, 4-11 and tables 4-4 to 4-20.
/// </remarks>
public static class EntryBits
{
    /// <summary>P: the entry is in use.</summary>
    public const ulong Present = 1UL << 0;

    /// <summary>R/W: writes are allowed.</summary>
    public const ulong Write = 1UL << 1;

    /// <summary>U/S: user-mode accesses are allowed.</summary>
    public const ulong User = 1UL << 2;

    /// <summary>PWT: the low bit of the PAT index.</summary>
    public const ulong WriteThrough = 1UL << 3;

    /// <summary>PCD: the middle bit of the PAT index.</summary>
    public const ulong CacheDisable = 1UL << 4;

    /// <summary>A: the entry was used.</summary>
    public const ulong Accessed = 1UL << 5;

    /// <summary>D: the page was written; only in leaves.</summary>
    public const ulong Dirty = 1UL << 6;

    /// <summary>PS: the entry maps a large page; only above level 1.</summary>
    public const ulong PageSize = 1UL << 7;

    /// <summary>PAT of a 4-KiB leaf: the high bit of the PAT index.</summary>
    public const ulong Pat4K = 1UL << 7;

    /// <summary>G: the translation is global; only in leaves.</summary>
    public const ulong Global = 1UL << 8;

    /// <summary>PAT of a large leaf.</summary>
    public const ulong PatLarge = 1UL << 12;

    /// <summary>XD: no instruction fetches.</summary>
    public const ulong ExecuteDisable = 1UL << 63;

    /// <summary>Position of the protection key in a leaf of four-level and five-level paging: bits 62:59.</summary>
    public const int ProtectionKeyShift = 59;

    /// <summary>Bits 51:12, the address in entries of 8 bytes.</summary>
    public const ulong Frame64 = 0x000f_ffff_ffff_f000;

    /// <summary>Bits 31:12, the address in entries of 4 bytes.</summary>
    public const ulong Frame32 = 0xffff_f000;

    /// <summary>A number whose bits <paramref name="high"/> down to <paramref name="low"/> are ones; zero if high is below low.</summary>
    /// <param name="high">Highest bit, 0 to 63.</param>
    /// <param name="low">Lowest bit, 0 to 63.</param>
    public static ulong Range(int high, int low) => high < low ? 0 : ulong.MaxValue >> (63 - high) & ulong.MaxValue << low;
}
