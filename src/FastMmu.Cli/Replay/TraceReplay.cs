using System.Diagnostics;
using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Tlb;
using FastMmu.Traces;

namespace FastMmu.Cli.Replay;

/// <summary>
/// Replays a trace, a block at a time, through page tables made for it: first the pages that are new are mapped, then the same accesses
/// go to a virtual CPU that counts, to one that does not, and to one that gets them in batches.
/// </summary>
internal sealed class TraceReplay : IDisposable
{
    private const int BlockAccesses = 1 << 14;

    private readonly ReplayReport _report;
    private readonly TraceGuest _guest;
    private readonly TouchedPages _pages;
    private readonly Mmu _counting;
    private readonly Mmu _scalar;
    private readonly Mmu _batch;
    private readonly ulong[] _linear = new ulong[2 * BlockAccesses];
    private readonly Access[] _access = new Access[2 * BlockAccesses];
    private readonly ulong[][] _lanes = [new ulong[2 * BlockAccesses], new ulong[2 * BlockAccesses], new ulong[2 * BlockAccesses]];
    private readonly int[] _laneCounts = new int[3];
    private readonly ulong[] _physical = new ulong[2 * BlockAccesses];
    private readonly ulong[] _counted = new ulong[2 * BlockAccesses];
    private readonly Access[] _countedAccess = new Access[2 * BlockAccesses];
    private readonly ulong[] _last = [ulong.MaxValue, ulong.MaxValue];
    private readonly long[] _repeats = new long[2];
    private readonly ulong _offsetMask;
    private readonly int _pageShift;
    private readonly bool _coalesces;
    private int _countedLength;
    private long _countingTicks, _scalarTicks, _batchTicks;

    private TraceReplay(string path, ReplayOptions options)
    {
        _report = new ReplayReport { Path = path, Options = options };
        _guest = new TraceGuest(options.PageSize);
        _pages = new TouchedPages(options.PageSize);
        _counting = _guest.CreateMmu(new MmuOptions { Tlb = options.Tlb, Statistics = true });
        _scalar = _guest.CreateMmu(new MmuOptions { Tlb = options.Tlb });
        _batch = _guest.CreateMmu(new MmuOptions { Tlb = options.Tlb });
        _offsetMask = options.PageSize.Bytes() - 1;
        _pageShift = options.PageSize.Shift();
        _coalesces = MayCoalesce();
    }

    /// <summary>Replays a trace to its end.</summary>
    /// <param name="path">The file: valgrind's text, plain or gzip, or a recording.</param>
    /// <param name="options">How.</param>
    /// <param name="work">Is told how far it is.</param>
    /// <exception cref="InputException">The file cannot be used; the message names the line, or the block.</exception>
    public static ReplayReport Run(string path, ReplayOptions options, LongWork work)
    {
        long start = Stopwatch.GetTimestamp();
        using TraceInput trace = TraceInput.Open(path);
        using var replay = new TraceReplay(path, options);
        replay.Replay(trace, work);
        return replay.Report(Stopwatch.GetElapsedTime(start));
    }

    public void Dispose()
    {
        _counting.Dispose();
        _scalar.Dispose();
        _batch.Dispose();
        _guest.Dispose();
    }

    private void Replay(TraceInput trace, LongWork work)
    {
        var block = new TraceAccess[BlockAccesses];
        for (int count; (count = trace.Read(block)) > 0;)
        {
            int translations = Spread(block.AsSpan(0, count));
            _report.Translations += translations;
            Count();
            TranslateOneByOne(translations);
            TranslateInBatches();
            work.Done = trace.Done;
        }

        if (_report.Accesses == 0) throw new InputException($"{_report.Path}: the trace holds no access");
    }

