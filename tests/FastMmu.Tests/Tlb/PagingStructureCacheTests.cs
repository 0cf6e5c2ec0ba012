using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

public sealed class PagingStructureCacheTests
{
    private const ulong Linear = 0x7f12_3456_7000;

    [Fact]
    public void TryFindDeepest_OfAWholePath_ReturnsTheLowestTable()
    {
        using var cache = new PagingStructureCache(PagingStructureGeometry.Default);
        Assert.False(cache.TryFindDeepest(Linear, 1, out PagingStructureEntry entry));
        Assert.Equal(default, entry);
        for (int level = 4; level >= 1; level--)
        {
            cache.Insert(Linear, 1, level, (ulong)level << 12, level);
            Assert.True(cache.TryFindDeepest(Linear, 1, out entry));
            ulong reach = 1UL << (12 + (9 * level));
            Assert.Equal(new PagingStructureEntry(Linear / reach * reach, 1, (ulong)level << 12, level, level), entry);
        }
    }

    [Theory]
    [InlineData(9, 1, 21)]
    [InlineData(9, 2, 30)]
    [InlineData(9, 3, 39)]
    [InlineData(9, 4, 48)]
    [InlineData(10, 1, 22)]
    public void Insert_OfATable_AnswersForAllItTranslatesAndNoMore(int indexBits, int level, int reach)
    {
        using var cache = new PagingStructureCache(PagingStructureGeometry.Default);
        cache.IndexBits = indexBits;
        ulong first = 3UL << reach, last = first + (1UL << reach) - 1;
        cache.Insert(first + 0x1234, 0, level, 0x000f_ffff_ffff_f000, 7);
        Assert.True(cache.TryFindDeepest(first, 0, out PagingStructureEntry entry));
        Assert.Equal((first, 0x000f_ffff_ffff_f000ul, level, 7), (entry.Linear, entry.Table, entry.Level, entry.PathRights));
        Assert.True(cache.TryFindDeepest(last, 0, out _));
        Assert.False(cache.TryFindDeepest(first - 1, 0, out _));
        Assert.False(cache.TryFindDeepest(last + 1, 0, out _));
    }

    [Fact]
    public void Rights_OfOneTableReachedByTwoPaths_StayWithEachPath()
    {
        using var cache = new PagingStructureCache(PagingStructureGeometry.Default);
        cache.Insert(0, 0, 1, 0x5000, 3);
        cache.Insert(1UL << 30, 0, 1, 0x5000, 2);
        Assert.True(cache.TryFindDeepest(0, 0, out PagingStructureEntry writable));
        Assert.True(cache.TryFindDeepest(1UL << 30, 0, out PagingStructureEntry readOnly));
        Assert.Equal((3, 2), (writable.PathRights, readOnly.PathRights));
    }

    [Fact]
    public void InvalidatePage_OfAnyAddress_DropsEverythingOfThePcid()
    {
        using var cache = Filled();
        cache.InvalidatePage(0xdead_b000, 1);
        Assert.All(cache.Contents(), entry => Assert.Equal(2, entry.Pcid));
        Assert.Equal(6, cache.Contents().Count);
    }

    [Fact]
    public void InvalidateAddress_DropsWhatAWalkThereWouldUse()
    {
        using var cache = Filled();

        // The other address shares the tables of levels 4 and 3 and has its own of levels 2 and 1.
        cache.InvalidateAddress(1, Linear);
        Assert.False(cache.TryFindDeepest(Linear, 1, out _));
        Assert.True(cache.TryFindDeepest(Other, 1, out PagingStructureEntry entry));
        Assert.Equal(1, entry.Level);
        Assert.True(cache.TryFindDeepest(Linear, 2, out entry));
        Assert.Equal(1, entry.Level);
        Assert.Equal(2, cache.Contents().Count(e => e.Pcid == 1));
        Assert.Equal(6, cache.Contents().Count(e => e.Pcid == 2));
    }

