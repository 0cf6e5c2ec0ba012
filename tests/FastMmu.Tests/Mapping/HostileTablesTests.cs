using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Entries;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Mapping;

public sealed class HostileTablesTests : IDisposable
{
    private const ulong Table = EntryBits.Present | EntryBits.Write | EntryBits.User;
    private const ulong TableFrames = 8;

    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 1 * MiB)], hugePages: false);

    public void Dispose() => _memory.Dispose();

    // Every index of every level leads to the same page: 2^45 pages in 4 KiB of memory.
    [Fact]
    public void TableOfItself_StreamsAndIsCountedAtOnce()
    {
        new TableBuilder(_memory, 0x1000).Everywhere(0x1000, 0x1000 | Table);
        AddressSpaceView view = AddressSpaceView.Open(_memory, PagingMode.FiveLevel, 0x1000);
        int seen = 0;
        foreach (MappedPage page in view.Pages())
        {
            Assert.Equal((ulong)seen << 12, page.Linear.Value);
            if (++seen == 2000) break;
        }

        AddressSpaceSummary summary = view.Summarize();
        Assert.Equal(1UL << 57, summary.MappedBytes);
        Assert.Equal(1UL << 45, summary.Pages(PageSize.Size4K));
        Assert.All(summary.Levels, level => Assert.Equal((1, 512), (level.Tables, level.PresentEntries)));
        Assert.Equal(new LinearRange(0UL, 4096 * 1000), Assert.Single(view.Ranges(RangeMerge.AnyFrames, pageLimit: 1000)).Range);
        Assert.Equal(1000, view.Ranges(pageLimit: 1000).Count());
        Assert.Empty(AddressSpaceView.Diff(view, view, pageLimit: 1000));
        Assert.Equal(2, TableCost.Of(view, pageLimit: 1).Single(c => c.Shape == TableShape.TwoLevel).Tables);
        foreach (MappedPage page in view.Pages(new LinearRange(0xff12_3456_789a_b000, 1))) Assert.Equal(0xff12_3456_789a_b000, page.Linear.Value);
    }

    // 2^36 paths that all end in a table of zeros: nothing may be found path by path.
    [Fact]
    public async Task SharedTables_AboveAnEmptyOne_AreSearchedOnce()
    {
        var tables = new TableBuilder(_memory, 0x1000);
        for (ulong table = 0x1000; table < 0x5000; table += 0x1000) tables.Everywhere(table, (table + 0x1000) | Table);
        AddressSpaceView view = AddressSpaceView.Open(_memory, PagingMode.FiveLevel, 0x1000);
        await Task.Run(() => Assert.Empty(view.Ranges())).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(0UL, view.Summarize().MappedBytes);
        // One page at the very end makes all paths fruitful again, and there is one page on each.
        tables.Entry(0x5000, 511, 0x9000 | Table);
        Assert.Equal(1UL << 36, view.Summarize().Pages(PageSize.Size4K));
        MappedRange first = view.Ranges().First();
        Assert.Equal((0x1f_f000UL, 0x9000UL), (first.Range.Start.Value, first.Physical.Value));
    }

    [Fact]
    public void SharedTable_ReadFromItsMiddleFirst_IsReadWholeLater()
    {
        new TableBuilder(_memory, 0x1000).Entry(0x1000, 0, 0x2000 | Table).Entry(0x2000, 0, 0x3000 | Table).Entry(0x2000, 1, 0x3000 | Table)
            .Entry(0x3000, 0, 0x4000 | Table).Entry(0x4000, 0, 0x9000 | Table);
        var found = new List<ulong>();
        foreach (MappedPage page in AddressSpaceView.Open(_memory, PagingMode.FourLevel, 0x1000).Pages(new LinearRange(0x1000, 4 * GiB))) found.Add(page.Linear.Value);
        Assert.Equal([1 * GiB], found);
    }

    [Fact]
    public void TablesInAHole_MapNothing()
    {
        new TableBuilder(_memory, 0x1000).Everywhere(0x1000, 0x8000_0000 | Table);
        AddressSpaceView view = AddressSpaceView.Open(_memory, PagingMode.FourLevel, 0x1000);
        Assert.Empty(view.Ranges());
        AddressSpaceSummary summary = view.Summarize();
        Assert.Equal(new LevelSummary(3, 1, 512, 0, 512), summary.Levels[1]);
        Assert.Empty(AddressSpaceView.Open(_memory, PagingMode.FourLevel, 0x8000_0000).Ranges());
        int malformed = 0;
        foreach (TreeEntry entry in view.Entries(new LinearRange(0UL, 1 * GiB)))
        {
            if (entry.Reading.Kind == EntryKind.Malformed) malformed++;
        }

        Assert.Equal(1, malformed);
    }

    [Fact]
    public void RandomTables_PagesAreWhatProbesFind() => Prop.ForAll(Cases.ToArbitrary(), hostile =>
    {
        Mmu mmu = Build(hostile);
        var view = new AddressSpaceView(_memory, mmu.State);
        ulong next = 0;
        int left = 300;
        foreach (MappedPage page in view.Pages())
        {
            Translation t = mmu.Probe(page.Range.Last);
            Assert.True(t.Ok, $"{page}: {t}");
            Assert.Equal(
                (page.Physical + (page.Size.Bytes() - 1), page.Size, page.Rights, page.PatIndex), (t.Physical, t.PageSize, t.Rights, t.PatIndex));
            if (page.Linear.Value != next) Assert.False(mmu.Probe(page.Linear - 1).Ok);
            next = page.Range.Last.Value + 1;
            if (--left == 0) break;
        }

        mmu.Dispose();
    }).Holds(150);

    [Fact]
    public void RandomTables_ProbesFindWhatPagesSay() => Prop.ForAll(Cases.ToArbitrary(), hostile =>
    {
        using Mmu mmu = Build(hostile);
        var view = new AddressSpaceView(_memory, mmu.State);
        var random = new Random(hostile.Seed);
        for (int i = 0; i < 200; i++)
        {
            ulong linear = (ulong)random.NextInt64() & random.Next(4) switch { 0 => ulong.MaxValue, 1 => 0xf_ffff_ffff, 2 => 0x3fff_ffff, _ => 0x1f_ffff };
            linear = hostile.Mode is PagingMode.FourLevel or PagingMode.FiveLevel
                ? (ulong)((long)(linear << (64 - mmu.State.LinearWidth)) >> (64 - mmu.State.LinearWidth))
                : (uint)linear;
            Translation t = mmu.Probe(linear);
            MappedPage? found = null;
            foreach (MappedPage page in view.Pages(new LinearRange(linear, 1))) found = page;
            Assert.Equal(t.Ok, found is not null);
            if (found is { } there) Assert.Equal(t.Physical, there.Physical + (linear - there.Linear.Value));
        }
    }).Holds(100);

    [Fact]
    public void RandomTables_OperationsStayInsideRamAndEnd() => Prop.ForAll(Cases.ToArbitrary(), MappingGenerators.Rights.ToArbitrary(), (hostile, rights) =>
    {
        using Mmu mmu = Build(hostile);
        var frames = new BitmapFrameAllocator(_memory, new PhysicalRange(0x8_0000, 0x8_0000));
        PageMapper space = mmu.Mode switch
        {
            PagingMode.TwoLevel => PageMapper.Open<Paging2Level>(_memory, frames, 0x1000, mmu.Features),
            PagingMode.Pae => PageMapper.Open<PagingPae>(_memory, frames, 0x1000, mmu.Features),
            PagingMode.FourLevel => PageMapper.Open<Paging4Level>(_memory, frames, 0x1000, mmu.Features),
            _ => PageMapper.Open<Paging5Level>(_memory, frames, 0x1000, mmu.Features),
        };
        var random = new Random(hostile.Seed);
        for (int i = 0; i < 20; i++)
        {
            ulong linear = (ulong)random.Next(1 << 20) << 12;
            ulong length = (ulong)random.Next(1, 2000) << 12;
            MapOutcome outcome = random.Next(4) switch
            {
                0 => space.Map(linear, linear, length, rights),
                1 => space.Unmap(linear, length),
                2 => space.Protect(linear, length, rights),
                _ => space.Split(linear, length),
            };
            Assert.True(Enum.IsDefined(outcome.Result));
        }

        space.Release();
        Assert.True(frames.FreeFrames <= frames.TotalFrames);
    }).Holds(60);

    /// <summary>Eight tables whose entries lead to one another, into holes, and to pages of all sizes; some with any bits at all.</summary>
    public sealed record HostileCase(PagingMode Mode, int Seed, int PresentPercent, int WildPercent);

    private static Gen<HostileCase> Cases =>
        from mode in MappingGenerators.Mode
        from seed in Gen.Choose(0, int.MaxValue - 1)
        from present in Gen.Elements(1, 3, 20, 100)
        from wild in Gen.Elements(0, 0, 10, 100)
        select new HostileCase(mode, seed, present, wild);

    private Mmu Build(HostileCase hostile)
    {
        var random = new Random(hostile.Seed);
        int bytes = hostile.Mode == PagingMode.TwoLevel ? 4 : 8;
        for (ulong address = 0x1000; address < 0x1000 + (TableFrames * 4096); address += (ulong)bytes)
        {
            ulong raw = 0;
            if (random.Next(100) < hostile.PresentPercent)
            {
                raw = ((ulong)random.Next(1, 1 + (int)TableFrames) << 12) | EntryBits.Present | ((ulong)random.NextInt64() & 0xe7e);
                if (random.Next(8) == 0) raw = (ulong)random.Next(4) << 21 | EntryBits.PageSize | EntryBits.Present;
                if (random.Next(100) < hostile.WildPercent) raw = (ulong)random.NextInt64(long.MinValue, long.MaxValue) | EntryBits.Present;
            }

            if (bytes == 4) _memory.Write(address, (uint)raw);
            else _memory.Write(address, raw);
        }

        // The four entries that CR3 loads in PAE must be legal, or there is no address space.
        for (ulong i = 0; hostile.Mode == PagingMode.Pae && i < 4; i++)
        {
            _memory.Write(0x1000 + (8 * i), (ulong)random.Next(1, 1 + (int)TableFrames) << 12 | (i < 2 ? EntryBits.Present : 0));
        }

        var mmu = new Mmu(_memory, ProcessorFeatures.Everything with { PhysicalAddressBits = random.Next(36, 53) });
        Assert.False(mmu.EnablePaging(0x1000UL, hostile.Mode).IsFault);
        return mmu;
    }
}