    // Accesses become translations, in the program's order and by what they do; and every page is mapped before it is used.
    // Optimised at once: a loop that is left once in a block waits long for its turn.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Spread(ReadOnlySpan<TraceAccess> block)
    {
        Array.Clear(_laneCounts);
        _countedLength = 0;
        long fetches = 0, loads = 0, stores = 0;
        int count = 0;
        foreach (TraceAccess access in block)
        {
            ulong linear = access.Linear.Value;
            // A load and store of the same bytes is one access that writes: the processor checks the right to write before it reads.
            Access does = access.Kind == TraceAccessKind.Fetch ? Access.Execute : access.Kind == TraceAccessKind.Load ? Access.Read : Access.Write;
            fetches += access.Kind == TraceAccessKind.Fetch ? 1 : 0;
            loads += access.Kind == TraceAccessKind.Load ? 1 : 0;
            stores += access.Kind == TraceAccessKind.Store ? 1 : 0;
            Spread(linear, does, count++);
            if ((linear & _offsetMask) + access.Size > _offsetMask + 1) Spread(linear + access.Size - 1, does, count++);
        }

        _report[TraceAccessKind.Fetch] += fetches;
        _report[TraceAccessKind.Load] += loads;
        _report[TraceAccessKind.Store] += stores;
        _report[TraceAccessKind.Modify] += block.Length - fetches - loads - stores;
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Spread(ulong linear, Access does, int index)
    {
        _linear[index] = linear;
        _access[index] = does;
        _lanes[(int)does][_laneCounts[(int)does]++] = linear;
        // The same access to the same page again: it hits the entry that was touched last, and changes nothing in the TLB.
        int side = does == Access.Execute ? 1 : 0;
        ulong page = (linear >> _pageShift << 2) | (ulong)does;
        if (page == _last[side])
        {
            _repeats[side]++;
            return;
        }

        _last[side] = _coalesces && new LinearAddress(linear).IsCanonical(48) ? page : ulong.MaxValue;
        if (_pages.Touch(linear, does)) _guest.Map(linear);
        _counted[_countedLength] = linear;
        _countedAccess[_countedLength++] = does;
    }

    // Where each side has arrays of its own in the first level, for such pages, what the other side does cannot come between.
    private bool MayCoalesce()
    {
        TlbPages pages = _report.Options.PageSize == PageSize.Size4K ? TlbPages.Size4K : TlbPages.Size2M;
        TlbArrayDescription[] first = [.. _counting.Tlb.Arrays.Where(a => a.Level == 1 && a.Shape.Pages.HasFlag(pages))];
        return first is [var one, var other] && one.Data != one.Instruction && other.Data != other.Instruction && one.Data != other.Data;
    }

    private void Count()
    {
        long start = Stopwatch.GetTimestamp();
        int refused = Translate(_counting, _counted.AsSpan(0, _countedLength), _countedAccess.AsSpan(0, _countedLength));
        _countingTicks += Stopwatch.GetTimestamp() - start;
        _report.Refused += refused;
    }

    private void TranslateOneByOne(int count)
    {
        long start = Stopwatch.GetTimestamp();
        _ = Translate(_scalar, _linear.AsSpan(0, count), _access.AsSpan(0, count));
        _scalarTicks += Stopwatch.GetTimestamp() - start;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Translate(Mmu mmu, ReadOnlySpan<ulong> linear, ReadOnlySpan<Access> access)
    {
        int refused = 0;
        for (int i = 0; i < linear.Length; i++)
        {
            if (!mmu.Translate(linear[i], access[i], Privilege.User).Ok) refused++;
        }

        return refused;
    }

    private void TranslateInBatches()
    {
        long start = Stopwatch.GetTimestamp();
        for (int access = 0; access < _lanes.Length; access++)
        {
            int count = _laneCounts[access];
            _ = _batch.TranslateBatch(_lanes[access].AsSpan(0, count), _physical.AsSpan(0, count), (Access)access, Privilege.User);
        }

        _batchTicks += Stopwatch.GetTimestamp() - start;
    }

    private ReplayReport Report(TimeSpan elapsed)
    {
        double nanoseconds = 1e9 / Stopwatch.Frequency / _report.Translations;
        _report.Pages = _pages.Count;
        for (Access access = Access.Read; access <= Access.Execute; access++) _report.PagesOf(access) = _pages.CountOf(access);
        _report.TableBytes = _guest.TableUse;
        _report.Counted = _counting.Statistics;
        for (TlbAccess kind = TlbAccess.Data; kind <= TlbAccess.Instruction; kind++) _report.RepeatsOf(kind) = _repeats[(int)kind];
        _report.Arrays = _counting.Tlb.Arrays;
        _report.CountedNanoseconds = _countingTicks * nanoseconds;
        _report.ScalarNanoseconds = _scalarTicks * nanoseconds;
        _report.BatchNanoseconds = _batchTicks * nanoseconds;
        _report.Elapsed = elapsed;
        return _report;
    }
}
