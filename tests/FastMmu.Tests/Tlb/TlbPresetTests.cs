using FastMmu.Addresses;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

public sealed class TlbPresetTests
{
    /// <summary>The published numbers once more: level, who, page size, entries that page size can fill.</summary>
    public static TheoryData<TlbPreset, int, TlbAccess, PageSize, int> Capacities() => new()
    {
        { TlbPreset.Intel80386, 1, TlbAccess.Data, PageSize.Size4K, 32 },
        { TlbPreset.Intel80386, 1, TlbAccess.Instruction, PageSize.Size4K, 32 },
        { TlbPreset.Pentium, 1, TlbAccess.Data, PageSize.Size4K, 64 },
        { TlbPreset.Pentium, 1, TlbAccess.Data, PageSize.Size4M, 8 },
        { TlbPreset.Pentium, 1, TlbAccess.Instruction, PageSize.Size4K, 32 },
        { TlbPreset.SandyBridge, 1, TlbAccess.Data, PageSize.Size4K, 64 },
        { TlbPreset.SandyBridge, 1, TlbAccess.Data, PageSize.Size2M, 32 },
        { TlbPreset.SandyBridge, 1, TlbAccess.Data, PageSize.Size1G, 4 },
        { TlbPreset.SandyBridge, 1, TlbAccess.Instruction, PageSize.Size4K, 128 },
        { TlbPreset.SandyBridge, 1, TlbAccess.Instruction, PageSize.Size2M, 8 },
        { TlbPreset.SandyBridge, 2, TlbAccess.Data, PageSize.Size4K, 512 },
        { TlbPreset.Haswell, 1, TlbAccess.Data, PageSize.Size4K, 64 },
        { TlbPreset.Haswell, 1, TlbAccess.Instruction, PageSize.Size4K, 128 },
        { TlbPreset.Haswell, 2, TlbAccess.Data, PageSize.Size4K, 1024 },
        { TlbPreset.Haswell, 2, TlbAccess.Instruction, PageSize.Size2M, 1024 },
        { TlbPreset.Skylake, 1, TlbAccess.Data, PageSize.Size4K, 64 },
        { TlbPreset.Skylake, 1, TlbAccess.Instruction, PageSize.Size4K, 128 },
        { TlbPreset.Skylake, 2, TlbAccess.Data, PageSize.Size4K, 1536 },
        { TlbPreset.Skylake, 2, TlbAccess.Instruction, PageSize.Size4K, 1536 },
        { TlbPreset.Skylake, 2, TlbAccess.Data, PageSize.Size2M, 1536 },
        { TlbPreset.Skylake, 2, TlbAccess.Data, PageSize.Size1G, 16 },
        { TlbPreset.GoldenCove, 1, TlbAccess.Data, PageSize.Size4K, 96 },
        { TlbPreset.GoldenCove, 1, TlbAccess.Data, PageSize.Size2M, 32 },
        { TlbPreset.GoldenCove, 1, TlbAccess.Data, PageSize.Size1G, 8 },
        { TlbPreset.GoldenCove, 1, TlbAccess.Instruction, PageSize.Size4K, 256 },
        { TlbPreset.GoldenCove, 2, TlbAccess.Data, PageSize.Size4K, 2048 },
        { TlbPreset.Zen2, 1, TlbAccess.Data, PageSize.Size1G, 64 },
        { TlbPreset.Zen2, 2, TlbAccess.Data, PageSize.Size4K, 2048 },
        { TlbPreset.Zen2, 2, TlbAccess.Instruction, PageSize.Size4K, 512 },
        { TlbPreset.Zen3, 1, TlbAccess.Data, PageSize.Size4K, 64 },
        { TlbPreset.Zen3, 2, TlbAccess.Data, PageSize.Size2M, 2048 },
        { TlbPreset.Zen4, 1, TlbAccess.Data, PageSize.Size4K, 72 },
        { TlbPreset.Zen4, 1, TlbAccess.Instruction, PageSize.Size2M, 64 },
        { TlbPreset.Zen4, 2, TlbAccess.Data, PageSize.Size4K, 3072 },
        { TlbPreset.Zen4, 2, TlbAccess.Instruction, PageSize.Size4K, 512 },
    };

