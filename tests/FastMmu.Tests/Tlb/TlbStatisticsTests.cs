using FastMmu.Addresses;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

public sealed class TlbStatisticsTests
{
    private static readonly PageSize[] s_sizes = [PageSize.Size4K, PageSize.Size2M, PageSize.Size4M, PageSize.Size1G];

    [Theory]
    [InlineData(nameof(SplitTlb), 11)]
    [InlineData(nameof(SplitTlb), 12)]
    [InlineData(nameof(SharedSecondTlb), 13)]
    [InlineData(nameof(TinyTlb), 14)]
    [InlineData(nameof(Intel80386Tlb), 15)]
    [InlineData(nameof(SandyBridgeTlb), 16)]
    [InlineData(nameof(Zen2Tlb), 17)]
    public void LruTlbAnswersAndCountsExactlyAsListsDo(string geometry, int seed)
    {
        using TranslationCache tlb = geometry switch
        {
            nameof(SplitTlb) => TranslationCache.Create<SplitTlb>(ReplacementKind.TrueLru, statistics: true),
            nameof(SharedSecondTlb) => TranslationCache.Create<SharedSecondTlb>(ReplacementKind.TrueLru, statistics: true),
            nameof(TinyTlb) => TranslationCache.Create<TinyTlb>(ReplacementKind.TrueLru, statistics: true),
            nameof(Intel80386Tlb) => TranslationCache.Create(TlbPreset.Intel80386, ReplacementKind.TrueLru, statistics: true),
            nameof(SandyBridgeTlb) => TranslationCache.Create(TlbPreset.SandyBridge, ReplacementKind.TrueLru, statistics: true),
            _ => TranslationCache.Create(TlbPreset.Zen2, ReplacementKind.TrueLru, statistics: true),
        };
        var naive = new NaiveLruHierarchy(tlb.Arrays);
        var random = new Random(seed);
        ulong insertions = 0, lookups = 0;
        for (int i = 0; i < 15_000; i++)
        {
            ulong linear = ((ulong)random.Next(3) << 30) + ((ulong)random.Next(6) << 21) + ((ulong)(random.Next(9) * random.Next(9)) << 12);
            int pcid = random.Next(3);
            TlbAccess kind = random.Next(3) == 0 ? TlbAccess.Instruction : TlbAccess.Data;
            switch (random.Next(400))
            {
                case 0:
                    tlb.InvalidatePcid(pcid);
                    naive.Remove(e => !e.Global && e.Pcid == pcid);
                    break;
                case 1:
                    tlb.InvalidateNonGlobal();
                    naive.Remove(e => !e.Global);
                    break;
                case 2:
                    tlb.InvalidateAll();
                    naive.Remove(_ => true);
                    break;
                case < 12:
                    tlb.InvalidatePage(linear, pcid);
                    naive.Remove(e => NaiveLruHierarchy.Answers(e, linear, pcid));
                    break;
                case < 22:
                    tlb.InvalidateAddress(pcid, linear);
                    naive.Remove(e => !e.Global && NaiveLruHierarchy.Answers(e, linear, pcid));
                    break;
                default:
                    // As a processor does: look, and on a miss walk and insert.
                    lookups++;
                    TlbEntry? expected = naive.Find(linear, pcid, kind);
                    bool found = tlb.TryFind(linear, pcid, kind, out TlbEntry answer);
                    Assert.Equal(expected ?? default, answer);
                    Assert.Equal(expected != null, found);
                    if (found && random.Next(50) > 0) break;
                    PageSize size = random.Next(12) switch { 0 => PageSize.Size2M, 1 => PageSize.Size4M, 2 => PageSize.Size1G, _ => PageSize.Size4K };
                    var entry = new TlbEntry(linear, (ulong)i << 30, size, pcid, random.Next(16), global: random.Next(9) == 0);
                    tlb.Insert(in entry, kind);
                    naive.Insert(entry, kind);
                    insertions++;
                    break;
            }
        }

        TlbStatistics counted = tlb.Statistics;
        Assert.Equal(lookups, counted.Lookups);
        Assert.Equal(insertions, counted.Insertions);
        foreach (TlbAccess kind in Enum.GetValues<TlbAccess>())
        {
            Assert.Equal(naive.Misses.GetValueOrDefault(kind), counted.MissesOf(kind));
            foreach (PageSize size in s_sizes)
            {
                for (int level = 1; level <= 2; level++)
                {
                    Assert.Equal(naive.Hits.GetValueOrDefault((level, kind, size)), counted.Hits(level, kind, size));
                    Assert.Equal(naive.Evictions.GetValueOrDefault((level, kind, size)), counted.Evictions(level, kind, size));
                }
            }
        }

        Assert.Equal(counted.Hits(1) + counted.Hits(2), counted.TotalHits);
        Assert.Equal(counted.Evictions(1) + counted.Evictions(2), counted.TotalEvictions);
        Assert.True(counted.Hits(1) > 0 && counted.TotalEvictions > 0, "The run was too tame to show anything.");
    }

