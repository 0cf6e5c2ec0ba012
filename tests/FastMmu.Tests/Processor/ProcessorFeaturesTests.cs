using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Processor;

public sealed class ProcessorFeaturesTests
{
    [Theory]
    [InlineData(31)]
    [InlineData(53)]
    [InlineData(0)]
    [InlineData(-1)]
    public void PhysicalAddressBits_OutsideTheArchitecture_Throws(int bits) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessorFeatures { PhysicalAddressBits = bits });

    [Theory]
    [InlineData(32)]
    [InlineData(36)]
    [InlineData(52)]
    public void PhysicalAddressBits_Within_AreKept(int bits) => Assert.Equal(bits, new ProcessorFeatures { PhysicalAddressBits = bits }.PhysicalAddressBits);

    [Fact]
    public void LinearAddressBits_FollowTheCapability()
    {
        Assert.Equal(48, ProcessorFeatures.SkylakeServer.LinearAddressBits);
        Assert.Equal(57, ProcessorFeatures.Zen4.LinearAddressBits);
    }

    [Theory]
    [InlineData(PagingMode.None, true, true, true)]
    [InlineData(PagingMode.TwoLevel, true, true, true)]
    [InlineData(PagingMode.Pae, false, true, true)]
    [InlineData(PagingMode.FourLevel, false, false, true)]
    [InlineData(PagingMode.FiveLevel, false, false, true)]
    public void Has_Modes_GrowWithTheProcessors(PagingMode mode, bool i386, bool pentium4, bool zen4)
    {
        Assert.Equal(i386, ProcessorFeatures.I386.Has(mode));
        Assert.Equal(pentium4, ProcessorFeatures.Pentium4.Has(mode));
        Assert.Equal(zen4, ProcessorFeatures.Zen4.Has(mode));
    }

    [Fact]
    public void Has_FiveLevel_NeedsLa57AndLongMode()
    {
        Assert.False(ProcessorFeatures.SkylakeServer.Has(PagingMode.FiveLevel));
        Assert.False((ProcessorFeatures.Zen4 with { LongMode = false }).Has(PagingMode.FiveLevel));
    }

    /// <summary>The presets, by what their CR4 lets software set.</summary>
    [Fact]
    public void Presets_Cr4_HasTheBitsOfTheirGeneration()
    {
        const ulong old = Cr4.PseBit | Cr4.PaeBit | Cr4.PgeBit;
        const ulong modern = old | Cr4.PcideBit | Cr4.SmepBit | Cr4.SmapBit | Cr4.PkeBit;
        const ulong every = modern | Cr4.La57Bit | Cr4.PksBit | Cr4.CetBit | Cr4.LassBit | Cr4.LamSupBit;
        Assert.Equal(0UL, Paging(ProcessorFeatures.I386));
        Assert.Equal(old, Paging(ProcessorFeatures.Pentium4));
        Assert.Equal(modern, Paging(ProcessorFeatures.SkylakeServer));
        Assert.Equal(modern | Cr4.La57Bit | Cr4.CetBit, Paging(ProcessorFeatures.Zen4));
        Assert.Equal(modern | Cr4.La57Bit | Cr4.CetBit | Cr4.PksBit, Paging(ProcessorFeatures.SapphireRapids));
        Assert.Equal(every, Paging(ProcessorFeatures.Everything));

        static ulong Paging(ProcessorFeatures features) => ControlRegisterRules.Cr4Allowed(features) & every;
    }

    [Fact]
    public void WithPaging_EveryMode_IsConsistentAndInThatMode()
    {
        foreach (PagingMode mode in Enum.GetValues<PagingMode>())
        {
            if (mode == PagingMode.None) continue;
            PagingState state = PagingState.WithPaging(ProcessorFeatures.Everything, mode, 0x1000UL);
            Assert.Null(ControlRegisterRules.Inconsistency(in state));
            Assert.Equal(mode, state.Mode);
            Assert.True(state.Cr0.Wp);
        }

        Assert.Throws<ArgumentException>(() => PagingState.WithPaging(ProcessorFeatures.Everything, PagingMode.None, 0UL));
        Assert.Throws<ArgumentException>(() => PagingState.WithPaging(ProcessorFeatures.I386, PagingMode.Pae, 0UL));
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel, 32)]
    [InlineData(PagingMode.Pae, 32)]
    [InlineData(PagingMode.FourLevel, 48)]
    [InlineData(PagingMode.FiveLevel, 57)]
    public void LinearWidth_FollowsTheMode(PagingMode mode, int width) =>
        Assert.Equal(width, PagingState.WithPaging(ProcessorFeatures.Everything, mode, 0x1000UL).LinearWidth);

    [Fact]
    public void Pcid_WithoutPcide_IsZero()
    {
        PagingState state = PagingState.WithPaging(ProcessorFeatures.Everything, PagingMode.FourLevel, 0x1fffUL);
        Assert.Equal(0, state.Pcid);
        state.Cr4 = state.Cr4.Value | Cr4.PcideBit;
        Assert.Equal(0xfff, state.Pcid);
    }
}
