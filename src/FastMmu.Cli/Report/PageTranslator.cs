using System.Diagnostics;
using FastMmu.Addresses;
using FastMmu.Cli.Images;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;

namespace FastMmu.Cli.Report;

/// <summary>
/// Translates every page that the enumeration of an address space gives, one by one and in batches, and compares. These are accesses, not
/// probes: they go through the TLB and set accessed bits, so they come last.
/// </summary>
internal static class PageTranslator
{
    private const int BatchLanes = 4096;

    // Rounds enough for the runtime to optimise; short enough not to be noticed.
    private const int FewestRounds = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(1);

    /// <summary>Translates all pages.</summary>
    /// <param name="processor">The guest's processor, asked without rights: a page that nobody may touch has an address all the same.</param>
    public static IReadOnlyList<TranslationRun> Run(GuestProcessor processor)
    {
        var linear = new List<ulong>();
        var physical = new List<ulong>();
        long left = GuestLayout.MostPages;
        foreach (MappedPage page in new AddressSpaceView(processor.Guest.Memory, processor.Mmu.State).Pages())
        {
            if (left-- == 0) break;
            // Somewhere in the page, not always at its beginning.
            ulong offset = (0x9e37_79b9_7f4a_7c15 * (ulong)(linear.Count + 1)) & (page.Size.Bytes() - 1);
            linear.Add(page.Linear.Value + offset);
            physical.Add(page.Physical.Value + offset);
        }

        ulong[] addresses = [.. linear], expected = [.. physical];
        ulong[] actual = new ulong[addresses.Length];
        return
        [
            Measure("one by one", addresses, expected, actual, () => OneByOne(processor.Mmu, addresses, actual)),
            Measure($"in batches of {BatchLanes}", addresses, expected, actual, () => InBatches(processor.Mmu, addresses, actual)),
        ];
    }

    private static void OneByOne(Mmu mmu, ulong[] linear, ulong[] physical)
    {
        for (int i = 0; i < linear.Length; i++)
        {
            Translation translation = mmu.Translate(new LinearAddress(linear[i]), Access.Read, Privilege.Supervisor);
            physical[i] = translation.Ok ? translation.Physical.Value : BatchResult.FaultedLane;
        }
    }

    private static void InBatches(Mmu mmu, ulong[] linear, ulong[] physical)
    {
        for (int i = 0; i < linear.Length; i += BatchLanes)
        {
            int count = Math.Min(BatchLanes, linear.Length - i);
            mmu.TranslateBatch(linear.AsSpan(i, count), physical.AsSpan(i, count), Access.Read, Privilege.Supervisor);
        }
    }

    private static TranslationRun Measure(string way, ulong[] linear, ulong[] expected, ulong[] actual, Action round)
    {
        int rounds = 0, wrong = 0;
        string firstWrong = "";
        TimeSpan first = default, best = TimeSpan.MaxValue, total = default;
        while (total < Patience || (rounds < FewestRounds && total < MostTime))
        {
            Array.Clear(actual);
            long start = Stopwatch.GetTimestamp();
            round();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (rounds++ == 0) first = elapsed;
            if (elapsed < best) best = elapsed;
            total += elapsed;
            if (actual.AsSpan().SequenceEqual(expected)) continue;
            wrong = Count(linear, expected, actual, out firstWrong);
            break;
        }

        return new(way, linear.Length, wrong, firstWrong, first, best, rounds);
    }

    private static int Count(ulong[] linear, ulong[] expected, ulong[] actual, out string first)
    {
        first = "";
        int wrong = 0;
        for (int i = 0; i < linear.Length; i++)
        {
            if (expected[i] == actual[i]) continue;
            if (wrong++ == 0) first = $"0x{linear[i]:x}: expected 0x{expected[i]:x} as enumerated, got {(actual[i] == BatchResult.FaultedLane ? "a fault" : $"0x{actual[i]:x}")}";
        }

        return wrong;
    }
}
