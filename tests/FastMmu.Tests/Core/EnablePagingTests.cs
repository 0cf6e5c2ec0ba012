using FastMmu.Memory;
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
    public void EnablePaging_RootAboveFourGiBWithout64Bits_IsRefused(PagingMode mode)
    {
        using var memory = PhysicalMemory.Create(16 * MiB);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        Assert.Throws<ArgumentException>(() => mmu.EnablePaging(Root, mode));
        Assert.Equal(PagingMode.None, mmu.Mode);
    }
}
