using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Entries;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Mapping;

public sealed class PageMapperTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.CreatePc(4 * GiB);
    private readonly BitmapFrameAllocator _frames;

    public PageMapperTests() => _frames = new(_memory, new PhysicalRange(1 * MiB, 63 * MiB));

    public static TheoryData<PagingMode> Modes => [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel];

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Map_AsInTheReadme_Translates()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(linear: 0x7f00_0000_0000, physical: 0x20_0000, length: 2 * MiB, Rights.UserReadWrite).Ok);
        using Mmu mmu = Enter(space, ProcessorFeatures.Zen4);
        Translation t = mmu.Translate(0x7f00_0000_1234, Access.Write, Privilege.User);
        Assert.Equal("0x201234 (2 MiB page, user, writable)", t.ToString());
    }

    [Theory, MemberData(nameof(Modes))]
    public void Map_EveryPageOfARange_TranslatesInOrderAndNothingElse(PagingMode mode)
    {
        PageMapper space = PageMapper.Create(mode, _memory, _frames);
        const ulong linear = 0x3f_e000, physical = 0x80_1000, length = 9 * MiB;
        Assert.Equal(new MapOutcome(MapResult.Done, length), space.Map(linear, physical, length, Rights.UserReadExecute));
        using Mmu mmu = Enter(space, ProcessorFeatures.Everything);
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

    [Theory]
    [InlineData(PagingMode.TwoLevel, PageSize.Size4M)]
    [InlineData(PagingMode.Pae, PageSize.Size2M)]
    [InlineData(PagingMode.FourLevel, PageSize.Size1G)]
    [InlineData(PagingMode.FiveLevel, PageSize.Size1G)]
    public void Map_OneAlignedGigabyte_TakesTheLargestPagesAllowed(PagingMode mode, PageSize largest)
    {
        PageMapper space = PageMapper.Create(mode, _memory, _frames);
        Assert.True(space.Map(1 * GiB, 2 * GiB, 1 * GiB, Rights.SupervisorReadWrite).Ok);
        Assert.Equal(1 * GiB / largest.Bytes(), space.View().Summarize().Pages(largest));
        Assert.True(space.Unmap(1 * GiB, 1 * GiB).Ok);
        space.LargestPage = PageSize.Size4K;
        Assert.True(space.Map(1 * GiB, 2 * GiB, 1 * GiB, Rights.SupervisorReadWrite).Ok);
        Assert.Equal(1 * GiB / 4096, space.View().Summarize().Pages(PageSize.Size4K));
    }

    [Fact]
    public void Map_WithoutGigabytePages_TakesTwoMegabytes()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames, new ProcessorFeatures { OneGigabytePages = false });
        Assert.True(space.Map(0, 0, 1 * GiB, Rights.SupervisorReadWrite).Ok);
        Assert.Equal(512UL, space.View().Summarize().Pages(PageSize.Size2M));
    }

    [Fact]
    public void Map_On386_TakesFourKilobytesAndNoGlobalBit()
    {
        PageMapper space = PageMapper.Create<Paging2Level>(_memory, _frames, ProcessorFeatures.I386);
        Assert.True(space.Map(0, 0, 4 * MiB, Rights.SupervisorReadWrite | Rights.Global).Ok);
        foreach (MappedPage page in space.View().Pages()) Assert.Equal((PageSize.Size4K, page.Physical.Value | 3), (page.Size, page.Leaf));
    }

    [Fact]
    public void Map_AttributesOfALeaf_AreItsBits()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        var attributes = new PageAttributes(Rights.UserReadWrite | Rights.Global) { PatIndex = 6, ProtectionKey = 9, Accessed = true, Dirty = true };
        Assert.True(space.Map(0x1000, 0x5000, 4096, attributes).Ok);
        Assert.True(space.Map(2 * MiB, 4 * MiB, 2 * MiB, attributes).Ok);
        ulong[] leaves = new ulong[2];
        int i = 0;
        foreach (MappedPage page in space.View().Pages()) leaves[i++] = page.Leaf;
        //                                XD, key 9                 G, PAT or PS, D, A, PCD, PWT=0, U, W, P
        Assert.Equal(0x8000_0000_0000_0000 | (9UL << 59) | 0x5000 | 0x1f7, leaves[0]);
        Assert.Equal(0x8000_0000_0000_0000 | (9UL << 59) | 0x40_0000 | 0x1000 | 0x1f7, leaves[1]);
    }

    [Fact]
    public void Map_Pse36_ReachesBeyondFourGigabytesByLargePagesOnly()
    {
        PageMapper space = PageMapper.Create<Paging2Level>(_memory, _frames, new ProcessorFeatures { PhysicalAddressBits = 40 });
        Assert.True(space.Map(8 * MiB, 0xff_ffc0_0000, 4 * MiB, Rights.UserRead).Ok);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Map(16 * MiB, 0xff_ffc0_0000, 2 * MiB, Rights.UserRead).Result);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Map(16 * MiB, 0x100_0000_0000, 4 * MiB, Rights.UserRead).Result);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Map(16 * MiB, (4 * GiB) - 4096, 8192, Rights.UserRead).Result);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Split(8 * MiB, 4096).Result);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Unmap(8 * MiB, 4096).Result);
        using Mmu mmu = Enter(space, new ProcessorFeatures { PhysicalAddressBits = 40 });
        Assert.Equal(0xff_fff1_2345UL, mmu.Probe(0xb1_2345).Physical.Value);
    }

    [Fact]
    public void Map_BeyondMaxphyaddr_IsTooHigh()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames, new ProcessorFeatures { PhysicalAddressBits = 36 });
        Assert.True(space.Map(0, (1UL << 36) - 4096, 4096, Rights.UserRead).Ok);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Map(0x1000, (1UL << 36) - 4096, 8192, Rights.UserRead).Result);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Map(1 * GiB, 1UL << 36, 1 * GiB, Rights.UserRead).Result);
        Assert.Equal(MapResult.PhysicalTooHigh, space.Map(1 * GiB, PhysicalAddress.MaxValue & ~0xfffUL, 8192, Rights.UserRead).Result);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel, 0x7fff_ffff_f000, 0x2000)]
    [InlineData(PagingMode.FourLevel, 0x8000_0000_0000, 0x1000)]
    [InlineData(PagingMode.FourLevel, 0x7fff_ffff_f000, 0xffff_0000_0000_2000)]
    [InlineData(PagingMode.FourLevel, 0xffff_ffff_ffff_f000, 0x2000)]
    [InlineData(PagingMode.FiveLevel, 0x0100_0000_0000_0000, 0x1000)]
    [InlineData(PagingMode.Pae, 0xffff_f000, 0x2000)]
    [InlineData(PagingMode.TwoLevel, 0x1_0000_0000, 0x1000)]
    public void Range_OutsideTheAddressSpace_IsNotCanonical(PagingMode mode, ulong linear, ulong length)
    {
        PageMapper space = PageMapper.Create(mode, _memory, _frames);
        Assert.Equal(MapResult.NotCanonical, space.Map(linear, 0, length, Rights.UserRead).Result);
        Assert.Equal(MapResult.NotCanonical, space.Unmap(linear, length).Result);
        Assert.Equal(MapResult.NotCanonical, space.Protect(linear, length, Rights.UserRead).Result);
        Assert.Equal(MapResult.NotCanonical, space.SetAttributes(linear, length, Rights.UserRead).Result);
        Assert.Equal(MapResult.NotCanonical, space.Split(linear, length).Result);
    }

    [Theory, MemberData(nameof(Modes))]
    public void Range_AtTheEndOfTheAddressSpace_IsMappedAndUnmapped(PagingMode mode)
    {
        PageMapper space = PageMapper.Create(mode, _memory, _frames);
        ulong linear = mode is PagingMode.TwoLevel or PagingMode.Pae ? 0xffff_f000 : 0xffff_ffff_ffff_f000;
        Assert.True(space.Map(linear, 0x1000, 4096, Rights.UserRead).Ok);
        Assert.Equal(linear, Assert.Single(space.View().Ranges()).Range.Start.Value);
        Assert.Equal(new LinearRange(linear, 4096), space.Unmap(linear - 0x1f_f000, 2 * MiB).Invalidate);
        Assert.Empty(space.View().Ranges());
    }

    [Fact]
    public void Numbers_Misaligned_Throw()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.Throws<ArgumentException>(() => space.Map(0x800, 0, 4096, Rights.UserRead));
        Assert.Throws<ArgumentException>(() => space.Map(0, 1, 4096, Rights.UserRead));
        Assert.Throws<ArgumentException>(() => space.Map(0, 0, ulong.MaxValue, Rights.UserRead));
        Assert.Throws<ArgumentException>(() => space.Unmap(0, 1));
        Assert.Throws<ArgumentException>(() => space.Protect(2, 4096, Rights.UserRead));
        Assert.Throws<ArgumentException>(() => space.Split(0, 4096, PageSize.None));
        Assert.Throws<ArgumentException>(() => new PageAttributes(Rights.UserReadWrite | Rights.ShadowStack));
        Assert.True(space.Map(0, 0, 0, Rights.UserRead).Ok);
        Assert.Empty(space.View().Ranges());
    }

    [Fact]
    public void Root_In32BitModes_LiesBelowFourGigabytes()
    {
        var high = new BitmapFrameAllocator(_memory, new PhysicalRange(4 * GiB, 1 * GiB));
        Assert.Throws<InsufficientMemoryException>(() => PageMapper.Create<Paging2Level>(_memory, high));
        Assert.Throws<InsufficientMemoryException>(() => PageMapper.Create<PagingPae>(_memory, high));
        Assert.Equal(4 * GiB, PageMapper.Create<Paging4Level>(_memory, high).Root.Value);
        Assert.Equal(1, high.UsedFrames);
    }

    [Fact]
    public void Create_ModeThatTheProcessorLacks_Throws()
    {
        Assert.Throws<ArgumentException>(() => PageMapper.Create<Paging5Level>(_memory, _frames, ProcessorFeatures.SkylakeServer));
        Assert.Throws<ArgumentException>(() => PageMapper.Create(PagingMode.None, _memory, _frames));
        Assert.Throws<ArgumentException>(() => PageMapper.Open<Paging4Level>(_memory, _frames, 0x1010));
        Assert.Throws<ArgumentException>(() => PageMapper.Open<PagingPae>(_memory, _frames, 4 * GiB));
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

    [Fact]
    public void Unmap_InPae_KeepsTheDirectoriesThatRegistersHold()
    {
        PageMapper space = PageMapper.Create<PagingPae>(_memory, _frames);
        using Mmu mmu = Enter(space, ProcessorFeatures.Everything);
        Assert.True(space.Map(3 * GiB, 0x5000, 4096, Rights.UserRead).Ok);
        Assert.Equal(0x5000UL, mmu.Probe(3 * GiB).Physical.Value);
        Assert.True(space.Unmap(3 * GiB, 4096).Ok);
        Assert.True(space.Map(3 * GiB, 0x6000, 4096, Rights.UserRead).Ok);
        Assert.Equal(0x6000UL, mmu.Probe(3 * GiB).Physical.Value);
    }

    [Fact]
    public void Unmap_EntriesOfSoftware_StayWithTheirTable()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(0, 0, 8192, Rights.UserRead).Ok);
        PhysicalAddress leaf = default;
        foreach (MappedPage page in space.View().Pages()) leaf = page.LeafAddress;
        _memory.Write(leaf, 0xdead_bee0UL);
        Assert.Equal(new LinearRange(0UL, 4096), space.Unmap(0, 2 * MiB).Invalidate);
        Assert.Equal(0xdead_bee0UL, _memory.Read<ulong>(leaf));
        Assert.Equal(MapResult.NotMapped, space.Unmap(0, 2 * MiB).Result);
        Assert.Equal(MapResult.NotMapped, space.Protect(0, 2 * MiB, Rights.UserRead).Result);
        Assert.Equal(MapResult.NotMapped, space.Split(0, 2 * MiB).Result);
        Assert.True(space.Map(0x1000, 0x9000, 4096, Rights.UserRead).Ok);
    }

    [Fact]
    public void Protect_PartOfAGigabytePage_SplitsOnlyWhereNeeded()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(0, 0, 1 * GiB, new PageAttributes(Rights.UserReadWrite | Rights.Global) { PatIndex = 7, ProtectionKey = 3, Dirty = true }).Ok);
        MapOutcome outcome = space.Protect(0x20_0000, 0x20_1000, Rights.UserRead | Rights.Global);
        Assert.Equal(new MapOutcome(MapResult.Done, 0x20_1000, new LinearRange(0x20_0000UL, 0x20_1000)), outcome);
        AddressSpaceSummary summary = space.View().Summarize();
        Assert.Equal((0UL, 511UL, 512UL), (summary.Pages(PageSize.Size1G), summary.Pages(PageSize.Size2M), summary.Pages(PageSize.Size4K)));
        foreach (MappedPage page in space.View().Pages())
        {
            Assert.Equal((page.Linear.Value, 7, 3, true), (page.Physical.Value, page.PatIndex, page.ProtectionKey, page.Dirty));
            Assert.Equal(page.Linear.Value - 0x20_0000 >= 0x20_1000, page.Rights.HasFlag(Rights.Write));
        }
    }

    [Fact]
    public void Protect_WhatIsSoAlready_InvalidatesNothing()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(0, 0, 16 * KiB, Rights.UserRead).Ok);
        Assert.Equal(new MapOutcome(MapResult.Done, 16 * KiB), space.Protect(0, 1 * MiB, Rights.UserRead));
        Assert.True(space.Protect(4 * KiB, 4 * KiB, Rights.UserReadWrite).Ok);
        Assert.Equal(new MapOutcome(MapResult.Done, 16 * KiB, new LinearRange(4 * KiB, 4 * KiB)), space.Protect(0, 16 * KiB, Rights.UserRead));
    }

    [Fact]
    public void Protect_AccessedAndDirty_AreKeptAndSetAttributesSetsThem()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(0, 0x5000, 4096, Rights.UserReadWrite).Ok);
        using Mmu mmu = Enter(space, ProcessorFeatures.Zen4);
        Assert.True(mmu.Translate(0UL, Access.Write, Privilege.User).Ok);
        Assert.True(space.Protect(0, 4096, Rights.UserRead).Ok);
        Assert.Equal((true, true), Flags());
        Assert.True(space.SetAttributes(0, 4096, Rights.UserRead).Ok);
        Assert.Equal((false, false), Flags());

        (bool Accessed, bool Dirty) Flags()
        {
            foreach (MappedPage page in space.View().Pages()) return (page.Accessed, page.Dirty);
            throw new InvalidOperationException("Nothing is mapped.");
        }
    }

    [Fact]
    public void ShadowStack_MappedWithCet_TranslatesForShadowStackAccessesOnly()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(0, 0x5000, 4096, Rights.UserRead | Rights.ShadowStack).Ok);
        using Mmu mmu = Enter(space, ProcessorFeatures.Everything);
        Assert.False(mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.CetBit).IsFault);
        Assert.True(mmu.Probe(0UL, Access.ShadowStackWrite, Privilege.User).Ok);
        Assert.False(mmu.Probe(0UL, Access.Write, Privilege.User).Ok);
        foreach (MappedPage page in new AddressSpaceView(_memory, mmu.State).Pages()) Assert.True(page.Rights.HasFlag(Rights.ShadowStack));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Operation_OutOfFrames_ChangesNoByte(int left)
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        Assert.True(space.Map(1 * GiB, 1 * GiB, 1 * GiB, Rights.UserReadWrite).Ok);
        Assert.True(space.Map(0, 0, 4096, Rights.SupervisorRead).Ok);
        while (_frames.FreeFrames > left) Assert.True(_frames.TryAllocate(out _));
        byte[] before = _memory.Span(1 * MiB, 64 * (int)KiB).ToArray();
        // Eight tables; a directory and a table at each edge; a directory and a table; a directory and 512 tables.
        if (left < 6) Assert.Equal(MapResult.OutOfFrames, space.Map(0x7f80_0000_0000 - (6 * MiB), 0x1000, 8 * MiB, Rights.UserRead).Result);
        if (left < 3) Assert.Equal(MapResult.OutOfFrames, space.Protect((1 * GiB) + 4096, (1 * GiB) - 8192, Rights.UserRead).Result);
        if (left < 2) Assert.Equal(MapResult.OutOfFrames, space.Unmap(1 * GiB, 4096).Result);
        Assert.Equal(MapResult.OutOfFrames, space.Split(1 * GiB, 1 * GiB).Result);
        Assert.Equal(left, _frames.FreeFrames);
        Assert.True(before.AsSpan().SequenceEqual(_memory.Span(1 * MiB, 64 * (int)KiB)));
    }

    [Theory]
    [InlineData(Rights.UserAll)]
    [InlineData(Rights.SupervisorReadWrite)]
    [InlineData(Rights.SupervisorReadExecute)]
    [InlineData(Rights.UserRead)]
    public void Map_BelowNarrowEntriesOfOthers_GivesItsRightsAndNoOtherPageAny(Rights rights)
    {
        var foreign = new TableBuilder(_memory, 0x1000);
        // A PML4 entry that is supervisor and XD, over a PDPT entry that is read-only.
        foreign.Entry(0x1000, 0, 0x2000 | EntryBits.Present | EntryBits.Write | EntryBits.ExecuteDisable);
        foreign.Entry(0x2000, 0, 0x3000 | EntryBits.Present | EntryBits.User);
        foreign.Entry(0x2000, 1, 0x4000_0000 | EntryBits.Present | EntryBits.Write | EntryBits.User | EntryBits.PageSize);
        foreign.Entry(0x3000, 0, 0x4000 | EntryBits.Present | EntryBits.Write | EntryBits.User);
        foreign.Entry(0x3000, 1, 0x20_0000 | EntryBits.Present | EntryBits.Write | EntryBits.User | EntryBits.PageSize);
        foreign.Entry(0x4000, 0, 0x5000 | EntryBits.Present | EntryBits.Write | EntryBits.User);
        PageMapper space = PageMapper.Open<Paging4Level>(_memory, _frames, 0x1000);
        List<MappedRange> before = [.. space.View().Ranges()];
        Assert.True(space.Map(0x1000, 0x9000, 4096, rights).Ok);
        using Mmu mmu = Enter(space, ProcessorFeatures.Zen4);
        Assert.Equal(rights, mmu.Probe(0x1000UL).Rights);
        Assert.True(space.Unmap(0x1000, 4096).Ok);
        Assert.Equal(before, space.View().Ranges());
        Assert.True(space.Protect(0, 4096, rights).Ok);
        Assert.Equal(rights, mmu.Probe(0UL).Rights);
        Assert.Equal(Rights.SupervisorRead, mmu.Probe(0x20_0000UL).Rights);
        Assert.Equal(Rights.SupervisorReadWrite, mmu.Probe(0x4000_0000UL).Rights);
    }

    [Fact]
    public void Open_TablesThatTheAllocatorDoesNotOwn_AreNotFreed()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(128 * MiB, 1 * MiB)));
        Assert.True(space.Map(0, 0, 4096, Rights.UserRead).Ok);
        PageMapper same = PageMapper.Open<Paging4Level>(_memory, _frames, space.Root);
        Assert.True(same.Unmap(0, 4096).Ok);
        Assert.Empty(same.View().Ranges());
        Assert.Equal(4, same.View().Summarize().Tables);
        same.Release();
        Assert.Equal(0, _frames.UsedFrames);
    }

    [Fact]
    public void Tables_MalformedOrOutsideRam_AreRefusedAndNotTouched()
    {
        var foreign = new TableBuilder(_memory, 0x1000);
        foreign.Entry(0x1000, 0, 0x2000 | EntryBits.Present | EntryBits.Write | EntryBits.User);
        foreign.Entry(0x2000, 0, 0xd000_0000 | EntryBits.Present | EntryBits.Write);
        foreign.Entry(0x2000, 1, 0x3000 | EntryBits.Present | (1UL << 51));
        foreign.Entry(0x2000, 2, 0x8000_2000 | EntryBits.Present | EntryBits.PageSize);
        byte[] before = _memory.Span(0x1000, 0x2000).ToArray();
        PageMapper space = PageMapper.Open<Paging4Level>(_memory, _frames, 0x1000);
        for (ulong place = 0; place < 2 * GiB; place += 1 * GiB)
        {
            Assert.Equal(MapResult.MalformedTable, space.Map(place, 0, 4096, Rights.UserRead).Result);
            Assert.Equal(MapResult.MalformedTable, space.Unmap(place, 4096).Result);
            Assert.Equal(MapResult.MalformedTable, space.Protect(place, 4096, Rights.UserRead).Result);
            Assert.Equal(MapResult.MalformedTable, space.Split(place, 4096).Result);
        }

        Assert.Equal(MapResult.AlreadyMapped, space.Map(2 * GiB, 0, 4096, Rights.UserRead).Result);
        Assert.Equal(MapResult.MalformedTable, space.Unmap(2 * GiB, 4096).Result);
        Assert.True(before.AsSpan().SequenceEqual(_memory.Span(0x1000, 0x2000)));
        Assert.True(space.Unmap(2 * GiB, 1 * GiB).Ok);
        Assert.Equal(MapResult.MalformedTable, PageMapper.Open<Paging4Level>(_memory, _frames, 0xd000_0000).Map(0, 0, 4096, Rights.UserRead).Result);
        Assert.Equal(0, _frames.UsedFrames);
    }

    [Fact]
    public void Map_ManyPages_AllocatesNothingOnTheHost()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, _frames);
        space.LargestPage = PageSize.Size4K;
        for (int round = 0; round < 2; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.True(space.Map(0x1000, 0, 256 * MiB, Rights.UserReadWrite).Ok);
            Assert.True(space.Protect(0x1000, 256 * MiB, Rights.UserRead).Ok);
            Assert.True(space.Unmap(0x1000, 256 * MiB).Ok);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (round == 1) Assert.Equal(0, allocated);
        }
    }

    private Mmu Enter(PageMapper space, ProcessorFeatures features)
    {
        var mmu = new Mmu(_memory, features);
        Assert.False(mmu.EnablePaging(space.Root, space.Mode).IsFault);
        return mmu;
    }
}
