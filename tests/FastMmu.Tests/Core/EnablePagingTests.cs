using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public class EnablePagingTests
{
    private const ulong Root = 5 * GiB;

    [Fact]
    public void EnablePaging_RootAboveFourGiB_IsTheRootOfLongMode()
    {
        using var memory = PhysicalMemory.Create(Root + (2 * MiB));
        memory.Write(Root, (Root + 0x1000) | 7);
        memory.Write(Root + 0x1000, 0x4000_0087UL);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);

        Assert.Equal(MmuFault.None, mmu.EnablePaging(Root));

        Assert.Equal(Root, mmu.State.Cr3.Value);
        Assert.Equal(0x4000_1234UL, mmu.Translate(0x1234UL).Physical.Value);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void EnablePaging_OfAMapper_TakesItsMode(PagingMode mode)
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB), other = PhysicalMemory.Create(16 * MiB);
        PageMapper space = PageMapper.Create(mode, memory, new BitmapFrameAllocator(memory));
        space.Map(0xffff_f000, 8 * MiB, 4 * KiB, Rights.UserReadWrite);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        using var stranger = new Mmu(other, ProcessorFeatures.Zen4);

        Assert.Equal(MmuFault.None, mmu.EnablePaging(space));

        Assert.Equal(mode, mmu.Mode);
        Assert.Equal((8 * MiB) + 0x123, mmu.Translate(0xffff_f123).Physical.Value);
        Assert.Throws<ArgumentException>(() => stranger.EnablePaging(space));
        Assert.Throws<ArgumentNullException>(() => mmu.EnablePaging(null!));
        using var old = new Mmu(memory, ProcessorFeatures.I386);
        if (mode != PagingMode.TwoLevel) Assert.Throws<ArgumentException>(() => old.EnablePaging(space));
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    public void EnablePaging_RootAboveFourGiBWithout64Bits_IsRefused(PagingMode mode)
    {
        using var memory = PhysicalMemory.Create(16 * MiB);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        Assert.Throws<ArgumentException>(() => mmu.EnablePaging(Root, mode));
        Assert.Equal(PagingMode.None, mmu.Mode);
    }
}
