using System.Diagnostics;
using FastMmu.Addresses;
using FastMmu.Cli.Images;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Tlb;

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
    private const int FewestTimed = 8192;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(1);

    // A page that nobody may touch has an address all the same.
    private const ImageQuirks Plain = ImageQuirks.PdpteAccessed | ImageQuirks.NoRights;

    /// <summary>Translates all pages.</summary>
    /// <param name="guest">The guest. Accessed bits in its memory are set.</param>
    /// <param name="cr3">Another address space than the running one.</param>
    public static IReadOnlyList<TranslationRun> Run(RecordedGuest guest, ulong? cr3)
    {
        using var processor = GuestProcessor.Create(guest, cr3, cpl: 0, Plain);
        // Every page once: nothing for a TLB to remember. Without one the walk itself is what is timed.
        using var walker = GuestProcessor.Create(guest, cr3, cpl: 0, Plain, MmuOptions.Default with { Tlb = TlbPreset.None });
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

        return Run(processor.Mmu, walker.Mmu, [.. linear], [.. physical], Privilege.Supervisor);
    }

    /// <summary>Translates given pages and compares.</summary>
    /// <param name="mmu">An MMU with a TLB.</param>
    /// <param name="walker">One without, in the same address space.</param>
    /// <param name="linear">An address in each page.</param>
    /// <param name="physical">Where it must lead.</param>
    /// <param name="privilege">Whose accesses they are.</param>
    public static IReadOnlyList<TranslationRun> Run(Mmu mmu, Mmu walker, ulong[] linear, ulong[] physical, Privilege privilege)
    {
        ulong[] actual = new ulong[linear.Length];
        return
        [
            Measure("walked, one by one", linear, physical, actual, () => OneByOne(walker, linear, actual, privilege)),
            Measure("walked, in batches", linear, physical, actual, () => InBatches(walker, linear, actual, privilege)),
            Measure("through a TLB", linear, physical, actual, () => OneByOne(mmu, linear, actual, privilege)),
        ];
    }

    /// <summary>Translates given pages in batches and compares.</summary>
    /// <param name="way">What the run is called.</param>
    /// <param name="mmu">The MMU.</param>
    /// <param name="linear">An address in each page.</param>
    /// <param name="physical">Where it must lead.</param>
    /// <param name="privilege">Whose accesses they are.</param>
    public static TranslationRun RunBatches(string way, Mmu mmu, ulong[] linear, ulong[] physical, Privilege privilege)
    {
        ulong[] actual = new ulong[linear.Length];
        return Measure(way, linear, physical, actual, () => InBatches(mmu, linear, actual, privilege));
    }

    /// <summary>Translates given pages by a TLB that the embedder fills, and compares.</summary>
    /// <param name="tlb">The TLB.</param>
    /// <param name="linear">An address in each page.</param>
    /// <param name="physical">Where it must lead.</param>
    public static IReadOnlyList<TranslationRun> Run(SoftTlb tlb, ulong[] linear, ulong[] physical)
    {
        ulong[] actual = new ulong[linear.Length];
        void Forgetting()
        {
            tlb.InvalidateAll();
            OneByOne(tlb, linear, actual);
        }

        return
        [
            Measure("asked of the areas", linear, physical, actual, Forgetting),
            Measure("through a TLB", linear, physical, actual, () => OneByOne(tlb, linear, actual)),
            Measure("through a TLB, in batches", linear, physical, actual, () => tlb.TranslateBatch(linear, actual, Access.Read, Privilege.User)),
        ];
    }

    private static void OneByOne(SoftTlb tlb, ulong[] linear, ulong[] physical)
    {
        for (int i = 0; i < linear.Length; i++)
        {
            physical[i] = tlb.TryTranslate(linear[i], Access.Read, Privilege.User, out PhysicalAddress found) ? found.Value : BatchResult.FaultedLane;
        }
    }

    private static void OneByOne(Mmu mmu, ulong[] linear, ulong[] physical, Privilege privilege)
    {
        for (int i = 0; i < linear.Length; i++)
        {
            Translation translation = mmu.Translate(new LinearAddress(linear[i]), Access.Read, privilege);
            physical[i] = translation.Ok ? translation.Physical.Value : BatchResult.FaultedLane;
        }
    }

    private static void InBatches(Mmu mmu, ulong[] linear, ulong[] physical, Privilege privilege)
    {
        for (int i = 0; i < linear.Length; i += BatchLanes)
        {
            int count = Math.Min(BatchLanes, linear.Length - i);
            mmu.TranslateBatch(linear.AsSpan(i, count), physical.AsSpan(i, count), Access.Read, privilege);
        }
    }

    private static TranslationRun Measure(string way, ulong[] linear, ulong[] expected, ulong[] actual, Action round)
    {
        int rounds = 0, wrong = 0;
        string firstWrong = "";
        TimeSpan first = default, total = default;
        double best = double.MaxValue;
        while (total < Patience || (rounds < FewestRounds && total < MostTime))
        {
            // A few pages are through sooner than the clock can tell: after the first round, several count as one.
            int repeats = rounds == 0 ? 1 : Math.Max(1, FewestTimed / Math.Max(1, linear.Length));
            Array.Clear(actual);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < repeats; i++) round();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (rounds == 0) first = elapsed;
            best = Math.Min(best, elapsed.TotalNanoseconds / repeats);
            rounds += repeats;
            total += elapsed;
            if (actual.AsSpan().SequenceEqual(expected)) continue;
            wrong = Count(linear, expected, actual, out firstWrong);
            break;
        }

        return new(way, linear.Length, wrong, firstWrong, first, TimeSpan.FromMicroseconds(best / 1000), rounds, linear.Length == 0 ? 0 : best / linear.Length);
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
