using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FastMmu.NativeCompare;

/// <summary>What one side took for one workload.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Side">The side.</param>
/// <param name="Nanoseconds">Median over the rounds of the median over a round's batches, in nanoseconds a translation.</param>
/// <param name="Spread">Third quartile less first quartile of the rounds, in the same unit.</param>
internal readonly record struct Result(string Workload, string Side, double Nanoseconds, double Spread);

/// <summary>Runs the sides of one workload in turn, A B C A B C, on the same addresses and buffers.</summary>
internal sealed unsafe class Measurement : IDisposable
{
    /// <summary>Addresses in a batch: both buffers together stay in a second-level cache.</summary>
    public const int BatchLength = 16384;

    // Until a side is as fast as it stays, where leaf entries fill a second-level cache.
    private const int SettlingBatches = 16;

    private readonly int _rounds;
    private readonly int _batchesPerRound;
    private readonly double _nanosecondsPerTick = 1e9 / Stopwatch.Frequency;
    private ulong* _linear = Allocate();
    private ulong* _physical = Allocate();

    public Measurement(bool quick)
    {
        _rounds = quick ? 5 : 15;
        _batchesPerRound = quick ? 8 : 32;
    }

    /// <summary>Where the addresses of a batch are when a side translates them; a multiple of 4 KiB.</summary>
    public ulong* Linear => _linear;

    /// <summary>Measures, after all sides have given the same answers.</summary>
    /// <exception cref="InvalidDataException">A side answers differently; nothing was measured.</exception>
    public IReadOnlyList<Result> Run(Workload workload, IReadOnlyList<Side> sides)
    {
        Compare(workload, sides);
        foreach (Side side in sides) WarmUp(workload, side);

        var rounds = new double[sides.Count, _rounds];
        for (int round = 0; round < _rounds; round++)
        {
            for (int side = 0; side < sides.Count; side++) rounds[side, round] = Round(workload, sides[side], round);
        }

        return [.. sides.Select((side, i) => Summarize(workload.Name, side.Name, [.. Enumerable.Range(0, _rounds).Select(r => rounds[i, r])]))];
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_linear);
        NativeMemory.AlignedFree(_physical);
        _linear = _physical = null;
    }

    private static ulong* Allocate() => (ulong*)NativeMemory.AlignedAlloc(BatchLength * sizeof(ulong), 4096);

    private void Compare(Workload workload, IReadOnlyList<Side> sides)
    {
        (string Side, ulong Checksum)? first = null;
        foreach (Side side in sides.Where(s => s.Translates))
        {
            ulong checksum = Checksum(workload, side);
            first ??= (side.Name, checksum);
            if (checksum != first.Value.Checksum)
            {
                throw new InvalidDataException($"{workload.Name}: {side.Name} translates differently from {first.Value.Side}; nothing was measured.");
            }
        }
    }

    // Depends on every answer and on its place.
    private ulong Checksum(Workload workload, Side side)
    {
        ulong checksum = 0;
        for (int start = 0; start < workload.Addresses.Length; start += BatchLength)
        {
            int count = Load(workload, start);
            side.Translate(_linear, _physical, count);
            for (int i = 0; i < count; i++) checksum = (checksum * 0x5851_f42d_4c95_7f2d) + _physical[i] + 1;
        }

        return checksum;
    }

    // Long enough for the runtime to have compiled what is hot with what it has learnt.
    private void WarmUp(Workload workload, Side side)
    {
        bool managed = side is ScalarSide or BatchSide;
        long until = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / (managed ? 4 : 50));
        for (int batch = 0; Stopwatch.GetTimestamp() < until || (managed && batch < 40); batch++) Time(workload, side, batch);
    }

    // The sides before have filled the caches with their own: a side has some batches to get them back, which are not timed.
    private double Round(Workload workload, Side side, int round)
    {
        var batches = new double[_batchesPerRound];
        for (int i = 1; i <= SettlingBatches; i++) Time(workload, side, (round * _batchesPerRound) + batches.Length + i);
        for (int i = 0; i < batches.Length; i++) batches[i] = Time(workload, side, (round * _batchesPerRound) + i);
        return Quantile(batches, 0.5);
    }

    // One whole batch: putting the addresses into the buffer is not timed.
    private double Time(Workload workload, Side side, int batch)
    {
        int whole = Math.Max(1, workload.Addresses.Length / BatchLength);
        int count = Load(workload, batch % whole * BatchLength);
        long start = Stopwatch.GetTimestamp();
        side.Translate(_linear, _physical, count);
        return (Stopwatch.GetTimestamp() - start) * _nanosecondsPerTick / count;
    }

    private int Load(Workload workload, int start)
    {
        ReadOnlySpan<ulong> addresses = workload.Addresses.AsSpan(start);
        int count = Math.Min(BatchLength, addresses.Length);
        addresses[..count].CopyTo(new(_linear, count));
        return count;
    }

    /// <summary>Median and spread of the rounds.</summary>
    public static Result Summarize(string workload, string side, double[] rounds) =>
        new(workload, side, Quantile(rounds, 0.5), Quantile(rounds, 0.75) - Quantile(rounds, 0.25));

    private static double Quantile(double[] values, double fraction)
    {
        Array.Sort(values);
        double at = fraction * (values.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, values.Length - 1);
        return values[below] + ((values[above] - values[below]) * (at - below));
    }
}
