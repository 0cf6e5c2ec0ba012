using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Tlb;

/// <summary>One array of a TLB in native memory: sets one after the other, each a record of whole cache lines.</summary>
/// <remarks>
/// <code>
/// record:  +-------------------------+-------+-------------------+--------------------+- - - - - - - -+- - - -+
///          | tag of each way, 8 B,   | swept | replacement state | entry of each way, | hints, 1 KiB, | to 64 |
///          | padded to 4 or 8 with 0 | 8 B   | (policy)          | 16 B               | over 32 ways  |       |
///          +-------------------------+-------+-------------------+--------------------+- - - - - - - -+- - - -+
///
///           63                               19 18  17 16                        0
/// tag:     +-----------------------------------+------+---------------------------+
///          | linear page, address bits 56:12   | size | context, 0 = empty        |
///          +-----------------------------------+------+---------------------------+
/// </code>
/// One comparison of 64 bits asks everything: the page, its size, whose it is, and whether it was invalidated since. A tag stands
/// in a set at most once. <c>swept</c> is the value of <see cref="TlbContexts.Deaths"/> when dead tags of the set were last cleared.
/// A hint is the way where a page with a number like this one's was found last: it is tried before the many ways of a large set are
/// compared, and means nothing unless the tag there is the one looked for.
/// </remarks>
internal unsafe struct TlbArray
{
    public const int ContextBits = 17;
    public const uint LastContext = (1U << ContextBits) - 1;
    public const ulong ContextMask = LastContext;
    public const int SizePosition = ContextBits;
    public const int Hints = 1024;

    /// <summary>A linear address moves this far left in a tag, so that bits 63:57, copies of bit 56, fall out.</summary>
    public const int LinearShift = 7;

    /// <summary>The first record, 64-byte aligned; null if there is no such array.</summary>
    public byte* Records;
    public int SetMask;
    public int Ways;
    public int RecordBytes;
    public int EntriesOffset;
    public TlbPages Pages;

    /// <summary>Tags of a set, with padding: one vector of four, or pairs of them.</summary>
    /// <param name="ways">Entries of the set.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TagSlots(int ways) => ways <= 4 ? 4 : (ways + 7) & ~7;

    /// <summary>Where in a record the replacement state is.</summary>
    /// <param name="ways">Entries of the set.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StateOffsetOf(int ways) => (TagSlots(ways) * 8) + 8;

    /// <summary>Where in a record the entries are.</summary>
    /// <param name="ways">Entries of the set.</param>
    /// <param name="stateBytes">Bytes of replacement state.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntriesOffsetOf(int ways, int stateBytes) => (StateOffsetOf(ways) + stateBytes + 15) & ~15;

    /// <summary>Where in a record the hints are, if it has any.</summary>
    /// <param name="ways">Entries of the set.</param>
    /// <param name="stateBytes">Bytes of replacement state.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int HintsOffsetOf(int ways, int stateBytes) => EntriesOffsetOf(ways, stateBytes) + (ways * sizeof(TlbEntry));

    /// <summary>Bytes of a record.</summary>
    /// <param name="ways">Entries of the set.</param>
    /// <param name="stateBytes">Bytes of replacement state.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RecordBytesOf(int ways, int stateBytes) => (HintsOffsetOf(ways, stateBytes) + (IsHinted(ways) ? Hints : 0) + 63) & ~63;

    /// <summary>Whether a set has hints: where comparing all its tags costs more than looking one up.</summary>
    /// <param name="ways">Entries of the set.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsHinted(int ways) => ways > 32;

    /// <summary>Which hint is a page's: neighbours have different ones.</summary>
    /// <param name="linear">An address in the page.</param>
    /// <param name="size">Number of the page size, 0 to 3.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint HintOf(ulong linear, int size)
    {
        ulong page = linear >> TlbPageIndex.Shift(size);
        return (nuint)((page ^ (page >> 10)) & (Hints - 1));
    }

    /// <summary>A tag without its context.</summary>
    /// <param name="linear">An address in the page, canonical for 57 bits.</param>
    /// <param name="size">Number of the page size, 0 to 3.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TagOf(ulong linear, int size)
    {
        int low = TlbPageIndex.Shift(size) + LinearShift;
        return ((linear << LinearShift) >> low << low) | ((ulong)(uint)size << SizePosition);
    }

