using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>One address at a time: for processors without wide vectors, and the plain statement of what the others do.</summary>
internal readonly unsafe struct ScalarProbe : IProbeKernel
{
    public static int Width => 1;

    public static bool IsSupported => true;

    public static int Probe(ulong* linear, ulong* physical, int count, ulong* table, in ProbeState probe, byte* missed)
    {
        ulong key = probe.Key, bias = probe.SignBias, mask = probe.SignMask;
        int misses = 0;
        for (int i = 0; i < count; i++)
        {
            ulong address = linear[i];
            ulong frame = table[FastTable.SlotOf(address)] ^ FastTable.TagOf(address) ^ key;
            bool hit = ((frame >> FastTable.FrameBits) | ((address + bias) & mask)) == 0;
            physical[i] = hit ? (frame << 12) | (address & 0xfff) : address;
            missed[misses] = (byte)i;
            misses += hit ? 0 : 1;
        }

        return misses;
    }
}
