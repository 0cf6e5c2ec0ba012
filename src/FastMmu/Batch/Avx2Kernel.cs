using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>
/// Four vectors of four addresses for the probe. Entries are gathered by scalar loads put together, which is faster than a gather
/// instruction on Zen 4 and not slower elsewhere. The walk, which waits for memory, is the scalar one.
/// </summary>
internal readonly unsafe struct Avx2Kernel : IBatchKernel
{
    private const int Group = IBatchKernel.Group;

    public static bool IsSupported => Avx2.IsSupported && Bmi1.X64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static int ProbeGroups(ulong* linear, ulong* physical, int groups, in ProbeState probe, out uint missed)
    {
        Vector256<ulong> key = Vector256.Create(probe.Key);
        Vector256<ulong> bias = Vector256.Create(probe.SignBias);
        Vector256<ulong> sign = Vector256.Create(probe.SignMask);
        Vector256<ulong> tagMask = Vector256.Create(ulong.MaxValue << PackedTable.FrameBits);
        Vector256<ulong> pageMask = Vector256.Create(~0xfffUL);
        ulong* table = probe.Table;
        ushort control = probe.Control;
        int group = 0;
        while (group < groups)
        {
            Vector256<ulong> v0 = Vector256.Load(linear), v1 = Vector256.Load(linear + 4);
            Vector256<ulong> v2 = Vector256.Load(linear + 8), v3 = Vector256.Load(linear + 12);
            Vector256<ulong> first = Vector256.Create(*linear);
            if ((((v0 ^ first) | (v1 ^ first) | (v2 ^ first) | (v3 ^ first)) & pageMask) == Vector256<ulong>.Zero)
            {
                if (ScalarKernel.Probe(*linear, in probe, out ulong found) != 0) break;
                // Groups of one page come one after the other, and need no probe of their own.
                Vector256<ulong> turn = Vector256.Create(found ^ *linear);
                while (true)
                {
                    (v0 ^ turn).Store(physical);
                    (v1 ^ turn).Store(physical + 4);
                    (v2 ^ turn).Store(physical + 8);
                    (v3 ^ turn).Store(physical + 12);
                    linear += Group;
                    physical += Group;
                    if (++group == groups) break;
                    v0 = Vector256.Load(linear);
                    v1 = Vector256.Load(linear + 4);
                    v2 = Vector256.Load(linear + 8);
                    v3 = Vector256.Load(linear + 12);
                    if ((((v0 ^ first) | (v1 ^ first) | (v2 ^ first) | (v3 ^ first)) & pageMask) != Vector256<ulong>.Zero) break;
                }
            }
            else
            {
                // Shifted left by three, address bit 25 meets the lowest bit of the tag. What remains of a hit is the frame number.
                Vector256<ulong> f0 = Four(linear, 0, table, control) ^ ((v0 << 3) & tagMask) ^ key;
                Vector256<ulong> f1 = Four(linear, 4, table, control) ^ ((v1 << 3) & tagMask) ^ key;
                Vector256<ulong> f2 = Four(linear, 8, table, control) ^ ((v2 << 3) & tagMask) ^ key;
                Vector256<ulong> f3 = Four(linear, 12, table, control) ^ ((v3 << 3) & tagMask) ^ key;
                Vector256<ulong> wrong = ((f0 | f1 | f2 | f3) & tagMask) | (((v0 + bias) | (v1 + bias) | (v2 + bias) | (v3 + bias)) & sign);
                if (wrong != Vector256<ulong>.Zero) break;
                ((f0 << 12) | Vector256.AndNot(v0, pageMask)).Store(physical);
                ((f1 << 12) | Vector256.AndNot(v1, pageMask)).Store(physical + 4);
                ((f2 << 12) | Vector256.AndNot(v2, pageMask)).Store(physical + 8);
                ((f3 << 12) | Vector256.AndNot(v3, pageMask)).Store(physical + 12);
                linear += Group;
                physical += Group;
                group++;
            }
        }

        missed = group < groups ? ScalarKernel.ProbeGroup(linear, physical, in probe) : 0;
        return group;
    }

    public static int WalkGroups(ulong* linear, ulong* physical, int group, int groups, in WalkState walk, WalkRing* ring, out uint missed) =>
        ScalarKernel.WalkGroups(linear, physical, group, groups, in walk, ring, out missed);

    /// <summary>The entries of four addresses. One instruction, and no other than the load, cuts the index out of an address.</summary>
    /// <param name="linear">The addresses.</param>
    /// <param name="lane">The first of the four.</param>
    /// <param name="table">The table.</param>
    /// <param name="control">First bit and number of bits of the index, as BEXTR wants them.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> Four(ulong* linear, int lane, ulong* table, ushort control) =>
        Vector256.Create(Two(linear, lane, table, control), Two(linear, lane + 2, table, control));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Two(ulong* linear, int lane, ulong* table, ushort control)
    {
        Vector128<double> low = Sse2.LoadScalarVector128((double*)(table + Bmi1.X64.BitFieldExtract(linear[lane], control)));
        return Sse2.LoadHigh(low, (double*)(table + Bmi1.X64.BitFieldExtract(linear[lane + 1], control))).AsUInt64();
    }
}
