using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class NestedPagingTests : IDisposable
{
    // Guest-physical 0 lies at 16 MiB. The guest maps linear 0x1000 to 0x5000, writable by the user; its tables are at 0x1000 to 0x4000.
    private const ulong GuestBase = 16 * MiB;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);
    private readonly PageMapper _host;

    public NestedPagingTests()
    {
        var frames = new BumpFrameAllocator(_memory, new PhysicalRange(32 * MiB, 4 * MiB));
        _host = PageMapper.Create<Paging4Level>(_memory, frames);
        _host.LargestPage = PageSize.Size4K;
        Assert.True(_host.Map(0, GuestBase, 1 * MiB, Rights.UserAll).Ok);
        _memory.Write(GuestBase + 0x1000, 0x2007UL);
        _memory.Write(GuestBase + 0x2000, 0x3007UL);
        _memory.Write(GuestBase + 0x3000, 0x4007UL);
        _memory.Write(GuestBase + 0x4008, 0x5007UL);
    }

    private PagingState Host => PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, _host.Root);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Rule39_BothStagesAllow_GivesSystemPhysicalAndMarksBoth()
    {
        NestedPaging nested = Nested();
        NestedTranslation t = nested.Translate(0x1234, Access.Read, Privilege.User);
        Assert.Equal((GuestBase + 0x5234, 0x5234UL, PageSize.Size4K, Rights.UserAll), (t.SystemPhysical.Value, t.GuestPhysical.Value, t.PageSize, t.Rights));
        Assert.Equal(0x5027UL, _memory.Read<ulong>(GuestBase + 0x4008));
        // A read of the page leaves it clean; reading the guest's tables is writing to theirs.
        Assert.Equal((true, false), HostFlags(0x5000));
        for (ulong table = 0x1000; table < 0x5000; table += 0x1000) Assert.Equal((true, true), HostFlags(table));
        Assert.Equal((false, false), HostFlags(0x6000));
        Assert.True(nested.Translate(0x1234, Access.Write, Privilege.User).Ok);
        Assert.Equal((true, true), HostFlags(0x5000));
        Assert.Equal(0x5067UL, _memory.Read<ulong>(GuestBase + 0x4008));
    }

    [Fact]
    public void Rule39_Probe_LeavesNoTraceInEitherStage()
    {
        Assert.True(Nested().Probe(0x1234, Access.Write, Privilege.User).Ok);
        Assert.Equal(0x5007UL, _memory.Read<ulong>(GuestBase + 0x4008));
        for (ulong page = 0x1000; page <= 0x5000; page += 0x1000) Assert.Equal((false, false), HostFlags(page));
    }

    [Theory]
    [InlineData(0x1000)]
    [InlineData(0x2000)]
    [InlineData(0x3000)]
    [InlineData(0x4000)]
    public void Rule39_ReadOnlyGuestTable_IsANestedWriteFaultEvenForARead(ulong table)
    {
        Assert.True(_host.Protect(table, 4096, Rights.UserRead).Ok);
        NestedTranslation t = Nested().Translate(0x1234, Access.Read, Privilege.User);
        Assert.False(t.GuestFault.IsFault);
        Assert.Equal(NestedFaultError.Present | NestedFaultError.Write | NestedFaultError.User | NestedFaultError.PageTable, t.NestedFault.Error);
        Assert.Equal(FaultReason.WriteProtected, t.NestedFault.Reason);
        Assert.Equal(table, t.NestedFault.GuestPhysical.Value & ~0xfffUL);
        Assert.Equal(0x5007UL, _memory.Read<ulong>(GuestBase + 0x4008));
    }

    [Fact]
    public void Rule39_FinalAddress_IsCheckedForWhatTheGuestDoes()
    {
        Assert.True(_host.Protect(0x5000, 4096, Rights.UserRead).Ok);
        NestedPaging nested = Nested();
        Assert.True(nested.Probe(0x1234, Access.Read, Privilege.Supervisor).Ok);
        Assert.Equal("#NPF(0x100000007) at guest-physical 0x5234: WriteProtected", nested.Probe(0x1234, Access.Write).ToString());
        NestedFault fetch = nested.Probe(0x1234, Access.Execute).NestedFault;
        Assert.Equal(
            NestedFaultError.Present | NestedFaultError.User | NestedFaultError.InstructionFetch | NestedFaultError.FinalAddress, fetch.Error);
        Assert.Equal(0x5234UL, nested.Probe(0x1234, Access.Write).GuestPhysical.Value);
    }

    [Fact]
    public void Rule39_NestedAccesses_AreUserWhateverTheGuestIs()
    {
        Assert.True(_host.Protect(0x5000, 4096, Rights.SupervisorAll).Ok);
        NestedFault fault = Nested().Probe(0x1234, Access.Read, Privilege.Supervisor).NestedFault;
        Assert.Equal((NestedFaultError.Present | NestedFaultError.User | NestedFaultError.FinalAddress, FaultReason.SupervisorPage), (fault.Error, fault.Reason));
        Assert.True(_host.Protect(0x5000, 4096, Rights.UserAll).Ok);
        Assert.True(_host.Protect(0x3000, 4096, Rights.SupervisorAll).Ok);
        Assert.Equal(NestedFaultError.Present | NestedFaultError.Write | NestedFaultError.User | NestedFaultError.PageTable, Nested().Probe(0x1234).NestedFault.Error);
    }

    [Fact]
    public void Rule39_NotPresent_ClearsPAndNamesTheAddress()
    {
        Assert.True(_host.Unmap(0x4000, 8192).Ok);
        NestedFault table = Nested().Probe(0x1234).NestedFault;
        Assert.Equal((0x4008UL, NestedFaultError.Write | NestedFaultError.User | NestedFaultError.PageTable), (table.GuestPhysical.Value, table.Error));
        Assert.True(_host.Map(0x4000, GuestBase + 0x4000, 4096, Rights.UserAll).Ok);
        NestedFault final = Nested().Probe(0x1234).NestedFault;
        Assert.Equal((0x5234UL, NestedFaultError.User | NestedFaultError.FinalAddress), (final.GuestPhysical.Value, final.Error));
    }

    [Fact]
    public void Rule39_GuestFault_ComesBeforeTheFinalNestedOne()
    {
        Assert.True(_host.Unmap(0x5000, 4096).Ok);
        _memory.Write(GuestBase + 0x4008, 0x5005UL);
        NestedTranslation t = Nested().Probe(0x1234, Access.Write, Privilege.User);
        Assert.Equal("#PF(P|W|U) at 0x1234: write-protected page", t.ToString());
        Assert.False(t.NestedFault.IsFault);
        Assert.Equal("#GP(0): non-canonical address", Nested().Probe(1UL << 62).ToString());
    }

    [Fact]
    public void Rule39_Depth_IsTheHostsWhateverTheGuestsLa57()
    {
        // A guest with five levels over a host with four, and the other way round.
        _memory.Write(GuestBase + 0x6000, 0x1007UL);
        PagingState guest = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FiveLevel, 0x6000);
        Assert.Equal(GuestBase + 0x5234, new NestedPaging(_memory, Host, guest).Probe(0x1234).SystemPhysical.Value);

        PageMapper deep = PageMapper.Create<Paging5Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(48 * MiB, 1 * MiB)));
        Assert.True(deep.Map(0, GuestBase, 1 * MiB, Rights.UserAll).Ok);
        Assert.True(deep.Map(1UL << 50, GuestBase + 0x7000, 4096, Rights.UserAll).Ok);
        PagingState host = PagingState.WithPaging(ProcessorFeatures.Everything, PagingMode.FiveLevel, deep.Root);
        guest = PagingState.WithPaging(ProcessorFeatures.Everything, PagingMode.FourLevel, 0x1000);
        var nested = new NestedPaging(_memory, host, guest);
        Assert.Equal(GuestBase + 0x5234, nested.Probe(0x1234).SystemPhysical.Value);
        _memory.Write(GuestBase + 0x4010, (1UL << 50) | 7);
        Assert.Equal(GuestBase + 0x7234, nested.Probe(0x2234).SystemPhysical.Value);
        // A host of four levels has no such guest-physical address.
        NestedFault fault = new NestedPaging(_memory, Host, guest).Probe(0x2234).NestedFault;
        Assert.Equal((1UL << 50 | 0x234, FaultReason.NotPresent, 4), (fault.GuestPhysical.Value, fault.Reason, fault.Level));
    }

    [Fact]
    public void Rule39_HighHalfOfTheHostsTables_HoldsHighGuestPhysicalAddresses()
    {
        // Guest-physical addresses are extended by zeros: index 256 of the nested root is 2^47, not a negative number.
        ulong root = _host.Root.Value;
        _memory.Write(root + (8 * 256), _memory.Read<ulong>(root));
        _memory.Write(GuestBase + 0x4010, (1UL << 47) | 0x5007);
        Assert.Equal(GuestBase + 0x5234, Nested().Probe(0x2234).SystemPhysical.Value);
    }

    [Fact]
    public void Rule39_PaeGuest_ReadsItsPdptesOnDemand()
    {
        _memory.Write(GuestBase + 0x8000, 0x3001UL);
        PagingState guest = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.Pae, 0x8000);
        var nested = new NestedPaging(_memory, Host, guest);
        Assert.Equal(GuestBase + 0x5234, nested.Probe(0x1234).SystemPhysical.Value);
        _memory.Write(GuestBase + 0x8000, 0UL);
        Assert.Equal(FaultReason.NotPresent, nested.Probe(0x1234).GuestFault.Reason);
        Assert.True(_host.Unmap(0x8000, 4096).Ok);
        Assert.Equal(0x8000UL, nested.Probe(0x1234).NestedFault.GuestPhysical.Value);
    }

    [Fact]
    public void Rule39_TwoLevelGuestAndUnpagedGuest_AreTranslatedToo()
    {
        _memory.Write(GuestBase + 0x9000, 0xa007u);
        _memory.Write(GuestBase + 0xa004, 0x5003u);
        var nested = new NestedPaging(_memory, Host, PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.TwoLevel, 0x9000));
        Assert.Equal(GuestBase + 0x5234, nested.Translate(0x1234, Access.Write).SystemPhysical.Value);
        Assert.Equal(0x5063u, _memory.Read<uint>(GuestBase + 0xa004));
        nested.SetGuest(new PagingState(ProcessorFeatures.Zen4));
        Assert.Equal(GuestBase + 0x1234, nested.Probe(0x1_0000_1234).SystemPhysical.Value);
        Assert.Equal(0x4000_1234UL, nested.Probe(0x4000_1234).NestedFault.GuestPhysical.Value);
    }

    [Fact]
    public void Rule39_PageSizes_TheSmallerOfBothStagesCounts()
    {
        _memory.Write(GuestBase + 0x3008, 0x20_0087UL);
        PageMapper large = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(48 * MiB, 1 * MiB)));
        Assert.True(large.Map(0, GuestBase, 16 * MiB, Rights.UserAll).Ok);
        var nested = new NestedPaging(
            _memory,
            PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, large.Root),
            PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, 0x1000));
        Assert.Equal(PageSize.Size2M, nested.Probe(0x20_1234).PageSize);
        Assert.Equal(PageSize.Size4K, nested.Probe(0x1234).PageSize);
        Assert.Throws<ArgumentException>(() => nested.SetHost(new PagingState(ProcessorFeatures.Zen4)));
    }

    private NestedPaging Nested() => new(_memory, Host, PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, 0x1000));

    private (bool Accessed, bool Dirty) HostFlags(ulong guestPhysical)
    {
        foreach (MappedPage page in _host.View().Pages(new LinearRange(guestPhysical, 1))) return (page.Accessed, page.Dirty);
        throw new InvalidOperationException("The host does not map it.");
    }
}
