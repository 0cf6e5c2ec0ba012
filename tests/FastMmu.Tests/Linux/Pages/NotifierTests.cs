using FastMmu.Addresses;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Paging;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>What a cache of translations that is no MMU hears of an address space.</summary>
public class NotifierTests
{
    [Theory]
    [EveryPagingMode]
    public void WhatWasNotInvalidatedIsStillWhatTheTablesSay(PagingMode paging) =>
        Prop.ForAll(PageProgram.Steps(160), steps =>
        {
            using var program = new PageProgram(3800UL << 10, paging);
            var caches = new Dictionary<AddressSpace, Cache>();
            foreach (PageStep step in steps)
            {
                program.Run(step);
                foreach (AddressSpace space in program.Machine.Spaces.ToArray())
                {
                    if (!caches.TryGetValue(space, out Cache? cache))
                    {
                        caches.Add(space, cache = new Cache());
                        space.Register(cache);
                    }

                    cache.CheckAndFill(space, step);
                }
            }
        }).Holds(6);

    [Fact]
    public void Write_ToTheZeroPage_InvalidatesThatPage()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 4);
        process.ReadAt(Base + Page);
        var heard = new Record();
        process.Mm.Register(heard);
        process.ReadAt(Base);
        Assert.Empty(heard.Ranges);
        process.WriteAt(Base + Page + 5, 1);
        Assert.Equal((Base + Page, Base + (2 * Page)), Assert.Single(heard.Ranges));
    }

    [Fact]
    public void Fork_InvalidatesWhatBecameReadOnly()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 4);
        process.WriteAt(Base + (2 * Page), 1);
        var heard = new Record();
        process.Mm.Register(heard);
        Assert.Equal(0, process.Mm.Fork(new ProcessContext(), out AddressSpace? child));
        Assert.True(heard.Covers(Base + (2 * Page)));
        child!.Dispose();
    }

    [Fact]
    public void Munmap_WithoutPages_InvalidatesNothing()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 4);
        var heard = new Record();
        process.Mm.Register(heard);
        Assert.Equal(0, process.Mm.Munmap(Base, 2 * Page));
        Assert.Empty(heard.Ranges);
    }

    [Fact]
    public void Dispose_InvalidatesEverythingThatWasMapped()
    {
        var process = new ProcessFixture();
        process.Map(Base, 4);
        process.WriteAt(Base, 1);
        process.WriteAt(Base + (3 * Page), 1);
        var heard = new Record();
        process.Mm.Register(heard);
        process.Mm.Dispose();
        Assert.True(heard.Covers(Base) && heard.Covers(Base + (3 * Page)));
        process.Dispose();
    }

    [Fact]
    public void Unregister_EndsIt()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 4);
        process.WriteAt(Base, 1);
        var heard = new Record();
        process.Mm.Register(heard);
        process.Mm.Unregister(heard);
        process.Mm.Munmap(Base, Page);
        Assert.Empty(heard.Ranges);
    }

    private sealed class Record : IMmuNotifier
    {
        public List<(ulong Start, ulong End)> Ranges { get; } = [];

        public void Invalidate(ulong start, ulong end) => Ranges.Add((start, end));

        public bool Covers(ulong page) => Ranges.Exists(r => r.Start <= page && page < r.End);
    }

    // Everything that the tables say, kept until it is invalidated.
    private sealed class Cache : IMmuNotifier
    {
        private readonly Dictionary<ulong, (PhysicalAddress Physical, Rights Rights)> _pages = [];

        public void Invalidate(ulong start, ulong end)
        {
            foreach (ulong page in _pages.Keys.Where(p => p >= start && p < end).ToArray())
            {
                _pages.Remove(page);
            }
        }

        public void CheckAndFill(AddressSpace space, PageStep step)
        {
            var now = new Dictionary<ulong, (PhysicalAddress Physical, Rights Rights)>();
            foreach (UserPage page in PageInvariants.ShownPages(space))
            {
                now.Add(page.Address, (page.Physical, page.Rights));
            }

            foreach ((ulong page, (PhysicalAddress physical, Rights rights)) in _pages)
            {
                bool isThere = now.TryGetValue(page, out (PhysicalAddress Physical, Rights Rights) said);
                Assert.True(isThere && said.Physical == physical && (rights & ~said.Rights) == 0, $"{page:x} was {rights} of {physical} before {step}, now {said}");
            }

            foreach ((ulong page, (PhysicalAddress, Rights) said) in now)
            {
                _pages[page] = said;
            }
        }
    }
}