    [Fact]
    public void Statistics_WhenOff_StayZero()
    {
        using TranslationCache tlb = TranslationCache.Create<TinyTlb>(ReplacementKind.TrueLru, statistics: false);
        for (ulong page = 0; page < 200; page++)
        {
            tlb.Insert(new TlbEntry(page << 12, page << 12, PageSize.Size4K, 0, 3), TlbAccess.Data);
            tlb.TryFind(page << 12, 0, TlbAccess.Data, out _);
            tlb.TryFind(page << 40, 0, TlbAccess.Instruction, out _);
        }

        Assert.Equal(default, tlb.Statistics);
    }

    [Fact]
    public void ResetStatistics_AfterUse_LeavesZeroAndTheContents()
    {
        using TranslationCache tlb = TranslationCache.Create<TinyTlb>(ReplacementKind.TrueLru, statistics: true);
        tlb.Insert(new TlbEntry(0x1000, 0x2000, PageSize.Size4K, 0, 3), TlbAccess.Data);
        Assert.True(tlb.TryFind(0x1000, 0, TlbAccess.Data, out _));
        Assert.Equal(1ul, tlb.Statistics.TotalHits);
        tlb.ResetStatistics();
        Assert.Equal(default, tlb.Statistics);
        Assert.True(tlb.TryFind(0x1000, 0, TlbAccess.Data, out _));
    }

    [Fact]
    public void TryPeek_OfAnything_ChangesNothing()
    {
        using TranslationCache tlb = TranslationCache.Create<TinyTlb>(ReplacementKind.TrueLru, statistics: true);
        for (ulong page = 0; page < 9; page++) tlb.Insert(new TlbEntry(page << 12, page << 12, PageSize.Size4K, 0, 3), TlbAccess.Data);
        TlbStatistics before = tlb.Statistics;
        IReadOnlyList<TlbSlot> slots = tlb.Contents();

        // Page 0 was pushed out of the eight entries of the first level, but not out of the second.
        Assert.True(tlb.TryPeek(0, 0, TlbAccess.Data, out TlbEntry entry));
        Assert.Equal(0ul, entry.Linear);
        Assert.True(tlb.TryPeek(0x1000, 0, TlbAccess.Data, out _));
        Assert.False(tlb.TryPeek(0x1000, 7, TlbAccess.Data, out _));
        Assert.False(tlb.TryPeek(0x9000, 0, TlbAccess.Data, out entry));
        Assert.Equal(default, entry);
        Assert.Equal(before, tlb.Statistics);
        Assert.Equal(slots, tlb.Contents());

        // Had the peek at page 1 counted as a use, page 2 would have to go now instead of page 1.
        tlb.Insert(new TlbEntry(0x9000, 0, PageSize.Size4K, 0, 3), TlbAccess.Data);
        ulong[] first = [.. tlb.Contents().Where(s => s.Array == 0).Select(s => s.Entry.Linear).Order()];
        Assert.Equal([0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000, 0x9000], first);
    }
}
