using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Tlb;

/// <summary>
/// One row of the fast table as single accesses probe it: what an address must be, and what makes it physical. A JIT may inline the probe.
/// </summary>
/// <remarks>
/// <code>
/// byte  0           8            16                   entries of 8,192 slots, then their attributes: four bytes a slot,
///      +-----------+------------+- - -                as <see cref="Translation.AttributesOf"/> has them
///      | tag       | addend     |
///      +-----------+------------+- - -
/// tag:      linear bits 63:12 in place, and the generation in bits 11:0
/// addend:   physical − linear
/// slot:     linear bits 24:12
///
/// probe:    tag[slot] == ((linear + size − 1) &amp; ~0xfff | generation)       then physical = linear + addend[slot]
/// </code>
/// One compare decides presence, rights, RAM (devices, ROM and holes never enter), context, canonical form, and whether all bytes of the access
/// lie in the page: the page after one is never in its slot. Generations begin at 1, so zeros are never found.
/// </remarks>
internal static unsafe class AddendTable
{
    /// <summary>Bytes of an entry.</summary>
    internal const int EntryBytes = 16;

    /// <summary>Where the addend is in an entry.</summary>
    internal const int Addend = 8;

    /// <summary>Where the attributes begin, in bytes.</summary>
    internal const int Attributes = FastTable.Slots * EntryBytes;

    /// <summary>What a row takes.</summary>
    internal const nuint Bytes = Attributes + (FastTable.Slots * sizeof(uint));

    private const ulong PageMask = ~0xfffUL;

    /// <summary>The tag of an address whose access has one byte, or of the last byte of one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong TagOf(ulong linear, ulong generation) => (linear & PageMask) | generation;

    /// <summary>The entry in an address's slot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong* EntryOf(byte* table, ulong linear) => (ulong*)(table + ((linear >> 8) & ((FastTable.Slots - 1) * EntryBytes)));

    /// <summary>Puts a page in.</summary>
    internal static void Insert(byte* table, ulong linear, ulong generation, ulong physical, uint attributes)
    {
        ulong* entry = EntryOf(table, linear);
        entry[0] = TagOf(linear, generation);
        entry[1] = (physical & PageMask) - (linear & PageMask);
        ((uint*)(table + Attributes))[FastTable.SlotOf(linear)] = attributes;
    }

    /// <summary>Drops the page of an address, and, if its page may be a larger one, all its parts.</summary>
    /// <param name="table">The row.</param>
    /// <param name="linear">Any address in the page.</param>
    /// <param name="generation">The context's.</param>
    /// <param name="scope">Base-two logarithm of the largest page that may hold the address.</param>
    /// <param name="onlyGlobal">Whether pages that are not global stay.</param>
    internal static void Forget(byte* table, ulong linear, ulong generation, int scope, bool onlyGlobal)
    {
        uint* attributes = (uint*)(table + Attributes);
        ulong* own = EntryOf(table, linear);
        if (*own == TagOf(linear, generation) && (!onlyGlobal || FastTable.IsGlobal(attributes[FastTable.SlotOf(linear)]))) *own = 0;
        if (scope == 12) return;

        // The parts of a region are neighbours; those of a gigabyte go round the table.
        ulong reach = (1UL << scope) - 1;
        nuint start = scope - 12 >= FastTable.SlotBits ? 0 : FastTable.SlotOf(linear & ~reach);
        nuint end = start + (nuint)Math.Min(FastTable.Slots, (reach + 1) >> 12);
        ulong tag = (linear & ~reach) | generation, mask = ~reach | 0xfff;
        Vector256<ulong> wanted = Vector256.Create(tag, 0, tag, 0), compared = Vector256.Create(mask, 0, mask, 0), addends = Vector256.Create(0UL, 1, 0, 1);
        for (nuint i = start; i < end; i += 4)
        {
            // Where almost nothing is found, four entries cost one branch.
            ulong* entries = (ulong*)(table + (i * EntryBytes));
            Vector256<ulong> first = (Vector256.Load(entries) ^ wanted) & compared, second = (Vector256.Load(entries + 4) ^ wanted) & compared;
            if (!Vector256.EqualsAny(Vector256.Min(first, second) | addends, Vector256<ulong>.Zero)) continue;
            for (nuint slot = i; slot < i + 4; slot++)
            {
                // Pages of several sizes may have been entered here one after the other: only parts of the one that holds the address go.
                ulong* entry = (ulong*)(table + (slot * EntryBytes));
                int shift = (int)(attributes[slot] >> 8) & 0xff;
                bool same = (*entry ^ linear) >> shift == 0 && (*entry & 0xfff) == generation;
                if (shift > 12 && same && (!onlyGlobal || FastTable.IsGlobal(attributes[slot]))) *entry = 0;
            }
        }
    }

    /// <summary>Says what a slot holds.</summary>
    /// <param name="table">The row.</param>
    /// <param name="slot">The slot.</param>
    /// <param name="generation">The context's, not 0.</param>
    /// <param name="linear">The page.</param>
    /// <param name="physical">Where it is.</param>
    /// <returns>Whether it holds something of that context.</returns>
    internal static bool TryDecode(byte* table, nuint slot, ulong generation, out ulong linear, out ulong physical)
    {
        ulong* entry = (ulong*)(table + (slot * EntryBytes));
        linear = entry[0] & PageMask;
        physical = linear + entry[1];
        return (entry[0] & ~PageMask) == generation;
    }

    /// <summary>Drops a frame, whatever address and context it was entered for.</summary>
    /// <param name="table">The row.</param>
    /// <param name="frame">The number of the frame.</param>
    internal static void ForgetFrame(byte* table, ulong frame)
    {
        for (ulong* entry = (ulong*)table, end = entry + (FastTable.Slots * 2); entry < end; entry += 2)
        {
            if ((entry[0] & PageMask) + entry[1] == frame << 12) entry[0] = 0;
        }
    }
}
