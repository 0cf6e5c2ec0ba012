using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Kernel;

public sealed class KernelLayoutTests
{
    public static TheoryData<KernelArchitecture, ulong> Layouts()
    {
        var data = new TheoryData<KernelArchitecture, ulong>();
        foreach (KernelArchitecture architecture in Enum.GetValues<KernelArchitecture>())
        {
            foreach (ulong seed in new ulong[] { 0, 1, 2, 77, ulong.MaxValue }) data.Add(architecture, seed);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Regions_OfAnyLayout_CoverAllAddressesInOrder(KernelArchitecture architecture, ulong seed)
    {
        var layout = new KernelLayout(new() { Architecture = architecture, Seed = seed == 0 ? AslrSeed.Off : AslrSeed.From(seed), MemoryEnd = 9 * GiB });
        Assert.Equal(0UL, layout.Regions[0].First);
        Assert.Equal(architecture.Is64Bit() ? ulong.MaxValue : uint.MaxValue, layout.Regions[^1].Last);
        for (int i = 1; i < layout.Regions.Count; i++) Assert.Equal(layout.Regions[i - 1].Last + 1, layout.Regions[i].First);
        foreach (KernelRegion region in layout.Regions)
        {
            Assert.Equal(region, layout.RegionOf(region.First));
            Assert.Equal(region, layout.RegionOf(region.Last));
        }
    }

    [Fact]
    public void FourLevels_NotRandomised_AreTheDocumentedOnes()
    {
        var layout = new KernelLayout(new());
        Check(layout, 0xffff_8000_0000_0000, KernelRegionKind.GuardHole, 8 * TiB);
        Check(layout, 0xffff_8800_0000_0000, KernelRegionKind.LdtRemap, TiB / 2);
        Check(layout, 0xffff_8880_0000_0000, KernelRegionKind.DirectMap, 64 * TiB);
        Check(layout, 0xffff_c880_0000_0000, KernelRegionKind.Hole, TiB / 2);
        Check(layout, 0xffff_c900_0000_0000, KernelRegionKind.Vmalloc, 32 * TiB);
        Check(layout, 0xffff_e900_0000_0000, KernelRegionKind.Hole, TiB);
        Check(layout, 0xffff_ea00_0000_0000, KernelRegionKind.Vmemmap, TiB);
        Check(layout, 0xffff_eb00_0000_0000, KernelRegionKind.Hole, TiB);
        Check(layout, 0xffff_ec00_0000_0000, KernelRegionKind.KasanShadow, 16 * TiB);
        Check(layout, 0xffff_fc00_0000_0000, KernelRegionKind.Hole, 2 * TiB);
        CheckCommon(layout);
        Check(layout, 0xffff_ffff_8000_0000, KernelRegionKind.KernelImage, 512 * MiB);
        Check(layout, 0xffff_ffff_a000_0000, KernelRegionKind.Modules, 1520 * MiB);
        Assert.Equal(0x7fff_ffff_f000UL, layout.UserEnd);
    }

    [Fact]
    public void FiveLevels_NotRandomised_AreTheDocumentedOnes()
    {
        var layout = new KernelLayout(new() { Architecture = KernelArchitecture.X8664La57 });
        Check(layout, 0xff00_0000_0000_0000, KernelRegionKind.GuardHole, 4096 * TiB);
        Check(layout, 0xff10_0000_0000_0000, KernelRegionKind.LdtRemap, 256 * TiB);
        Check(layout, 0xff11_0000_0000_0000, KernelRegionKind.DirectMap, 32768 * TiB);
        Check(layout, 0xff91_0000_0000_0000, KernelRegionKind.Hole, 3840 * TiB);
        Check(layout, 0xffa0_0000_0000_0000, KernelRegionKind.Vmalloc, 12800 * TiB);
        Check(layout, 0xffd2_0000_0000_0000, KernelRegionKind.Hole, 512 * TiB);
        Check(layout, 0xffd4_0000_0000_0000, KernelRegionKind.Vmemmap, 512 * TiB);
        Check(layout, 0xffdf_0000_0000_0000, KernelRegionKind.KasanShadow, 0xffff_fc00_0000_0000 - 0xffdf_0000_0000_0000);
        CheckCommon(layout);
    }

    // Debian's 6.1 kernels for 686 are built for 32 processors; the recorded guests of tests/data/images have their IDT at ff400000.
    [Theory]
    [InlineData(KernelArchitecture.I386, 0xfec0_0000UL, 0xff00_0000UL)]
    [InlineData(KernelArchitecture.I386Pae, 0xff00_0000UL, 0xff20_0000UL)]
    public void ThirtyTwoBits_WithTheRecordedKernelsProcessors_PutTheEntryAreaWhereTheyDo(KernelArchitecture architecture, ulong pkmap, ulong ldt)
    {
        var areas = new Layout32(new() { Architecture = architecture, MostProcessors = 32 });
        Assert.Equal(0xff40_0000UL, areas.CpuEntryArea);
        Assert.Equal(ldt, areas.LdtRemap);
        Assert.Equal(pkmap, areas.Pkmap);
        Assert.Equal(pkmap - 0x2000, areas.VmallocEnd);
        Assert.Equal(areas.VmallocEnd - 0xc000_0000 - (128 * MiB), areas.MostLowMemory);
        Assert.InRange(areas.MostLowMemory, 870 * MiB, 896 * MiB);
    }

    [Fact]
    public void ThirtyTwoBits_VmallocOfTheCommandLine_TakesMemoryFromTheDirectMap()
    {
        var usual = new Layout32(new() { Architecture = KernelArchitecture.I386Pae });
        var large = new Layout32(new() { Architecture = KernelArchitecture.I386Pae, VmallocBytes = 256 * MiB });
        Assert.Equal(264 * MiB, large.VmallocReserve);
        Assert.Equal(usual.MostLowMemory - (136 * MiB), large.MostLowMemory);
        Assert.Equal(large.HighMemory + (8 * MiB), large.VmallocStart);
        Assert.Equal(256 * MiB, large.VmallocEnd - large.VmallocStart);
    }

    [Fact]
    public void ThirtyTwoBits_LittleMemory_LeavesTheRestToVmalloc()
    {
        var areas = new Layout32(new() { Architecture = KernelArchitecture.I386, MemoryEnd = 96 * MiB });
        Assert.Equal(96 * MiB, areas.LowMemory);
        Assert.Equal(0xc680_0000UL, areas.VmallocStart);
    }

    [Theory]
    [InlineData(KernelArchitecture.I386Pae, 0x8040_0000UL, null)]
    [InlineData(KernelArchitecture.I386, 0x1000UL, null)]
    [InlineData(KernelArchitecture.I386, 0xc000_0000UL, 1UL << 30)]
    [InlineData(KernelArchitecture.I386, 0xc000_0000UL, ulong.MaxValue)]
    [InlineData(KernelArchitecture.I386, 0xc000_0000UL, 123UL)]
    public void ThirtyTwoBits_Impossible_IsRefused(KernelArchitecture architecture, ulong offset, ulong? vmalloc) =>
        Assert.Throws<ArgumentException>(() => new KernelLayout(new() { Architecture = architecture, PageOffset = offset, VmallocBytes = vmalloc }));

    [Fact]
    public void Memory_TooLargeOrTooSmall_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new KernelLayout(new() { MemoryEnd = 65 * TiB }));
        Assert.Throws<ArgumentException>(() => new KernelLayout(new() { MemoryEnd = 16 * MiB }));
        Assert.Equal(65 * TiB, new KernelLayout(new() { MemoryEnd = 65 * TiB, Architecture = KernelArchitecture.X8664La57 }).DirectMapped);
    }

