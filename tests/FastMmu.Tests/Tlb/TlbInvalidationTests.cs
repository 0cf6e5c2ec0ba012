using FastMmu.Addresses;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

/// <summary>Each invalidation drops what the architecture says and nothing else; each insertion leaves one answer.</summary>
public sealed class TlbInvalidationTests : IDisposable
{
    private const ulong Small = 0x7f00_0000_1000;
    private const ulong Large = 0x7f00_4000_0000;
    private const ulong Huge = 0x7f80_0000_0000;
    private const ulong GlobalSmall = 0xffff_8000_0000_1000;
    private const ulong GlobalLarge = 0xffff_8000_4000_0000;

    private readonly TranslationCache _tlb = TranslationCache.Create<RoomyTlb>(ReplacementKind.TrueLru);

    public void Dispose() => _tlb.Dispose();

    [Fact]
    public void InvalidatePage_OfASmallPage_DropsItForThatPcidOnly()
    {
        Fill();
        _tlb.InvalidatePage(Small + 0xfff, 1);
        AssertMissing((Small, 1));
    }

    [Theory]
    [InlineData(Large, 1)]
    [InlineData(Large + 0x1f_ffff, 2)]
    [InlineData(Huge + 0x3fff_ffff, 1)]
    public void InvalidatePage_AnywhereInALargePage_DropsTheWholePage(ulong linear, int pcid)
    {
        Fill();
        _tlb.InvalidatePage(linear, pcid);
        AssertMissing((linear >= Huge ? Huge : Large, pcid));
    }

    [Theory]
    [InlineData(GlobalSmall)]
    [InlineData(GlobalLarge)]
    public void InvalidatePage_OfAGlobalPage_DropsItForEveryPcid(ulong linear)
    {
        Fill();
        _tlb.InvalidatePage(linear, 2);
        AssertMissing((linear, 1), (linear, 2), (linear, 3));
    }

    [Fact]
    public void InvalidatePage_OfANonCanonicalAddress_DropsNothing()
    {
        Fill();

        // Bits 63:57 are not copies of bit 56; all bits that a tag keeps are those of a cached page.
        _tlb.InvalidatePage(Small | 1UL << 60, 1);
        _tlb.InvalidateAddress(1, Small | 1UL << 60);
        AssertMissing();
    }

    [Fact]
    public void InvalidatePage_OfFetchedPage_DropsItFromBothSides()
    {
        using TranslationCache tlb = TranslationCache.Create(TlbPreset.Zen3);
        tlb.Insert(new TlbEntry(Small, 0x1000, PageSize.Size4K, 1, 3), TlbAccess.Instruction);
        tlb.Insert(new TlbEntry(Small, 0x1000, PageSize.Size4K, 1, 3), TlbAccess.Data);
        Assert.Equal(4, tlb.Contents().Count);
        tlb.InvalidatePage(Small, 1);
        Assert.Empty(tlb.Contents());
        Assert.False(tlb.TryFind(Small, 1, TlbAccess.Data, out _));
        Assert.False(tlb.TryFind(Small, 1, TlbAccess.Instruction, out _));
    }

    [Fact]
    public void InvalidateAddress_DropsThatPcidsPageAndSparesGlobals()
    {
        Fill();
        _tlb.InvalidateAddress(1, Large + 0x12345);
        _tlb.InvalidateAddress(2, GlobalSmall);
        _tlb.InvalidateAddress(2, GlobalLarge);
        AssertMissing((Large, 1));
    }

    [Fact]
    public void InvalidatePcid_DropsAllOfItAndSparesGlobalsAndOthers()
    {
        Fill();
        _tlb.InvalidatePcid(1);
        AssertMissing((Small, 1), (Large, 1), (Huge, 1));
    }

    [Fact]
    public void InvalidateNonGlobal_DropsAllPcidsAndSparesGlobals()
    {
        Fill();
        _tlb.InvalidateNonGlobal();
        AssertMissing((Small, 1), (Large, 1), (Huge, 1), (Small, 2), (Large, 2), (Huge, 2));
    }

    [Fact]
    public void InvalidateAll_DropsGlobalsToo()
    {
        Fill();
        _tlb.InvalidateAll();
        Assert.Empty(_tlb.Contents());
        foreach ((ulong linear, int pcid) in Everything()) Assert.False(_tlb.TryFind(linear, pcid, TlbAccess.Data, out _));
    }