    /// <summary>The number of the page size in a tag.</summary>
    /// <param name="tag">A tag.</param>
    public static int SizeOf(ulong tag) => (int)(tag >> SizePosition) & 3;

    /// <summary>The linear address of a tag's page, canonical for 57 bits.</summary>
    /// <param name="tag">A tag.</param>
    public static ulong LinearOf(ulong tag) => (ulong)((long)tag >> LinearShift) & ~0xfffUL;

    /// <summary>Whether bits 63:57 of an address are copies of bit 56: what a tag can tell apart.</summary>
    /// <param name="linear">A linear address.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool CanHold(ulong linear) => (ulong)((long)(linear << LinearShift) >> LinearShift) == linear;

    /// <summary>Finds the way that bears one of two tags.</summary>
    /// <param name="tags">The set's tags, 32-byte aligned.</param>
    /// <param name="ways">Entries of the set.</param>
    /// <param name="own">A tag.</param>
    /// <param name="global">Another.</param>
    /// <returns>The way, or −1.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FindWay(ulong* tags, int ways, ulong own, ulong global)
    {
        Vector256<ulong> owns = Vector256.Create(own);
        Vector256<ulong> globals = Vector256.Create(global);
        if (ways <= 4)
        {
            uint found = Matches(tags, owns, globals).ExtractMostSignificantBits();
            return found != 0 ? BitOperations.TrailingZeroCount(found) : -1;
        }

        for (int way = 0; way < ways; way += 8)
        {
            Vector256<ulong> low = Matches(tags + way, owns, globals);
            Vector256<ulong> high = Matches(tags + way + 4, owns, globals);
            if ((low | high) == Vector256<ulong>.Zero) continue;
            return way + BitOperations.TrailingZeroCount(low.ExtractMostSignificantBits() | (high.ExtractMostSignificantBits() << 4));
        }

        return -1;
    }

    /// <summary>Finds the lowest empty way.</summary>
    /// <param name="tags">The set's tags, 32-byte aligned.</param>
    /// <param name="ways">Entries of the set.</param>
    /// <returns>The way, or a number that is not below <paramref name="ways"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FindEmpty(ulong* tags, int ways)
    {
        for (int way = 0; way < ways; way += 4)
        {
            // Padding is empty too, and comes after every way.
            uint found = Vector256.Equals(Vector256.LoadAligned(tags + way), Vector256<ulong>.Zero).ExtractMostSignificantBits();
            if (found != 0) return way + BitOperations.TrailingZeroCount(found);
        }

        return ways;
    }

    /// <summary>The record of the set that holds a page.</summary>
    /// <param name="linear">An address in the page.</param>
    /// <param name="size">Number of the page size, 0 to 3.</param>
    public readonly byte* RecordOf(ulong linear, int size) => Record((int)(linear >> TlbPageIndex.Shift(size)) & SetMask);

    /// <summary>The record of a set.</summary>
    /// <param name="set">The set, at most <see cref="SetMask"/>.</param>
    public readonly byte* Record(int set) => Records + ((nint)set * RecordBytes);

    /// <summary>The tags of a record.</summary>
    /// <param name="record">A record of this array.</param>
    public static ulong* Tags(byte* record) => (ulong*)record;

    /// <summary>The entries of a record.</summary>
    /// <param name="record">A record of this array.</param>
    public readonly TlbEntry* Entries(byte* record) => (TlbEntry*)(record + EntriesOffset);

    /// <summary>When dead tags of the set were last cleared.</summary>
    /// <param name="record">A record.</param>
    /// <param name="ways">Entries of the set.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref ulong Swept(byte* record, int ways) => ref *(ulong*)(record + (TagSlots(ways) * 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Matches(ulong* tags, Vector256<ulong> owns, Vector256<ulong> globals)
    {
        Vector256<ulong> four = Vector256.LoadAligned(tags);
        return Vector256.Equals(four, owns) | Vector256.Equals(four, globals);
    }
}