    [Fact]
    public void Randomised_EachSeed_KeepsOrderStepsAndSizes()
    {
        var seen = new HashSet<ulong>();
        for (ulong seed = 0; seed < 500; seed++)
        {
            KernelArchitecture architecture = seed % 2 == 0 ? KernelArchitecture.X8664 : KernelArchitecture.X8664La57;
            bool five = architecture == KernelArchitecture.X8664La57;
            var layout = new KernelLayout(new() { Architecture = architecture, Seed = AslrSeed.From(seed), MemoryEnd = 8 * GiB });
            Assert.Equal(0UL, (layout.DirectMap | layout.VmallocStart | layout.Vmemmap) % GiB);
            Assert.True(layout.DirectMap >= Layout64.DirectMap(five));
            // 8 GiB of memory and 10 TiB to spare are 11 TiB of direct map.
            Assert.True(layout.VmallocStart >= layout.DirectMap + (11 * TiB));
            Assert.True(layout.Vmemmap >= layout.VmallocEnd);
            Assert.True(layout.Vmemmap + TiB <= Layout64.CpuEntryArea);
            Assert.Equal(0UL, (layout.ImageStart | layout.ImagePhysical) % (2 * MiB));
            Assert.InRange(layout.ImageStart, 0xffff_ffff_8100_0000, 0xffff_ffff_c000_0000 - layout.Image.Bytes);
            Assert.InRange(layout.ImagePhysical, 16 * MiB, 3 * GiB - layout.Image.Bytes);
            seen.Add(layout.DirectMap);
            Assert.Equal(layout.Regions, new KernelLayout(layout.Options).Regions);
        }

        Assert.InRange(seen.Count, 490, 500);
    }

