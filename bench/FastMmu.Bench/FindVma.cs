using BenchmarkDotNet.Attributes;
using FastMmu.Linux.Areas;

namespace FastMmu.Bench;

/// <summary>What does find_vma cost in a process of usual size, and in the largest that the kernel allows by default?</summary>
public class FindVma
{
    private const int Lookups = 65_536;

    private readonly ulong[] _addresses = new ulong[Lookups];
    private VmaTree _tree = null!;
    private ulong[] _ends = null!;
    private Vma[] _areas = null!;

    [Params(24, 65_530)]
    public int Areas { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        // Inserted in an order that jumps, as programs that map and unmap for a while leave a tree.
        var random = new Random(1);
        _areas = new Vma[Areas];
        for (int i = 0; i < Areas; i++)
        {
            ulong start = 0x7f00_0000_0000 + ((ulong)i * 0x4000);
            _areas[i] = new Vma { Start = start, End = start + 0x1000 + ((ulong)random.Next(3) << 12), Flags = VmFlags.Read };
        }

        _ends = [.. _areas.Select(area => area.End)];
        Vma[] shuffled = [.. _areas];
        random.Shuffle(shuffled);
        _tree = new VmaTree();
        foreach (Vma area in shuffled) _tree.Insert(area);
        for (int i = 0; i < Lookups; i++) _addresses[i] = _areas[0].Start + (ulong)random.NextInt64((long)(_ends[^1] - _areas[0].Start));
    }

    [GlobalCleanup]
    public void Free() => _tree.Dispose();

    [Benchmark(OperationsPerInvoke = Lookups)]
    public ulong Tree()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses)
        {
            if (_tree.TryFind(address, out Vma vma)) sum += vma.Start;
        }

        return sum;
    }

    /// <summary>The same answer in place, as the fault handler asks.</summary>
    [Benchmark(OperationsPerInvoke = Lookups)]
    public ulong TreeInPlace()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses) sum += _tree.FindInPlace(address).Start;
        return sum;
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Lookups)]
    public ulong BinarySearch()
    {
        ulong sum = 0;
        foreach (ulong address in _addresses)
        {
            int index = Array.BinarySearch(_ends, address);
            index = index >= 0 ? index + 1 : ~index;
            if (index < _areas.Length) sum += _areas[index].Start;
        }

        return sum;
    }
}