    [Theory]
    [MemberData(nameof(Capacities))]
    public void Lru_AsManyNeighbouringPagesAsFit_AllHit_AndOneMoreEvictsTheFirst(TlbPreset preset, int level, TlbAccess kind, PageSize size, int capacity)
    {
        using TranslationCache tlb = TranslationCache.Create(preset, ReplacementKind.TrueLru, statistics: true);
        for (ulong page = 0; page < (ulong)capacity; page++) tlb.Insert(Entry(page, size), kind);
        Assert.Equal(0ul, tlb.Statistics.Evictions(level));
        for (ulong page = 0; page < (ulong)capacity; page++)
        {
            Assert.True(tlb.TryFind(page << (int)size, 0, kind, out TlbEntry found));
            Assert.Equal(Entry(page, size), found);
        }

        Assert.Equal(0ul, tlb.Statistics.Misses);
        if (level == 1) Assert.Equal((ulong)capacity, tlb.Statistics.Hits(1));

        tlb.Insert(Entry((ulong)capacity, size), kind);
        Assert.Equal(1ul, tlb.Statistics.Evictions(level, kind, size));
        IEnumerable<int> arrays = Enumerable.Range(0, tlb.Arrays.Count)
            .Where(i => tlb.Arrays[i].Level == level && (kind == TlbAccess.Data ? tlb.Arrays[i].Data : tlb.Arrays[i].Instruction));
        Assert.DoesNotContain(tlb.Contents(), slot => arrays.Contains(slot.Array) && slot.Entry.Linear == 0);
        Assert.Contains(tlb.Contents(), slot => arrays.Contains(slot.Array) && slot.Entry.VirtualPageNumber == (ulong)capacity);
    }

    [Theory]
    [InlineData(TlbPreset.SandyBridge)]
    [InlineData(TlbPreset.Skylake)]
    [InlineData(TlbPreset.GoldenCove)]
    [InlineData(TlbPreset.Zen4)]
    public void SecondLevelHit_RefillsTheFirstLevel(TlbPreset preset)
    {
        using TranslationCache tlb = TranslationCache.Create(preset, ReplacementKind.TrueLru, statistics: true);
        for (ulong page = 0; page < 300; page++) tlb.Insert(Entry(page, PageSize.Size4K), TlbAccess.Data);
        Assert.True(tlb.TryFind(0, 0, TlbAccess.Data, out _));
        Assert.Equal(1ul, tlb.Statistics.Hits(2, TlbAccess.Data, PageSize.Size4K));
        Assert.True(tlb.TryFind(0, 0, TlbAccess.Data, out _));
        Assert.Equal(1ul, tlb.Statistics.Hits(1, TlbAccess.Data, PageSize.Size4K));
    }

    [Fact]
    public void UnifiedSecondLevel_ServesTheOtherKindOfAccess()
    {
        using TranslationCache skylake = TranslationCache.Create(TlbPreset.Skylake);
        using TranslationCache zen = TranslationCache.Create(TlbPreset.Zen4);
        skylake.Insert(Entry(5, PageSize.Size4K), TlbAccess.Data);
        zen.Insert(Entry(5, PageSize.Size4K), TlbAccess.Data);
        Assert.True(skylake.TryFind(0x5000, 0, TlbAccess.Instruction, out _));
        Assert.False(zen.TryFind(0x5000, 0, TlbAccess.Instruction, out _));
    }

    [Fact]
    public void None_OfAnything_RemembersNothing()
    {
        using TranslationCache tlb = TranslationCache.Create(TlbPreset.None, statistics: true);
        tlb.Insert(Entry(1, PageSize.Size4K), TlbAccess.Data);
        tlb.InvalidatePage(0, 0);
        tlb.InvalidateAddress(0, 0);
        tlb.InvalidatePcid(0);
        tlb.InvalidateNonGlobal();
        tlb.InvalidateAll();
        tlb.ResetStatistics();
        Assert.False(tlb.TryFind(0x1000, 0, TlbAccess.Data, out _));
        Assert.False(tlb.TryPeek(0x1000, 0, TlbAccess.Data, out _));
        Assert.Empty(tlb.Contents());
        Assert.Empty(tlb.Arrays);
        Assert.Equal(default, tlb.Statistics);
    }

