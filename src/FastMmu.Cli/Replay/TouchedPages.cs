using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Cli.Replay;

/// <summary>The pages that a trace has touched, and how.</summary>
internal sealed class TouchedPages
{
    private const int RecentSlots = 1024;

    // What was touched last, so that almost all accesses end here; zero stands for nothing, and no entry is zero.
    private readonly ulong[] _recent = new ulong[RecentSlots];
    private readonly Dictionary<ulong, byte> _pages = [];
    private readonly long[] _byAccess = new long[3];
    private readonly int _shift;

    /// <param name="size">The size of the pages.</param>
    public TouchedPages(PageSize size) => _shift = size.Shift();

    /// <summary>How many pages there are.</summary>
    public long Count => _pages.Count;

    /// <summary>How many pages were touched by accesses of one kind.</summary>
    public long CountOf(Access access) => _byAccess[(int)access];

    /// <summary>Notes an access: a read, a write or a fetch.</summary>
    /// <returns>Whether its page is new.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Touch(ulong linear, Access access)
    {
        ulong page = linear >> _shift;
        ulong entry = (page << 2) | ((ulong)access + 1);
        ref ulong recent = ref _recent[(page ^ ((ulong)access << 8)) % RecentSlots];
        if (recent == entry) return false;
        recent = entry;
        return Note(page, access);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Note(ulong page, Access access)
    {
        ref byte kinds = ref CollectionsMarshal.GetValueRefOrAddDefault(_pages, page, out bool known);
        byte kind = (byte)(1 << (int)access);
        if ((kinds & kind) == 0) _byAccess[(int)access]++;
        kinds |= kind;
        return !known;
    }
}
