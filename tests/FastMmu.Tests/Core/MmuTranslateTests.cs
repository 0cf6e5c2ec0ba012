using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class MmuTranslateTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(16 * MiB);
    private readonly Mmu _mmu;

    public MmuTranslateTests()
    {
        _memory.Write<ulong>(0x1000, 0x2007);
        _memory.Write<ulong>(0x2000, 0x3007);
        _memory.Write<ulong>(0x3000, 0x4007);
        _memory.Write<ulong>(0x3008, 0x20_0087);
        _memory.Write<ulong>(0x4000 + (8 * 5), 0x5007);
        _memory.Write<ulong>(0x4000 + (8 * 6), 0x6001);
        _mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        Assert.Equal(MmuFault.None, _mmu.EnablePaging(0x1000UL));
    }

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void Translate_MappedPage_GivesPhysicalAndSetsAccessedAndDirty()
    {
        Translation t = _mmu.Translate(0x5123UL, Access.Write, Privilege.User);
        Assert.Equal("0x5123 (4 KiB page, user, writable, executable)", t.ToString());
        Assert.Equal(0x5067UL, _memory.Read<ulong>(0x4000 + (8 * 5)));
        Assert.Equal(0x2027UL, _memory.Read<ulong>(0x1000));
    }

    [Fact]
    public void Translate_LargePage_GivesWholePage()
    {
        Translation t = _mmu.Translate(0x20_1234UL, Access.Read, Privilege.Supervisor);
        Assert.Equal(PageSize.Size2M, t.PageSize);
        Assert.Equal(0x20_1234UL, t.Physical.Value);
    }

    [Fact]
    public void Translate_UserReadOfSupervisorPage_FaultsWithCodeAndCr2()
    {
        Translation t = _mmu.Translate(0x6010UL, Access.Read, Privilege.User);
        Assert.Equal("#PF(P|U) at 0x6010: supervisor page", t.ToString());
        Assert.Equal(0x6010UL, _mmu.Cr2);
        Assert.Equal(Rights.None, t.Rights);
    }

    [Fact]
    public void Write_CrossingIntoRefusedPage_ChangesNoByte()
    {
        _mmu.SetCpl(3);
        Assert.False(_mmu.TryWrite<ulong>(0x5ffcUL, ulong.MaxValue, out MmuFault fault));
        Assert.Equal(0x6000UL, fault.Address);
        Assert.Equal(PageFaultError.Present | PageFaultError.Write | PageFaultError.User, fault.PageFaultError);
        Assert.Equal(0u, _memory.Read<uint>(0x5ffc));
    }
}
