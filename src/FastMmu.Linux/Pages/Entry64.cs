using System.Runtime.CompilerServices;

namespace FastMmu.Linux.Pages;

/// <summary>An entry of four or five levels: stored as <see cref="Pte"/> draws it.</summary>
internal readonly struct Entry64 : IPageEntry<Entry64>
{
    private readonly ulong _bits;

    private Entry64(ulong bits) => _bits = bits;

    public static int IndexBits => 9;

    public static ulong Supported => ulong.MaxValue;

    public static bool TopIsCached => false;

    public static bool InGuestMemory => true;

    public ulong Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _bits;
    }

    public bool IsEmpty => _bits == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Entry64 Of(ulong entry) => new(entry);

    public static Entry64 OfTable(ulong table, int shift) => new((table << 12) | Pte.Table);
}
