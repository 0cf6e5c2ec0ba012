using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

/// <summary>Runs alone, so that what other tests make and leave does not count.</summary>
[CollectionDefinition(nameof(TlbResourceTests), DisableParallelization = true)]
public sealed class TlbResourceCollection;

[Collection(nameof(TlbResourceTests))]
public sealed class TlbResourceTests
{
    [Fact]
    public void Dispose_FreesEveryBlock()
    {
        Collect();
        long tlbs = TlbStorage.LiveBlocks, caches = PagingStructureCache.LiveBlocks;
        for (int i = 0; i < 50; i++)
        {
            TranslationCache tlb = TranslationCache.Create(TlbPreset.Zen4);
            var cache = new PagingStructureCache(PagingStructureGeometry.Default);
            Assert.Equal(tlbs + 1, TlbStorage.LiveBlocks);
            Assert.Equal(caches + 1, PagingStructureCache.LiveBlocks);
            tlb.Dispose();
            tlb.Dispose();
            cache.Dispose();
            cache.Dispose();
            Assert.Equal(tlbs, TlbStorage.LiveBlocks);
            Assert.Equal(caches, PagingStructureCache.LiveBlocks);
        }
    }

    [Fact]
    public void Finalizer_FreesWhatNobodyDisposedOf()
    {
        Collect();
        long tlbs = TlbStorage.LiveBlocks, caches = PagingStructureCache.LiveBlocks;
        Forget();
        Collect();
        Assert.Equal(tlbs, TlbStorage.LiveBlocks);
        Assert.Equal(caches, PagingStructureCache.LiveBlocks);
    }

    [Fact]
    public void Disposed_FindsNothingAndTakesNothing()
    {
        var entry = new TlbEntry(0x1000, 0x1000, PageSize.Size4K, 0, 3);
        TranslationCache tlb = TranslationCache.Create(TlbPreset.Skylake);
        tlb.Insert(in entry, TlbAccess.Data);
        tlb.Dispose();
        Assert.False(tlb.TryFind(0x1000, 0, TlbAccess.Data, out _));
        Assert.False(tlb.TryPeek(0x1000, 0, TlbAccess.Data, out _));
        Assert.Throws<ObjectDisposedException>(() => tlb.Insert(in entry, TlbAccess.Data));
        tlb.InvalidatePage(0x1000, 0);
        tlb.InvalidateAddress(0, 0x1000);
        tlb.InvalidatePcid(0);
        tlb.InvalidateNonGlobal();
        tlb.InvalidateAll();
        Assert.Empty(tlb.Contents());

        var cache = new PagingStructureCache(PagingStructureGeometry.Default);
        cache.Insert(0, 0, 1, 0x1000, 3);
        cache.Dispose();
        Assert.False(cache.TryFindDeepest(0, 0, out _));
        Assert.Throws<ObjectDisposedException>(() => cache.Insert(0, 0, 1, 0x1000, 3));
        cache.InvalidateAddress(0, 0);
        cache.InvalidateAll();
        Assert.Empty(cache.Contents());
    }

    [Theory]
    [InlineData(ReplacementKind.TrueLru, false)]
    [InlineData(ReplacementKind.TreePlru, true)]
    [InlineData(ReplacementKind.Random, false)]
    public void LookupsInsertionsAndInvalidations_AllocateNothing(ReplacementKind replacement, bool statistics)
    {
        using TranslationCache tlb = TranslationCache.Create(TlbPreset.Skylake, replacement, statistics);
        using var cache = new PagingStructureCache(PagingStructureGeometry.Default);
        Work(tlb, cache);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work(tlb, cache);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Work(TranslationCache tlb, PagingStructureCache cache)
    {
        for (ulong i = 0; i < 3000; i++)
        {
            PageSize size = (i % 5) switch { 0 => PageSize.Size2M, 1 => PageSize.Size1G, _ => PageSize.Size4K };
            ulong linear = i * 0x9_7f00;
            int pcid = (int)(i % 3);
            TlbAccess kind = (TlbAccess)(i & 1);
            if (!tlb.TryFind(linear, pcid, kind, out _)) tlb.Insert(new TlbEntry(linear, linear, size, pcid, 3, global: i % 7 == 0), kind);
            tlb.TryPeek(linear, pcid, kind, out _);
            if (!cache.TryFindDeepest(linear, pcid, out _)) cache.Insert(linear, pcid, 1 + (int)(i % 4), i << 12, 3);
            if (i % 64 == 0) tlb.InvalidatePage(linear, pcid);
            if (i % 65 == 0) tlb.InvalidateAddress(pcid, linear);
            if (i % 66 == 0) tlb.InvalidatePcid(pcid);
            if (i % 300 == 0) tlb.InvalidateNonGlobal();
            if (i % 500 == 0) tlb.InvalidateAll();
            if (i % 67 == 0) cache.InvalidatePage(linear, pcid);
            if (i % 68 == 0) cache.InvalidateAddress(pcid, linear);
            if (i % 400 == 0) cache.InvalidateAll();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget()
    {
        for (int i = 0; i < 5; i++)
        {
            _ = TranslationCache.Create(TlbPreset.Pentium);
            _ = new PagingStructureCache(PagingStructureGeometry.Default);
        }
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
