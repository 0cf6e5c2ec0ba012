using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Mapping;

public sealed class PageMapperTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);
    private readonly BitmapFrameAllocator _frames;

    public PageMapperTests() => _frames = new(_memory);

    public static TheoryData<PagingMode> Modes => [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel];

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Map_AsInTheReadme_Translates()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(linear: 0x7f00_0000_0000, physical: 0x20_0000, length: 2 * MiB, Rights.UserReadWrite).Ok);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        Assert.False(mmu.EnablePaging(space.Root).IsFault);
        Translation t = mmu.Translate(0x7f00_0000_1234, Access.Write, Privilege.User);
        Assert.Equal("0x201234 (2 MiB page, user, writable)", t.ToString());
    }

    [Theory, MemberData(nameof(Modes))]
    public void Map_EveryPageOfARange_TranslatesInOrderAndNothingElse(PagingMode mode)
    {
        PageMapper space = PageMapper.Create(mode, _memory, _frames);
        const ulong linear = 0x3f_e000, physical = 0x80_1000, length = 9 * MiB;
        Assert.Equal(new MapOutcome(MapResult.Done, length), space.Map(linear, physical, length, Rights.UserReadExecute));
        using var mmu = new Mmu(_memory, ProcessorFeatures.Everything);
        Assert.False(mmu.EnablePaging(space.Root, mode).IsFault);
        for (ulong at = 0; at < length; at += 4096)
        {
            Translation t = mmu.Probe(linear + at, Access.Execute, Privilege.User);
            Assert.True(t.Ok, t.ToString());
            Assert.Equal(physical + at, t.Physical.Value);
            Assert.Equal(PageSize.Size4K, t.PageSize);
        }

        Assert.Equal(FaultReason.NotPresent, mmu.Probe(linear - 1).Fault.Reason);
        Assert.Equal(FaultReason.NotPresent, mmu.Probe(linear + length).Fault.Reason);
        Assert.Equal(FaultReason.WriteProtected, mmu.Probe(linear, Access.Write, Privilege.User).Fault.Reason);
        MappedRange range = Assert.Single(space.View().Ranges());
        Assert.Equal(new MappedRange(new(linear, length), physical, Rights.UserReadExecute, 0, 0, 2304), range);
    }

    [Theory, MemberData(nameof(Modes))]
    public void Unmap_Everything_GivesBackEveryTable(PagingMode mode)
    {
        PageMapper space = PageMapper.Create(mode, _memory, _frames);
        long before = _frames.FreeFrames;
        Assert.True(space.Map(0x1000, 0x1000, 128 * MiB, Rights.SupervisorReadWrite).Ok);
        Assert.NotEqual(before, _frames.FreeFrames);
        MapOutcome unmapped = space.Unmap(0, 1 * GiB);
        Assert.Equal(new MapOutcome(MapResult.Done, 128 * MiB, new LinearRange(0x1000UL, 128 * MiB)), unmapped);
        Assert.Equal(before, _frames.FreeFrames);
        Assert.Empty(space.View().Ranges());
        space.Release();
        Assert.Equal(_frames.TotalFrames, _frames.FreeFrames);
    }
}
