using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>
/// Eight addresses a step in two vectors of four. Entries are gathered by scalar loads put together, which is faster than a gather
/// instruction on Zen 4 and not slower elsewhere.
/// </summary>
internal readonly unsafe struct Avx2Probe : IProbeKernel
{
    public static int Width => 8;

    public static bool IsSupported => Avx2.IsSupported;

    public static int Probe(ulong* linear, ulong* physical, int count, ulong* table, in ProbeState probe, byte* missed)
    {
        Vector256<ulong> key = Vector256.Create(probe.Key);
        Vector256<ulong> bias = Vector256.Create(probe.SignBias);
        Vector256<ulong> sign = Vector256.Create(probe.SignMask);
        Vector256<ulong> tagMask = Vector256.Create(ulong.MaxValue << FastTable.FrameBits);
        Vector256<ulong> offsetMask = Vector256.Create(0xfffUL);
        int misses = 0;
        for (int i = 0; i < count; i += 8)
        {
            Vector256<ulong> address0 = Vector256.Load(linear + i);
            Vector256<ulong> address1 = Vector256.Load(linear + i + 4);
            Vector256<ulong> entry0 = Four(linear + i, table);
            Vector256<ulong> entry1 = Four(linear + i + 4, table);
            // Shifted left by three, address bit 25 meets the lowest bit of the tag.
            Vector256<ulong> wrong0 = ((entry0 ^ (address0 << 3) ^ key) & tagMask) | ((address0 + bias) & sign);
            Vector256<ulong> wrong1 = ((entry1 ^ (address1 << 3) ^ key) & tagMask) | ((address1 + bias) & sign);
            Vector256<ulong> hit0 = Vector256.Equals(wrong0, Vector256<ulong>.Zero);
            Vector256<ulong> hit1 = Vector256.Equals(wrong1, Vector256<ulong>.Zero);
            Vector256<ulong> found0 = ((entry0 << (64 - FastTable.FrameBits)) >> (52 - FastTable.FrameBits)) | (address0 & offsetMask);
            Vector256<ulong> found1 = ((entry1 << (64 - FastTable.FrameBits)) >> (52 - FastTable.FrameBits)) | (address1 & offsetMask);
            Vector256.ConditionalSelect(hit0, found0, address0).Store(physical + i);
            Vector256.ConditionalSelect(hit1, found1, address1).Store(physical + i + 4);
            uint miss = ~(hit0.ExtractMostSignificantBits() | (hit1.ExtractMostSignificantBits() << 4)) & 0xff;
            while (miss != 0)
            {
                missed[misses++] = (byte)(i + BitOperations.TrailingZeroCount(miss));
                miss &= miss - 1;
            }
        }

        return misses;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Four(ulong* linear, ulong* table) => Vector256.Create(Two(linear, table), Two(linear + 2, table));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> Two(ulong* linear, ulong* table)
    {
        Vector128<double> low = Sse2.LoadScalarVector128((double*)(table + FastTable.SlotOf(linear[0])));
        return Sse2.LoadHigh(low, (double*)(table + FastTable.SlotOf(linear[1]))).AsUInt64();
    }
}
