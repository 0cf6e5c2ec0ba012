using FastMmu.Addresses;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

/// <summary>Random operations on a TLB and on the list of what it may answer. The seeds stand in the names of the cases.</summary>
public sealed class TlbPropertyTests
{
    private const int Operations = 20_000;
    private static readonly PageSize[] s_sizes = [PageSize.Size4K, PageSize.Size4K, PageSize.Size4K, PageSize.Size2M, PageSize.Size4M, PageSize.Size1G];

    public static TheoryData<string, ReplacementKind, int> Cases()
    {
        var cases = new TheoryData<string, ReplacementKind, int>();
        foreach (string geometry in new[] { nameof(SplitTlb), nameof(SharedSecondTlb), nameof(Zen4Tlb), nameof(SkylakeTlb), nameof(Intel80386Tlb) })
        {
            foreach (ReplacementKind replacement in Enum.GetValues<ReplacementKind>()) cases.Add(geometry, replacement, 1 + cases.Count);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TlbNeverAnswersWhatWasNotInsertedOrIsInvalidated(string geometry, ReplacementKind replacement, int seed)
    {
        using TranslationCache tlb = Create(geometry, replacement);
        int hits = Run(tlb, seed, mustHit: false);
        Assert.True(hits > Operations / 50, $"Only {hits} hits: the property was hardly tried.");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void TlbWithRoomAnswersExactlyWhatWasInsertedAndIsNotInvalidated(int seed)
    {
        // 250 entries, and fewer than that many pages to insert: nothing is evicted, so a miss is a loss.
        using TranslationCache tlb = TranslationCache.Create<RoomyTlb>(ReplacementKind.TrueLru, statistics: true);
        Run(tlb, seed, mustHit: true);
        Assert.Equal(0ul, tlb.Statistics.TotalEvictions);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void RunningOutOfContextNumbersLosesNothing(int seed)
    {
        using var tlb = new SetAssociativeTlb<RoomyTlb, TrueLru, NoTlbStatistics>(1, TlbContexts.SmallestLast);
        var naive = new NaiveTlb();
        var random = new Random(seed);
        for (int i = 0; i < 3 * (int)TlbContexts.SmallestLast; i++)
        {
            int pcid = random.Next(6);
            if (i % 97 == 0)
            {
                var entry = new TlbEntry((ulong)random.Next(16) << 12, (ulong)i << 12, PageSize.Size4K, pcid, 3, global: random.Next(8) == 0);
                tlb.Insert(in entry, TlbAccess.Data);
                naive.Insert(entry);
            }

            // Each of these makes one number die and the next use of the PCID take another.
            int victim = 3 + random.Next(3);
            tlb.InvalidatePcid(victim);
            naive.InvalidatePcid(victim);
            ulong linear = (ulong)random.Next(16) << 12;
            Assert.Equal(naive.Find(linear, victim) ?? default, tlb.TryFind(linear, victim, TlbAccess.Data, out TlbEntry a) ? a : default);
            Assert.Equal(naive.Find(linear, pcid) ?? default, tlb.TryFind(linear, pcid, TlbAccess.Data, out TlbEntry b) ? b : default);
        }
    }

    private static TranslationCache Create(string geometry, ReplacementKind replacement) => geometry switch
    {
        nameof(SplitTlb) => TranslationCache.Create<SplitTlb>(replacement),
        nameof(SharedSecondTlb) => TranslationCache.Create<SharedSecondTlb>(replacement),
        nameof(Zen4Tlb) => TranslationCache.Create<Zen4Tlb>(replacement),
        nameof(SkylakeTlb) => TranslationCache.Create<SkylakeTlb>(replacement),
        _ => TranslationCache.Create<Intel80386Tlb>(replacement),
    };

    private static int Run(TranslationCache tlb, int seed, bool mustHit)
    {
        var random = new Random(seed);
        var naive = new NaiveTlb();
        int hits = 0;
        for (int i = 0; i < Operations; i++)
        {
            ulong linear = Linear(random);
            int pcid = Pcid(random);
            TlbAccess kind = random.Next(3) == 0 ? TlbAccess.Instruction : TlbAccess.Data;
            switch (random.Next(100))
            {
                case < 40:
                    PageSize size = s_sizes[random.Next(s_sizes.Length)];
                    var entry = new TlbEntry(
                        linear, (ulong)random.NextInt64(1L << 52), size, pcid, random.Next(16), random.Next(16), random.Next(8), random.Next(6) == 0, random.Next(2) == 0);
                    tlb.Insert(in entry, kind);
                    naive.Insert(entry);
                    break;
                case < 92:
                    if (CheckFind(tlb, naive, linear, pcid, kind, mustHit)) hits++;
                    break;
                case < 95:
                    tlb.InvalidatePage(linear, pcid);
                    naive.InvalidatePage(linear, pcid);
                    break;
                case < 97:
                    tlb.InvalidateAddress(pcid, linear);
                    naive.InvalidateAddress(pcid, linear);
                    break;
                case < 99:
                    tlb.InvalidatePcid(pcid);
                    naive.InvalidatePcid(pcid);
                    break;
                default:
                    if (random.Next(4) == 0)
                    {
                        tlb.InvalidateAll();
                        naive.InvalidateAll();
                    }
                    else
                    {
                        tlb.InvalidateNonGlobal();
                        naive.InvalidateNonGlobal();
                    }

                    break;
            }

            if (i % 64 == 0) CheckContents(tlb, naive, mustHit);
        }

        return hits;
    }

    private static bool CheckFind(TranslationCache tlb, NaiveTlb naive, ulong linear, int pcid, TlbAccess kind, bool mustHit)
    {
        bool found = tlb.TryFind(linear, pcid, kind, out TlbEntry answer);
        TlbEntry? permitted = naive.Find(linear, pcid);
        if (found) Assert.Equal(permitted, answer);
        else Assert.Equal(default, answer);
        if (mustHit) Assert.Equal(permitted != null, found);
        return found;
    }

    private static void CheckContents(TranslationCache tlb, NaiveTlb naive, bool all)
    {
        var held = tlb.Contents().Select(slot => slot.Entry).ToHashSet();
        Assert.Subset(naive.Entries.ToHashSet(), held);
        if (all) Assert.Equal(naive.Entries.Count, held.Count);
    }

    /// <summary>Few pages, close together and at the edges of the address space, so that pages of all sizes meet.</summary>
    private static ulong Linear(Random random)
    {
        ulong region = random.Next(4) switch
        {
            0 => 0,
            1 => 0x7fff_c000_0000,
            2 => 0xffff_ffff_c000_0000,
            _ => 0x00ff_ffff_c000_0000,
        };
        return region + ((ulong)random.Next(3) << 21) + ((ulong)random.Next(5) << 12) + (ulong)random.Next(4096);
    }

    private static int Pcid(Random random) => random.Next(4) switch { 0 => 0, 1 => 1, 2 => 2, _ => 4095 };
}
