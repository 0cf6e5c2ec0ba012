using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

public sealed class TlbEntryTests
{
    [Fact]
    public void TlbEntry_InMemory_IsSixteenBytes() => Assert.Equal(16, Unsafe.SizeOf<TlbEntry>());

    [Fact]
    public void Default_IsNoTranslation()
    {
        Assert.False(default(TlbEntry).Valid);
        Assert.Equal("empty", default(TlbEntry).ToString());
    }

    [Fact]
    public void EveryFieldComesBackAsItWentIn()
    {
        var random = new Random(21);
        for (int i = 0; i < 20_000; i++)
        {
            PageSize size = random.Next(4) switch { 0 => PageSize.Size4K, 1 => PageSize.Size2M, 2 => PageSize.Size4M, _ => PageSize.Size1G };
            ulong bytes = 1UL << (int)size;
            ulong linear = (ulong)random.NextInt64(long.MinValue, long.MaxValue), physical = (ulong)random.NextInt64(1L << 52);
            int pcid = random.Next(4096), rights = random.Next(16), key = random.Next(16), pat = random.Next(8);
            bool global = random.Next(2) == 0, dirty = random.Next(2) == 0;
            var entry = new TlbEntry(linear, physical, size, pcid, rights, key, pat, global, dirty);
            Assert.True(entry.Valid);
            Assert.Equal(linear / bytes * bytes, entry.Linear);
            Assert.Equal(linear / bytes, entry.VirtualPageNumber);
            Assert.Equal(physical / bytes * bytes, entry.Physical);
            Assert.Equal((entry.Physical) + (linear % bytes), entry.PhysicalOf(linear));
            Assert.Equal((size, pcid, rights), (entry.Size, entry.Pcid, entry.PathRights));
            Assert.Equal((key, pat, global, dirty), (entry.ProtectionKey, entry.PatIndex, entry.Global, entry.Dirty));
            Assert.True(entry.Contains(linear));
            Assert.True(entry.Contains(entry.Linear + bytes - 1));
            Assert.False(entry.Contains(unchecked(entry.Linear + bytes)));
            Assert.False(entry.Contains(unchecked(entry.Linear - 1)));
        }
    }

    [Fact]
    public void Overlaps_OfPages_IsContainmentEitherWay()
    {
        var large = new TlbEntry(0x20_0000, 0, PageSize.Size2M, 0, 0);
        var inside = new TlbEntry(0x3f_f000, 0, PageSize.Size4K, 0, 0);
        var after = new TlbEntry(0x40_0000, 0, PageSize.Size4K, 0, 0);
        Assert.True(large.Overlaps(inside) && inside.Overlaps(large));
        Assert.False(large.Overlaps(after) || after.Overlaps(large));
    }

    [Fact]
    public void ToString_OfEntries_NamesWhatMatters()
    {
        Assert.Equal("0x7f0000001000 → 0x201000 4 KiB pcid 3 W U XD dirty", new TlbEntry(0x7f00_0000_1234, 0x20_1000, PageSize.Size4K, 3, 7, dirty: true).ToString());
        Assert.Equal("0xffffffff80000000 → 0x40000000 1 GiB global SS", new TlbEntry(0xffff_ffff_8000_0000, 0x4000_0000, PageSize.Size1G, 3, 8, global: true).ToString());
    }
}