    [Fact]
    public void Invalidated_PcidUsedAgain_FindsOnlyWhatIsNew()
    {
        Fill();
        _tlb.InvalidatePcid(1);
        _tlb.Insert(new TlbEntry(Small, 0x9000, PageSize.Size4K, 1, 1), TlbAccess.Data);
        AssertMissing((Large, 1), (Huge, 1));
        Assert.True(_tlb.TryFind(Small, 1, TlbAccess.Data, out TlbEntry entry));
        Assert.Equal(0x9000ul, entry.Physical);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4096)]
    public void Pcid_OutOfRange_IsRefused(int pcid)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _tlb.InvalidatePcid(pcid));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tlb.InvalidatePage(0, pcid));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tlb.InvalidateAddress(pcid, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tlb.TryPeek(0, pcid, TlbAccess.Data, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tlb.TryFind(0, pcid, TlbAccess.Data, out _));
    }

    [Theory]
    [InlineData(PageSize.Size4K, PageSize.Size2M)]
    [InlineData(PageSize.Size4K, PageSize.Size4M)]
    [InlineData(PageSize.Size4K, PageSize.Size1G)]
    [InlineData(PageSize.Size2M, PageSize.Size4M)]
    [InlineData(PageSize.Size2M, PageSize.Size1G)]
    [InlineData(PageSize.Size4M, PageSize.Size1G)]
    public void Insert_OverAnotherSize_LeavesTheNewPageAlone(PageSize small, PageSize large)
    {
        ulong inside = Huge + (1UL << (int)large) - (1UL << (int)small);
        _tlb.Insert(new TlbEntry(inside, 0, small, 1, 1), TlbAccess.Data);
        _tlb.Insert(new TlbEntry(inside, 0, small, 2, 1), TlbAccess.Data);
        _tlb.Insert(new TlbEntry(Huge, 0, large, 1, 1), TlbAccess.Data);
        Assert.Equal([(1, large), (2, small)], Held());

        _tlb.Insert(new TlbEntry(inside, 0, small, 1, 1), TlbAccess.Data);
        Assert.Equal([(1, small), (2, small)], Held());

        // A global page answers under every PCID: nobody else's page may be left beneath it, nor it beneath anybody's.
        _tlb.Insert(new TlbEntry(Huge, 0, large, 3, 1, global: true), TlbAccess.Data);
        Assert.Equal([(3, large)], Held());
        _tlb.Insert(new TlbEntry(inside, 0, small, 2, 1), TlbAccess.Data);
        Assert.Equal([(2, small)], Held());
    }

    [Fact]
    public void Insert_OfAGlobalOverNonGlobals_LeavesTheGlobal()
    {
        for (int pcid = 0; pcid < 5; pcid++) _tlb.Insert(new TlbEntry(Small, 0, PageSize.Size4K, pcid, 1), TlbAccess.Data);
        _tlb.Insert(new TlbEntry(Small, 0, PageSize.Size4K, 7, 1, global: true), TlbAccess.Data);
        Assert.Equal([(7, PageSize.Size4K)], Held());
        _tlb.Insert(new TlbEntry(Small, 0, PageSize.Size4K, 4, 1), TlbAccess.Data);
        Assert.Equal([(4, PageSize.Size4K)], Held());
    }

    [Fact]
    public void Insert_OfTheSamePageAgain_RewritesEveryCopy()
    {
        using TranslationCache tlb = TranslationCache.Create(TlbPreset.Zen4);
        tlb.Insert(new TlbEntry(Small, 0x1000, PageSize.Size4K, 1, 1), TlbAccess.Data);
        tlb.Insert(new TlbEntry(Small, 0x1000, PageSize.Size4K, 1, 1), TlbAccess.Instruction);
        var dirty = new TlbEntry(Small, 0x1000, PageSize.Size4K, 1, 1, dirty: true);
        tlb.Insert(in dirty, TlbAccess.Data);
        Assert.Equal(4, tlb.Contents().Count);
        Assert.All(tlb.Contents(), slot => Assert.Equal(dirty, slot.Entry));
    }

    [Fact]
    public void Insert_OfWhatIsNoTranslation_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => _tlb.Insert(default, TlbAccess.Data));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tlb.Insert(new TlbEntry(0, 0, PageSize.None, 0, 0), TlbAccess.Data));
        Assert.Throws<ArgumentException>(() => _tlb.Insert(new TlbEntry(1UL << 60, 0, PageSize.Size4K, 0, 0), TlbAccess.Data));
    }

    [Fact]
    public void TryFind_OfANonCanonicalAddress_FindsNothing()
    {
        Fill();
        Assert.True(_tlb.TryFind(Small, 1, TlbAccess.Data, out _));
        for (int bit = 57; bit < 64; bit++) Assert.False(_tlb.TryFind(Small ^ (1UL << bit), 1, TlbAccess.Data, out _));
    }

    private static IEnumerable<(ulong Linear, int Pcid)> Everything()
    {
        foreach (int pcid in new[] { 1, 2 })
        {
            yield return (Small, pcid);
            yield return (Large, pcid);
            yield return (Huge, pcid);
        }

        foreach (int pcid in new[] { 1, 2, 3 })
        {
            yield return (GlobalSmall, pcid);
            yield return (GlobalLarge, pcid);
        }
    }

    private void Fill()
    {
        foreach (int pcid in new[] { 1, 2 })
        {
            _tlb.Insert(new TlbEntry(Small, 0x1000, PageSize.Size4K, pcid, 3), TlbAccess.Data);
            _tlb.Insert(new TlbEntry(Large, 0x20_0000, PageSize.Size2M, pcid, 3), TlbAccess.Data);
            _tlb.Insert(new TlbEntry(Huge, 0x4000_0000, PageSize.Size1G, pcid, 3), TlbAccess.Data);
        }

        _tlb.Insert(new TlbEntry(GlobalSmall, 0x3000, PageSize.Size4K, 1, 1, global: true), TlbAccess.Data);
        _tlb.Insert(new TlbEntry(GlobalLarge, 0x60_0000, PageSize.Size2M, 2, 1, global: true), TlbAccess.Data);
        AssertMissing();
    }

    private void AssertMissing(params (ulong Linear, int Pcid)[] missing)
    {
        foreach ((ulong linear, int pcid) in Everything())
        {
            foreach (TlbAccess kind in Enum.GetValues<TlbAccess>())
            {
                Assert.Equal(!missing.Contains((linear, pcid)), _tlb.TryFind(linear, pcid, kind, out _));
            }
        }
    }

    private IEnumerable<(int Pcid, PageSize Size)> Held() => _tlb.Contents().Select(s => ((int)s.Entry.Pcid, s.Entry.Size)).Order();
}