    [Fact]
    public void InvalidatePcid_DropsItAlone()
    {
        using var cache = Filled();
        cache.InvalidatePcid(2);
        Assert.False(cache.TryFindDeepest(Linear, 2, out _));
        Assert.True(cache.TryFindDeepest(Linear, 1, out _));
    }

    [Fact]
    public void InvalidateAll_DropsAll()
    {
        using var cache = Filled();
        cache.InvalidateAll();
        Assert.Empty(cache.Contents());
        Assert.False(cache.TryFindDeepest(Linear, 1, out _));
        Assert.False(cache.TryFindDeepest(Linear, 2, out _));
    }

    [Fact]
    public void IndexBits_WhenChanged_DropsAll()
    {
        using var cache = Filled();
        cache.IndexBits = 9;
        Assert.NotEmpty(cache.Contents());
        cache.IndexBits = 10;
        Assert.Empty(cache.Contents());
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.IndexBits = 8);
    }

    [Fact]
    public void Insert_IntoAFullSet_ReplacesTheLeastRecentlyUsed()
    {
        using var cache = new PagingStructureCache(new(new(1, 3), default, default, default));
        for (ulong i = 0; i < 3; i++) cache.Insert(i << 21, 0, 1, i << 12, 3);
        Assert.True(cache.TryFindDeepest(0, 0, out _));
        cache.Insert(3UL << 21, 0, 1, 0x3000, 3);
        Assert.False(cache.TryFindDeepest(1UL << 21, 0, out _));
        Assert.Equal([0ul, 0x2000ul, 0x3000ul], cache.Contents().Select(e => e.Table).Order());

        // What was invalidated goes before what was not, however lately it was used.
        cache.InvalidateAll();
        cache.Insert(0, 0, 1, 0x4000, 3);
        cache.Insert(1UL << 21, 1, 1, 0x5000, 3);
        cache.Insert(2UL << 21, 1, 1, 0x6000, 3);
        cache.InvalidatePcid(1);
        cache.Insert(3UL << 21, 0, 1, 0x7000, 3);
        cache.Insert(4UL << 21, 0, 1, 0x8000, 3);
        Assert.Equal([0x4000ul, 0x7000ul, 0x8000ul], cache.Contents().Select(e => e.Table).Order());
    }

    [Fact]
    public void NoCache_NeverFinds()
    {
        using var cache = new PagingStructureCache(PagingStructureGeometry.None);
        for (int level = 1; level <= 4; level++) cache.Insert(Linear, 0, level, 0x1000, 3);
        Assert.False(cache.TryFindDeepest(Linear, 0, out _));
        Assert.Empty(cache.Contents());
        cache.InvalidateAddress(0, Linear);
    }

    [Fact]
    public void Arguments_OutOfRange_AreRefused()
    {
        using var cache = new PagingStructureCache(PagingStructureGeometry.Default);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Insert(0, 0, 0, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Insert(0, 0, 5, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Insert(0, 4096, 1, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.TryFindDeepest(0, -1, out _));
        Assert.Throws<ArgumentException>(() => cache.Insert(1UL << 60, 0, 1, 0, 0));
        Assert.False(cache.TryFindDeepest(1UL << 60, 0, out _));
        Assert.Throws<ArgumentException>(() => new PagingStructureCache(new(new(3, 4), default, default, default)));
        Assert.Throws<ArgumentException>(() => new PagingStructureCache(new(new(4, 0), default, default, default)));
        Assert.Throws<ArgumentException>(() => new PagingStructureCache(new(new(4, 256), default, default, default)));
    }

    [Theory]
    [InlineData(31, false)]
    [InlineData(32, false)]
    [InlineData(33, true)]
    public void CachesAnswerOnlyWithWhatWasInsertedAndIsNotInvalidated(int seed, bool numbersRunOut)
    {
        // 64 ways of one set hold everything that the run inserts in one level, so a miss is a loss.
        var roomy = new PagingStructureGeometry(new(1, 64), new(1, 64), new(1, 64), new(1, 64));
        using var cache = new PagingStructureCache(roomy, numbersRunOut ? TlbContexts.SmallestLast : TlbArray.LastContext);
        using var tight = new PagingStructureCache(new(new(2, 2), new(1, 3), new(1, 1), new(1, 1)));
        var naive = new Dictionary<(int Pcid, int Level, ulong Prefix), (ulong Table, int Rights)>();
        var random = new Random(seed);
        for (int i = 0; i < 40_000; i++)
        {
            ulong linear = ((ulong)random.Next(2) << 48) + ((ulong)random.Next(2) << 39) + ((ulong)random.Next(2) << 30) + ((ulong)random.Next(2) << 21);
            if (random.Next(2) == 0) linear |= 0xff00_0000_0000_0000;
            int pcid = random.Next(2);
            switch (random.Next(numbersRunOut ? 8 : 40))
            {
                case 0:
                    cache.InvalidatePcid(pcid);
                    tight.InvalidatePcid(pcid);
                    RemoveAll(key => key.Pcid == pcid);
                    break;
                case 1:
                    cache.InvalidatePage(linear, pcid);
                    tight.InvalidatePage(linear, pcid);
                    RemoveAll(key => key.Pcid == pcid);
                    break;
                case 2 when random.Next(4) == 0:
                    cache.InvalidateAll();
                    tight.InvalidateAll();
                    naive.Clear();
                    break;
                case 3:
                    cache.InvalidateAddress(pcid, linear);
                    tight.InvalidateAddress(pcid, linear);
                    RemoveAll(key => key.Pcid == pcid && key.Prefix == Prefix(linear, key.Level));
                    break;
                case < 16 and > 3:
                    int level = 1 + random.Next(4);
                    ulong table = (ulong)random.NextInt64(1L << 40) << 12;
                    int rights = random.Next(8);
                    cache.Insert(linear, pcid, level, table, rights);
                    tight.Insert(linear, pcid, level, table, rights);
                    naive[(pcid, level, Prefix(linear, level))] = (table, rights);
                    break;
                default:
                    break;
            }

            int deepest = Enumerable.Range(1, 4).FirstOrDefault(l => naive.ContainsKey((pcid, l, Prefix(linear, l))));
            Assert.Equal(deepest != 0, cache.TryFindDeepest(linear, pcid, out PagingStructureEntry found));
            if (deepest != 0) AssertIs(naive[(pcid, deepest, Prefix(linear, deepest))], deepest, found);
            if (tight.TryFindDeepest(linear, pcid, out found)) AssertIs(naive[(pcid, found.Level, Prefix(linear, found.Level))], found.Level, found);
        }

        Assert.Equal(naive.Count, cache.Contents().Count);

        void RemoveAll(Func<(int Pcid, int Level, ulong Prefix), bool> which)
        {
            foreach (var key in naive.Keys.Where(which).ToList()) naive.Remove(key);
        }
    }

    private const ulong Other = Linear + (1UL << 30);

    private static ulong Prefix(ulong linear, int level) => linear >> (12 + (9 * level));

    private static void AssertIs((ulong Table, int Rights) expected, int level, PagingStructureEntry found) =>
        Assert.Equal((expected.Table, expected.Rights, level), (found.Table, found.PathRights, found.Level));

    /// <summary>Two addresses under two PCIDs; for each PCID they share the tables of levels 4 and 3: six tables.</summary>
    private static PagingStructureCache Filled()
    {
        var cache = new PagingStructureCache(new(new(1, 8), new(1, 8), new(1, 8), new(1, 8)));
        foreach (int pcid in new[] { 1, 2 })
        {
            foreach (ulong linear in new[] { Linear, Other })
            {
                for (int level = 1; level <= 4; level++) cache.Insert(linear, pcid, level, (ulong)level << 12, 3);
            }
        }

        return cache;
    }
}
