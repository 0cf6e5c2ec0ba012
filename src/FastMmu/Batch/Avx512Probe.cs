using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>
/// Sixteen addresses a step in two vectors of eight. A step whose addresses lie in one page costs one probe and a blend.
/// </summary>
internal readonly unsafe struct Avx512Probe : IProbeKernel
{
    private const byte Xor3 = 0x96;
    private const byte AndOr = 0xea; // (a & b) | c

    public static int Width => 16;

    public static bool IsSupported => Avx512F.IsSupported && Avx512DQ.IsSupported;

    public static int Probe(ulong* linear, ulong* physical, int count, ulong* table, in ProbeState probe, byte* missed)
    {
        Vector512<ulong> key = Vector512.Create(probe.Key);
        Vector512<ulong> bias = Vector512.Create(probe.SignBias);
        Vector512<ulong> sign = Vector512.Create(probe.SignMask);
        Vector512<ulong> tagMask = Vector512.Create(ulong.MaxValue << FastTable.FrameBits);
        Vector512<ulong> pageMask = Vector512.Create(~0xfffUL);
        Vector512<ulong> offsetMask = Vector512.Create(0xfffUL);
        int misses = 0;
        for (int i = 0; i < count; i += 16)
        {
            Vector512<ulong> address0 = Vector512.Load(linear + i);
            Vector512<ulong> address1 = Vector512.Load(linear + i + 8);
            ulong first = linear[i];
            Vector512<ulong> firsts = Vector512.Create(first);
            Vector512<ulong> differ = ((address0 ^ firsts) | (address1 ^ firsts)) & pageMask;
            if (differ == Vector512<ulong>.Zero)
            {
                ulong frame = table[FastTable.SlotOf(first)] ^ FastTable.TagOf(first) ^ probe.Key;
                if (((frame >> FastTable.FrameBits) | ((first + probe.SignBias) & probe.SignMask)) == 0)
                {
                    Vector512<ulong> page = Vector512.Create(frame << 12);
                    Avx512F.TernaryLogic(address0, offsetMask, page, AndOr).Store(physical + i);
                    Avx512F.TernaryLogic(address1, offsetMask, page, AndOr).Store(physical + i + 8);
                    continue;
                }
            }

            Vector512<ulong> entry0 = Eight(linear + i, table);
            Vector512<ulong> entry1 = Eight(linear + i + 8, table);
            // Shifted left by three, address bit 25 meets the lowest bit of the tag.
            Vector512<ulong> tag0 = Avx512F.TernaryLogic(entry0, address0 << 3, key, Xor3);
            Vector512<ulong> tag1 = Avx512F.TernaryLogic(entry1, address1 << 3, key, Xor3);
            Vector512<ulong> wrong0 = Avx512F.TernaryLogic(tag0, tagMask, (address0 + bias) & sign, AndOr);
            Vector512<ulong> wrong1 = Avx512F.TernaryLogic(tag1, tagMask, (address1 + bias) & sign, AndOr);
            Vector512<ulong> page0 = (entry0 << (64 - FastTable.FrameBits)) >> (52 - FastTable.FrameBits);
            Vector512<ulong> page1 = (entry1 << (64 - FastTable.FrameBits)) >> (52 - FastTable.FrameBits);
            Vector512<ulong> found0 = Avx512F.TernaryLogic(address0, offsetMask, page0, AndOr);
            Vector512<ulong> found1 = Avx512F.TernaryLogic(address1, offsetMask, page1, AndOr);
            if ((wrong0 | wrong1) == Vector512<ulong>.Zero)
            {
                found0.Store(physical + i);
                found1.Store(physical + i + 8);
                continue;
            }

            Vector512<ulong> hit0 = Vector512.Equals(wrong0, Vector512<ulong>.Zero);
            Vector512<ulong> hit1 = Vector512.Equals(wrong1, Vector512<ulong>.Zero);
            Vector512.ConditionalSelect(hit0, found0, address0).Store(physical + i);
            Vector512.ConditionalSelect(hit1, found1, address1).Store(physical + i + 8);
            uint miss = ~(uint)(hit0.ExtractMostSignificantBits() | (hit1.ExtractMostSignificantBits() << 8)) & 0xffff;
            while (miss != 0)
            {
                missed[misses++] = (byte)(i + BitOperations.TrailingZeroCount(miss));
                miss &= miss - 1;
            }
        }

        return misses;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Eight(ulong* linear, ulong* table) => Vector512.Create(
        Vector256.Create(Avx2Probe.Two(linear, table), Avx2Probe.Two(linear + 2, table)),
        Vector256.Create(Avx2Probe.Two(linear + 4, table), Avx2Probe.Two(linear + 6, table)));
}
