using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Tlb;

/// <summary>One row of the fast table as batches probe it: eight bytes an entry, so that a lane costs one load.</summary>
/// <remarks>
/// <code>
/// entry:    63              52 51                     28 27                       0
///          +------------------+-------------------------+--------------------------+
///          | generation (xor) |  linear bits 48:25      | physical bits 39:12      |     widths for linear addresses of 49 bits and less
///          +------------------+-------------------------+--------------------------+
/// slot:     linear bits 24:12
/// key:      generation in place, everything else zero
///
/// probe:    x = entry[slot] ^ ((linear >> 25) &lt;&lt; 28) ^ key        hit: x &lt; 2^28, and x is then the frame number
/// </code>
/// The sign bits of an address overlap the generation, so only canonical ones may be found; the rest is as in <see cref="AddendTable"/>.
/// Behind the entries lie 8,192 attributes.
/// </remarks>
internal static unsafe class PackedTable
{
    internal const int FrameBits = 28;
    internal const ulong LastFrame = (1UL << FrameBits) - 1;
    internal const int TagShift = 12 + FastTable.SlotBits;

    /// <summary>How wide linear addresses may be, sign-extended, beside generations of twelve bits: slot and tag have so many bits.</summary>
    internal const int LinearBits = 52 - FrameBits + TagShift;

    /// <summary>Where the slot is in an address, as BEXTR wants it: first bit, and number of bits in the second byte.</summary>
    internal const ushort SlotControl = 12 | (FastTable.SlotBits << 8);

    /// <summary>What a row takes.</summary>
    internal const nuint Bytes = FastTable.Slots * (sizeof(ulong) + sizeof(uint));

    /// <summary>The tag of an address, without generation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong TagOf(ulong linear) => (linear << (FrameBits - TagShift)) & (ulong.MaxValue << FrameBits);

    /// <summary>Puts a page in.</summary>
    internal static void Insert(byte* table, ulong linear, ulong key, ulong physical, uint attributes)
    {
        nuint slot = FastTable.SlotOf(linear);
        ((ulong*)table)[slot] = TagOf(linear) ^ key ^ (physical >> 12);
        AttributesOf(table)[slot] = attributes;
    }

    /// <summary>Drops the page of an address, and, if its page may be a larger one, all its parts.</summary>
    /// <param name="table">The row.</param>
    /// <param name="linear">Any address in the page.</param>
    /// <param name="key">The context's.</param>
    /// <param name="scope">Base-two logarithm of the largest page that may hold the address.</param>
    /// <param name="onlyGlobal">Whether pages that are not global stay.</param>
    internal static void Forget(byte* table, ulong linear, ulong key, int scope, bool onlyGlobal)
    {
        ulong* entries = (ulong*)table;
        uint* attributes = AttributesOf(table);
        nuint own = FastTable.SlotOf(linear);
        ulong x = entries[own] ^ TagOf(linear) ^ key;
        if (x >> FrameBits == 0 && (!onlyGlobal || FastTable.IsGlobal(attributes[own]))) entries[own] = 0;
        if (scope == 12) return;

        // Slots of one 4-MiB region are neighbours and have one tag; a gigabyte goes round the table.
        bool huge = scope == 30;
        ulong start = huge ? 0 : FastTable.SlotOf(linear & ~((1UL << scope) - 1));
        ulong count = huge ? FastTable.Slots : 1UL << (scope - 12);
        Vector256<ulong> tag = Vector256.Create(TagOf(linear) ^ key);
        Vector256<ulong> tagMask = Vector256.Create(~LastFrame);
        for (ulong i = start; i < start + count; i++)
        {
            // Where almost nothing is found, eight entries cost one branch.
            if (!huge && i % 8 == 0)
            {
                Vector256<ulong> first = (Vector256.Load(entries + i) ^ tag) & tagMask, second = (Vector256.Load(entries + i + 4) ^ tag) & tagMask;
                if (!Vector256.EqualsAny(Vector256.Min(first, second), Vector256<ulong>.Zero))
                {
                    i += 7;
                    continue;
                }
            }

            ulong entry = entries[i];
            if (entry == 0) continue;
            int shift = (int)(attributes[i] >> 8) & 0xff;
            if (shift <= 12 || (onlyGlobal && !FastTable.IsGlobal(attributes[i]))) continue;
            // An entry of another context differs in the generation, which is where the sign of the address is.
            ulong page = ((entry ^ key) >> FrameBits << FastTable.SlotBits) | i;
            if ((page ^ ((linear >> 12) & ((1UL << 49) - 1))) >> (shift - 12) == 0) entries[i] = 0;
        }
    }

    /// <summary>Says what a slot holds under a key.</summary>
    /// <param name="table">The row.</param>
    /// <param name="slot">The slot.</param>
    /// <param name="key">The context's.</param>
    /// <param name="linear">The page; not canonical if the entry is another context's.</param>
    /// <param name="physical">Where it is.</param>
    /// <param name="attributes">What is remembered beside it.</param>
    /// <returns>Whether it holds something.</returns>
    internal static bool TryDecode(byte* table, nuint slot, ulong key, out ulong linear, out ulong physical, out uint attributes)
    {
        ulong entry = ((ulong*)table)[slot], x = entry ^ key;
        linear = (ulong)((long)(x & ~LastFrame) >> (FrameBits - TagShift)) | (slot << 12);
        physical = (x & LastFrame) << 12;
        attributes = AttributesOf(table)[slot];
        return entry != 0;
    }

    /// <summary>Drops a frame, whatever address and context it was entered for.</summary>
    /// <param name="table">The row.</param>
    /// <param name="frame">The number of the frame.</param>
    internal static void ForgetFrame(byte* table, ulong frame)
    {
        ulong* entries = (ulong*)table;
        Vector256<ulong> wanted = Vector256.Create(frame), mask = Vector256.Create(LastFrame);
        for (int i = 0; i < FastTable.Slots; i += 8)
        {
            Vector256<ulong> first = (Vector256.Load(entries + i) ^ wanted) & mask, second = (Vector256.Load(entries + i + 4) ^ wanted) & mask;
            if (!Vector256.EqualsAny(Vector256.Min(first, second), Vector256<ulong>.Zero)) continue;
            for (int slot = i; slot < i + 8; slot++)
            {
                if (((entries[slot] ^ frame) & LastFrame) == 0) entries[slot] = 0;
            }
        }
    }

    private static uint* AttributesOf(byte* table) => (uint*)(table + (FastTable.Slots * sizeof(ulong)));
}