    [Fact]
    public void EveryPreset_CanBeHadWithEveryReplacement_AndNamesItsSource()
    {
        foreach (TlbPreset preset in Enum.GetValues<TlbPreset>())
        {
            Assert.Equal(preset == TlbPreset.None, TlbPresets.SourceOf(preset).Length == 0);
            foreach (ReplacementKind replacement in Enum.GetValues<ReplacementKind>())
            {
                using TranslationCache tlb = TranslationCache.Create(preset, replacement);
                tlb.Insert(Entry(7, PageSize.Size4K), TlbAccess.Instruction);
                Assert.Equal(preset != TlbPreset.None, tlb.TryFind(0x7123, 0, TlbAccess.Instruction, out _));
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => TranslationCache.Create((TlbPreset)99));
        Assert.Throws<ArgumentOutOfRangeException>(() => TranslationCache.Create(TlbPreset.Zen4, (ReplacementKind)99));
        Assert.Throws<ArgumentOutOfRangeException>(() => TlbPresets.SourceOf((TlbPreset)99));
    }

    [Fact]
    public void Arrays_OfAPreset_SayWhoSeesThem()
    {
        using TranslationCache tlb = TranslationCache.Create(TlbPreset.Skylake);
        Assert.Equal(
            [
                "L1 data: 64 entries, 4-way, Size4K",
                "L1 data: 32 entries, 4-way, Large",
                "L1 data: 4 entries, fully associative, Size1G",
                "L1 instruction: 128 entries, 8-way, Size4K",
                "L1 instruction: 8 entries, fully associative, Large, Size1G",
                "L2 unified: 1536 entries, 12-way, Size4K, Large",
                "L2 unified: 16 entries, 4-way, Size1G",
            ],
            tlb.Arrays.Select(a => a.ToString()));
    }

    [Fact]
    public void Geometry_ThatCannotBe_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => TranslationCache.Create<ThreeSetsTlb>());
        Assert.Throws<ArgumentException>(() => TranslationCache.Create<TooManyWaysTlb>());
        Assert.Throws<ArgumentException>(() => TranslationCache.Create<TwiceTheSameSizeTlb>());
        Assert.Throws<ArgumentException>(() => TranslationCache.Create<NoPagesTlb>());
    }

    private static TlbEntry Entry(ulong page, PageSize size) => new(page << (int)size, (page + 9) << (int)size, size, 0, 3);

    private readonly struct ThreeSetsTlb : ITlbGeometry
    {
        public static TlbLevelShape Data => new(new TlbArrayShape(3, 4, TlbPages.All));

        public static TlbLevelShape Instruction => TlbLevelShape.None;

        public static TlbLevelShape SecondData => TlbLevelShape.None;

        public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

        public static bool Unified => false;
    }

    private readonly struct TooManyWaysTlb : ITlbGeometry
    {
        public static TlbLevelShape Data => new(TlbArrayShape.FullyAssociative(256, TlbPages.All));

        public static TlbLevelShape Instruction => TlbLevelShape.None;

        public static TlbLevelShape SecondData => TlbLevelShape.None;

        public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

        public static bool Unified => false;
    }

    private readonly struct TwiceTheSameSizeTlb : ITlbGeometry
    {
        public static TlbLevelShape Data => new(TlbArrayShape.FullyAssociative(4, TlbPages.All), TlbArrayShape.FullyAssociative(4, TlbPages.Size1G));

        public static TlbLevelShape Instruction => TlbLevelShape.None;

        public static TlbLevelShape SecondData => TlbLevelShape.None;

        public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

        public static bool Unified => false;
    }

    private readonly struct NoPagesTlb : ITlbGeometry
    {
        public static TlbLevelShape Data => new(new TlbArrayShape(4, 4, TlbPages.None));

        public static TlbLevelShape Instruction => TlbLevelShape.None;

        public static TlbLevelShape SecondData => TlbLevelShape.None;

        public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

        public static bool Unified => false;
    }
}
