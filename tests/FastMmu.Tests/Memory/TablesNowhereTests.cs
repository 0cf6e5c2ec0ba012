using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

/// <summary>Page tables in a device or a hole: they read as all ones, for everybody, and no handler is called.</summary>
public sealed class TablesNowhereTests : IDisposable
{
    private const ulong Linear = 0x40_0000;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(16 * MiB);
    private readonly PageMapper _space;
    private readonly ulong[] _tables;

    public TablesNowhereTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(0x1000, 1 * MiB)));
        Assert.True(_space.Map(Linear, 0x20_0000, 16 * KiB, Rights.UserReadWrite).Ok);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(_space.Root);
        mmu.Probe(Linear, Access.Read, Privilege.User, out Paging.Walk.WalkPath path);
        _tables = [.. Enumerable.Range(0, 4).Select(i => path[i].EntryAddress & ~0xfffUL)];
    }

    public static TheoryData<int, bool> Places => new() { { 0, false }, { 1, false }, { 2, false }, { 3, false }, { 0, true }, { 1, true }, { 2, true }, { 3, true } };

    public void Dispose() => _memory.Dispose();

    [Theory]
    [MemberData(nameof(Places))]
    public void Walks_MeetAReservedBit(int level, bool hole)
    {
        Hide(level, hole);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(_space.Root);
        Assert.Equal(FaultReason.ReservedBit, mmu.Translate(Linear, Access.Write, Privilege.User).Fault.Reason);
        ulong[] physical = new ulong[40];
        Assert.Equal(40, mmu.TranslateBatch([.. Enumerable.Repeat(Linear, 40)], physical, Access.Read, Privilege.User).Faulted);
        Assert.False(mmu.TryFetchAdd(Linear, 1, out int _, out _));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void MapperAndView_FindNothing_AndChangeNothing(int level, bool hole)
    {
        Hide(level, hole);
        PagingState state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, _space.Root);
        foreach (MappedPage page in new AddressSpaceView(_memory, state).Pages()) Assert.Fail($"{page} is mapped by nothing.");
        Assert.False(_space.Map(Linear + 0x8000, 0x30_0000, 4 * KiB, Rights.UserReadWrite).Ok);
        _space.Unmap(Linear, 16 * KiB);
        _space.SetAttributes(Linear, 4 * KiB, new PageAttributes(Rights.UserRead));
        _memory.Unmap(_tables[level], 4 * KiB);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(_space.Root);
        Assert.True(mmu.Translate(Linear, Access.Write, Privilege.User).Ok);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void NestedStages_FaultAsTheirWalkDoes(int level, bool hole)
    {
        // Stage 2 maps everything to itself, so that either stage's tables can be these.
        PageMapper identity = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(4 * MiB, 1 * MiB)));
        Assert.True(identity.Map(0, 0UL, 16 * MiB, Rights.UserAll).Ok);
        PagingState plain = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, _space.Root);
        PagingState host = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, identity.Root);
        var nested = new NestedPaging(_memory, host, plain);
        Assert.True(nested.Translate(Linear, Access.Read, Privilege.User).Ok);
        Hide(level, hole);
        Assert.False(nested.Translate(Linear, Access.Read, Privilege.User).Ok);
        Assert.False(new NestedPaging(_memory, plain, host).Translate(Linear, Access.Read, Privilege.User).Ok);
    }

    private void Hide(int level, bool hole)
    {
        if (hole) _memory.SetKind(_tables[level], 4 * KiB, MemoryKind.Hole);
        else _memory.MapDevice(_tables[level], 4 * KiB, new Untouchable());
    }

    private sealed class Untouchable : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => throw new InvalidOperationException($"read of {access}");

        public void Write(in DeviceAccess access, ulong value) => throw new InvalidOperationException($"write of {access}");
    }
}
