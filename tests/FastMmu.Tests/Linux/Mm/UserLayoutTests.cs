using FastMmu.Linux.Mm;
using Xunit;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>Where mmap, stack, programs and heap go, with the figures that real kernels showed.</summary>
public sealed class UserLayoutTests
{
    private const ulong MiB = 1UL << 20;

    [Theory]
    [InlineData(8 * MiB, 0x7fff_f7ff_f000)]
    [InlineData(0, 0x7fff_f7ff_f000)]
    [InlineData(256 * MiB, 0x7fff_efef_f000)]
    [InlineData(ulong.MaxValue, 0x1555_5555_6000)]
    public void MmapBase_Of64BitTaskWithoutRandomisation_FollowsTheStackLimit(ulong stackLimit, ulong expected) =>
        Assert.Equal(expected, new UserLayout(TaskAbi.X86_64, stackLimit: stackLimit).MmapBase);

    [Fact]
    public void MmapBase_OfALegacyLayout_IsAThirdOfTheAddressSpace()
    {
        Assert.Equal(0x2aaa_aaaa_b000UL, new UserLayout(TaskAbi.X86_64, Personality.CompatLayout).MmapBase);
        Assert.Equal(0x2aaa_aaaa_b000UL, new UserLayout(TaskAbi.X86_64, options: new() { LegacyLayout = true }).MmapBase);
        Assert.Equal(0x5555_5000UL, new UserLayout(TaskAbi.Compat32, Personality.CompatLayout).MmapBase);
    }

    [Fact]
    public void Layout_Of32BitTask_EndsWhereTheKernelLetsIt()
    {
        UserLayout compat = new(TaskAbi.Compat32), limited = new(TaskAbi.Compat32, Personality.Limit3GB), native = new(TaskAbi.I386);
        Assert.Equal((0xffff_e000UL, 0xffff_e000UL, 0xf7ff_e000UL), (compat.TaskSize, compat.StackTop, compat.MmapBase));
        Assert.Equal((0xc000_0000UL, 0xc000_0000UL, 0xb800_0000UL), (limited.TaskSize, limited.StackTop, limited.MmapBase));
        Assert.Equal((0xc000_0000UL, 0xc000_0000UL, 0xb800_0000UL), (native.TaskSize, native.StackTop, native.MmapBase));
    }

    [Fact]
    public void ThreeGigabytes_Of64BitTask_MeanNothing() =>
        Assert.Equal(0x7fff_f7ff_f000UL, new UserLayout(TaskAbi.X86_64, Personality.Limit3GB).MmapBase);

    [Fact]
    public void FiveLevels_RaiseTheEndOfUserAddressesButNotTheLayout()
    {
        UserLayout layout = new(TaskAbi.X86_64, options: new() { FiveLevels = true });
        Assert.Equal(
            (0xff_ffff_ffff_f000UL, 0x7fff_ffff_f000UL, 0x7fff_f7ff_f000UL, 0xff_ffff_ffff_f000UL),
            (layout.TaskSize, layout.StackTop, layout.MmapBase, layout.StackTopMaximum));
    }

    [Fact]
    public void Randomisation_Off_LeavesEveryPlace()
    {
        foreach (UserLayout layout in (UserLayout[])[new(TaskAbi.X86_64), new(TaskAbi.X86_64, Personality.NoRandomize, random: new AslrRandom(7))])
        {
            Assert.False(layout.IsRandomized);
            Assert.Equal(0x7fff_ffff_f000UL, layout.RandomStackTop());
            Assert.Equal(0UL, layout.MmapOffset());
            Assert.Equal(0x5555_5555_4aaaUL, layout.ProgramBase);
            Assert.Equal(0x60_0000UL, layout.RandomBrk(0x60_0000));
            Assert.Equal(0x7fff_ffff_e120UL, layout.AlignStack(0x7fff_ffff_e12b));
        }

        Assert.Equal(0x5655_5000UL, new UserLayout(TaskAbi.Compat32).ProgramBase);
        Assert.Equal(0x4100_0000UL, new UserLayout(TaskAbi.Compat32, Personality.Limit3GB).ProgramBase);
        Assert.Equal(0x40_0000UL, new UserLayout(TaskAbi.I386).ProgramBase);
    }

    [Fact]
    public void EveryPlaceOf64BitTasksStaysInTheRangeOfTheKernelAndReachesItsParts()
    {
        ulong lowest = ulong.MaxValue, highest = 0;
        for (ulong seed = 0; seed < 4000; seed++)
        {
            UserLayout layout = new(TaskAbi.X86_64, random: new AslrRandom(seed));
            Assert.InRange(layout.MmapBase, 0x7efb_ff70_1000UL, 0x7ffb_ff70_0000UL);
            (lowest, highest) = (Math.Min(lowest, layout.MmapBase), Math.Max(highest, layout.MmapBase));
            ulong stack = layout.RandomStackTop();
            Assert.InRange(stack, 0x7ffb_ffff_d000UL, 0x7fff_ffff_f000UL);
            Assert.True(stack - layout.MmapBase >= 9 * MiB - 8192, "the stack keeps its limit and the gap");
            Assert.InRange(layout.RandomBrk(0x1000) - 0x1000, 0UL, (1UL << 30) - 4096);
            Assert.Equal(0UL, (layout.MmapBase | stack | layout.MmapOffset()) & 0xfff);
            Assert.Equal(0UL, layout.AlignStack(0x7fff_0000_0123) & 15);
        }

        Assert.InRange(lowest, 0x7efb_ff70_1000UL, 0x7efd_0000_0000UL);
        Assert.InRange(highest, 0x7ffb_0000_0000UL, 0x7ffb_ff70_0000UL);
    }

    [Fact]
    public void MmapBasesOf32BitTasksTakeEveryOneOf256Places()
    {
        HashSet<ulong> bases = [];
        for (ulong seed = 0; seed < 8000; seed++)
        {
            bases.Add(new UserLayout(TaskAbi.Compat32, random: new AslrRandom(seed)).MmapBase);
        }

        Assert.Equal((256, 0xf7ef_f000UL, 0xf7ff_e000UL), (bases.Count, bases.Min(), bases.Max()));
    }

    [Fact]
    public void Seed_TheSame_GivesTheSameLayout()
    {
        UserLayout first = new(TaskAbi.X86_64, random: AslrSeed.From(42).ToGenerator()), second = new(TaskAbi.X86_64, random: AslrSeed.From(42).ToGenerator());
        Assert.Equal((first.MmapBase, first.RandomStackTop()), (second.MmapBase, second.RandomStackTop()));
        Assert.NotEqual(first.MmapBase, new UserLayout(TaskAbi.X86_64, random: AslrSeed.From(43).ToGenerator()).MmapBase);
        Assert.Null(AslrSeed.Off.ToGenerator());
    }

    [Fact]
    public void Generator_IsSplitMix64()
    {
        AslrRandom random = new(1234567);
        Assert.Equal(6457827717110365317UL, random.Next());
        Assert.Equal(3203168211198807973UL, random.Next());
    }

    [Fact]
    public void RandomPage_OfAnUnalignedOrFullRange_StaysInside()
    {
        AslrRandom random = new(1);
        Assert.Equal(0x2000UL, random.Page(0x1001, 0x1000));
        Assert.Equal(0x1001UL, random.Page(0x1001, 0xffe));
        Assert.InRange(random.Page(0xffff_ffff_ffff_0000, 1UL << 40), 0xffff_ffff_ffff_0000UL, 0xffff_ffff_ffff_f000UL);
    }
}
