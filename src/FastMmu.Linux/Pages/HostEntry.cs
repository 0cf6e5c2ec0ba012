using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Pages;

/// <summary>An entry of tables that no processor walks: a leaf is what <see cref="Pte"/> draws, above the leaves stand host addresses of tables.</summary>
/// <remarks>
/// <code>
///  63                                                                    0
/// +-----------------------------------------------------------------------+
/// |        host address of the table below, a multiple of 4096; or 0      |     above the leaves
/// +-----------------------------------------------------------------------+
/// </code>
/// The tables have the shape of four levels, so that their counts are those of a kernel.
/// </remarks>
internal readonly struct HostEntry : IPageEntry<HostEntry>
{
    private readonly ulong _bits;

    private HostEntry(ulong bits) => _bits = bits;

    public static int IndexBits => 9;

    public static ulong Supported => ulong.MaxValue;

    public static bool TopIsCached => false;

    public static bool InGuestMemory => false;

    public ulong Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _bits;
    }

    public bool IsEmpty => _bits == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostEntry Of(ulong entry) => new(entry);

    public static HostEntry OfTable(ulong table, int shift) => new(table);
}
