using System.Runtime.CompilerServices;
using FastMmu.Addresses;

namespace FastMmu.Tlb;

/// <summary>A set of page sizes: which pages an array of a TLB may hold.</summary>
[Flags]
public enum TlbPages
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>4-KiB pages.</summary>
    Size4K = 1 << 0,

    /// <summary>2-MiB pages.</summary>
    Size2M = 1 << 1,

    /// <summary>4-MiB pages.</summary>
    Size4M = 1 << 2,

    /// <summary>1-GiB pages.</summary>
    Size1G = 1 << 3,

    /// <summary>2-MiB and 4-MiB pages, which one processor never uses at a time and which share their arrays.</summary>
    Large = Size2M | Size4M,

    /// <summary>Every page size.</summary>
    All = Size4K | Large | Size1G,
}

/// <summary>Page sizes as consecutive numbers, the order in which they are probed and counted.</summary>
internal static class TlbPageIndex
{
    /// <summary>How many page sizes there are.</summary>
    public const int Count = 4;

    /// <summary>4 KiB, 2 MiB, 4 MiB, 1 GiB → 0, 1, 2, 3.</summary>
    /// <param name="size">A page size other than <see cref="PageSize.None"/>.</param>
    public static int Of(PageSize size) => size switch
    {
        PageSize.Size4K => 0,
        PageSize.Size2M => 1,
        PageSize.Size4M => 2,
        PageSize.Size1G => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(size), size, "A cached translation has a page size."),
    };

    /// <summary>0, 1, 2, 3 → 12, 21, 22, 30.</summary>
    /// <param name="index">The number of a page size, 0 to 3.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Shift(int index) => (0x1e16_150c >> (index * 8)) & 0xff;

    /// <summary>0, 1, 2, 3 → 4 KiB, 2 MiB, 4 MiB, 1 GiB.</summary>
    /// <param name="index">The number of a page size, 0 to 3.</param>
    public static PageSize Size(int index) => (PageSize)Shift(index);
}