    // Kernel and descriptors in RAM, apart from each other and from the first MiB, whatever the memory and the seed.
    [Fact]
    public void ReservedMemory_OfAnyMachine_IsRamAndDisjoint()
    {
        var random = new Random(12);
        for (int round = 0; round < 2000; round++)
        {
            // From 64 MiB to 32 TiB, as many small as large.
            ulong ram = (ulong)random.NextInt64(1L << 26, 1L << random.Next(27, 46)) & ~0xfffUL;
            var options = new KernelLayoutOptions
            {
                Architecture = (KernelArchitecture)random.Next(4),
                MemoryEnd = ram <= 3 * GiB ? ram : ram + GiB,
                Seed = round % 4 == 0 ? AslrSeed.Off : AslrSeed.From((ulong)round),
            };
            var layout = new KernelLayout(options);
            ulong at = 0;
            foreach (FastMmu.Addresses.PhysicalRange range in layout.ReservedMemory.OrderBy(r => r.Start))
            {
                Assert.True(range.Start.Value >= at, $"{ram:x} {options}");
                at = range.End;
                bool low = at <= Math.Min(ram, 3 * GiB), high = range.Start.Value >= 4 * GiB && at <= options.MemoryEnd;
                Assert.True(low || high, $"{ram:x} {options}: {range}");
            }
        }
    }

    // The first values of the generator after ten steps, seeded by the congruence x * 69069 from 1, 2, 3 and 4.
    [Theory]
    [InlineData(1U, 3484351685U)]
    [InlineData(2U, 2623130059U)]
    [InlineData(3U, 3125133893U)]
    [InlineData(4U, 984847254U)]
    public void Generator_OfKnownSeeds_GivesKnownNumbers(uint seed, uint expected)
    {
        uint a = Least(seed * 69069, 2), b = Least(a * 69069, 8), c = Least(b * 69069, 16), d = Least(c * 69069, 128);
        var generator = new Taus113(a, b, c, d);
        for (int i = 0; i < 10; i++) generator.Next();
        Assert.Equal(expected, generator.Next());

        static uint Least(uint value, uint least) => value < least ? value + least : value;
    }

    [Fact]
    public void Conversions_GoThereAndBack_AndRefuseWhatHasNoAnswer()
    {
        var layout = new KernelLayout(new() { Seed = AslrSeed.From(5), MemoryEnd = 4 * GiB });
        Assert.True(layout.TryPhysToVirt(0x1234_5678, out ulong address));
        Assert.Equal(layout.DirectMap + 0x1234_5678, address);
        Assert.True(layout.TryVirtToPhys(address, out ulong physical));
        Assert.Equal(0x1234_5678UL, physical);
        Assert.False(layout.TryPhysToVirt(4 * GiB, out _));
        Assert.False(layout.TryVirtToPhys(layout.DirectMap + (4 * GiB), out _));
        Assert.False(layout.TryVirtToPhys(layout.VmallocStart, out _));
        Assert.False(layout.TryVirtToPhys(0x1000, out _));
        Assert.True(layout.TryVirtToPhys(layout.ImageStart + 0x1234, out physical));
        Assert.Equal(layout.ImagePhysical + 0x1234, physical);
        Assert.False(layout.TryVirtToPhys(layout.ImageStart - 1, out _));
        Assert.True(layout.TryDescriptorOf(0x12345, out ulong descriptor));
        Assert.Equal(layout.Vmemmap + (0x12345UL * 64), descriptor);
        Assert.True(layout.TryFrameOfDescriptor(descriptor + 63, out ulong frame));
        Assert.Equal(0x12345UL, frame);
        Assert.False(layout.TryDescriptorOf(4 * GiB / 4096, out _));
        Assert.False(layout.TryFrameOfDescriptor(layout.Vmemmap - 1, out _));
        Assert.True(layout.TryVirtToFrame(layout.DirectMap + 0x5fff, out frame));
        Assert.Equal(5UL, frame);
    }

    private static void CheckCommon(KernelLayout layout)
    {
        Check(layout, 0xffff_fe00_0000_0000, KernelRegionKind.CpuEntryArea, TiB / 2);
        Check(layout, 0xffff_ff00_0000_0000, KernelRegionKind.EspFix, TiB / 2);
        Check(layout, 0xffff_ffef_0000_0000, KernelRegionKind.Efi, 64 * GiB);
        Check(layout, 0xffff_ffff_ff60_0000, KernelRegionKind.Vsyscall, 4 * KiB);
        Check(layout, 0xffff_ffff_ff80_0000, KernelRegionKind.Hole, 8 * MiB);
    }

    private static void Check(KernelLayout layout, ulong first, KernelRegionKind kind, ulong bytes)
    {
        KernelRegion region = layout.RegionOf(first)!.Value;
        Assert.Equal((first, kind, bytes), (region.First, region.Kind, region.Bytes));
    }
}
