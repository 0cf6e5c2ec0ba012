using System.Runtime.CompilerServices;
using FastMmu.Linux;
using FastMmu.Linux.Files;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>Processes whose page tables are the host's: nothing of them is in guest memory, and nothing of them is left behind.</summary>
public class HostTablesTests
{
    private const ulong Region = 512 * Page;

    [Theory]
    [InlineData(PagingMode.FourLevel, 0)]
    [InlineData(PagingMode.None, 1)]
    public void PagesThatAreWritten_TakeAFrameEach_AndTablesOnlyWhereTheyAreTheGuests(PagingMode paging, long hosts)
    {
        using var process = new ProcessFixture(paging);
        const long pages = 300;
        long free = process.Machine.Pages.FreePages;
        process.Map(Base, 40 * Region / Page);
        for (ulong i = 0; i < (ulong)pages; i++) Assert.True(process.WriteAt(Base + (i % 40 * Region) + (i / 40 * Page), 1).IsResolved);
        long tables = (long)process.Tables.Tables;
        Assert.Equal(40 + 3, tables);
        Assert.Equal(pages + (hosts == 0 ? tables : 0), free - process.Machine.Pages.FreePages);
        Assert.Equal((ulong)(hosts * tables), process.Machine.HostTables.Live);
        Assert.InRange(process.Machine.HostTableBytes, (ulong)(hosts * tables) * Page, (ulong)(3 * hosts * tables) * Page);
    }

    [Fact]
    public void GuestMemory_HoldsNothingButWhatWasWritten()
    {
        using var process = new ProcessFixture(PagingMode.None, bytes: 8UL << 20);
        OpenFile file = File(InodeKind.SharedMemory, 8 * Page);
        process.Map(Base, 64);
        process.Map(Base + (7 * Region), 8, SharedFile, file);
        var expected = new SortedSet<ulong>();
        for (ulong at = 0; at < 8; at++)
        {
            process.WriteAt(Base + (at * 7 * Page), 0x5a);
            process.WriteAt(Base + (7 * Region) + (at * Page), 0x5a);
            process.ReadAt(Base + (at * 7 * Page) + Page);
        }

        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        child!.Write(Base, [0x5a]);
        process.Mm.Mprotect(Base, 8 * Page, Protection.None);
        foreach (AddressSpace space in process.Machine.Spaces)
        {
            foreach (UserPage page in space.Tables.Pages().Where(p => !space.Tables.Peek(p.Address).IsSpecial)) expected.Add(page.Physical.Value);
        }

        // Hidden by PROT_NONE, and there all the same.
        expected.Add(process.Tables.Peek(Base).Frame << 12);
        expected.Add(process.Tables.Peek(Base + (7 * Page)).Frame << 12);
        ReadOnlySpan<byte> memory = process.Memory.BackingOf(0, 8 << 20);
        var written = new List<ulong>();
        for (int at = 0; at < memory.Length; at += (int)Page)
        {
            if (memory.Slice(at, (int)Page).ContainsAnyExcept((byte)0)) written.Add((ulong)at);
        }

        Assert.Equal(expected, written);
        child.Dispose();
    }

    [Fact]
    public void WhenTheLastProcessEnds_TheHostHasItsMemoryBack()
    {
        using var process = new ProcessFixture(PagingMode.None);
        Assert.Equal(0UL, process.Machine.HostTableBytes);
        process.Map(Base, 600 * Region / Page);
        for (ulong i = 0; i < 600; i++) process.WriteAt(Base + (i * Region), 1);
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        ulong both = process.Machine.HostTableBytes;
        Assert.True(both >= 2 * 600 * Page);
        process.Mm.Dispose();

        // What one gave back the other one takes.
        child!.Munmap(Base, 100 * Region);
        child.Mmap(1UL << 40, 300 * Region, 3, 0x32, -1, 0);
        for (ulong i = 0; i < 300; i++) Assert.True(child.Write((1UL << 40) + (i * Region), [2]).IsResolved);
        for (ulong i = 100; i < 600; i++) Assert.Equal(1, ByteAt(child, Base + (i * Region)));
        Assert.Equal(both, process.Machine.HostTableBytes);
        child.Dispose();
        Assert.Equal(0UL, process.Machine.HostTableBytes);

        using var next = new AddressSpace(process.Machine, new ProcessContext());
        next.Mmap(Base, Page, 3, 0x32, -1, 0);
        Assert.True(next.Write(Base, [3]).IsResolved);
        Assert.Equal(4UL, process.Machine.HostTables.Live);
        Assert.Equal(16 * Page, process.Machine.HostTableBytes);
    }

    [Fact]
    public void TablesBeyondTheLimit_AreMemoryThatIsUsedUp()
    {
        using var memory = PhysicalMemory.Create(16UL << 20);
        var machine = new LinuxMachine(memory) { Paging = PagingMode.None, MostHostTables = 13 };
        using var mm = new AddressSpace(machine, new ProcessContext());
        mm.Mmap(Base, 100 * Region, 3, 0x4032, -1, 0);

        // Pages of zeros need no memory of the guest, their tables do.
        ulong reached = 0;
        FaultOutcome outcome;
        while ((outcome = mm.Touch(Base + (reached * Region), Access.Read, out _)).IsResolved) reached++;
        Assert.Equal(FaultOutcome.Kill, outcome.Signal);
        Assert.Equal(10UL, reached);
        Assert.Equal(0, mm.Madvise(Base, Page, Advice.GuardInstall));
        Assert.Equal(-Errno.ENOMEM, mm.Madvise(Base + (50 * Region), Page, Advice.GuardInstall));
        Assert.Equal(-Errno.ENOMEM, mm.Fork(mm.Context.Copy(), out AddressSpace? child));
        Assert.Null(child);
        Assert.Equal(0, mm.Munmap(Base, Region));
        Assert.True(mm.Touch(Base + (50 * Region), Access.Read, out _).IsResolved);
        Assert.Equal(13 * Page, machine.HostTableBytes);
        machine.Pages.Dispose();
    }

    [Fact]
    public void WithoutTables_EverythingStaysCountedAndNothingLeaks() =>
        Prop.ForAll(PageProgram.Steps(200), steps =>
        {
            // Two processes and a part of a third.
            const ulong most = 14;
            using var program = new PageProgram(8UL << 20, PagingMode.None, most);
            long free = program.Machine.Pages.FreePages;
            foreach (PageStep step in steps)
            {
                program.Run(step);
                PageInvariants.Check(program.Machine, program.Files);
                ulong tables = program.Machine.Spaces.Aggregate(0UL, (sum, space) => sum + space.Tables.Tables);
                Assert.Equal(tables, program.Machine.HostTables.Live);
                Assert.InRange(program.Machine.HostTableBytes, tables * Page, most * Page);
            }

            program.EndAll();
            foreach (Inode file in program.Files) file.DropCache();
            Assert.Equal(0UL, program.Machine.HostTableBytes);
            Assert.InRange(free - program.Machine.Pages.FreePages - program.Files.Sum(file => file.ResidentPages), 0, 1);
            Assert.Equal(0UL, program.Machine.CommittedPages);
        }).Holds(20);

    [Fact]
    public void MostHostTables_UnlessChosen_AreAsManyAsPagesOfMemory()
    {
        using var memory = PhysicalMemory.CreatePc(5UL << 30);
        Assert.Equal((5UL << 30) / Page, new LinuxMachine(memory).MostHostTables);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinuxMachine(memory) { MostHostTables = 0 });
        Assert.Equal(0UL, new LinuxMachine(memory).HostTableBytes);
    }

    [Fact]
    public void WhatNeedsTablesInTheGuest_IsRefused()
    {
        using var process = new ProcessFixture(PagingMode.None);
        process.Map(Base, 1);
        using var mmu = new Mmu(process.Memory, ProcessorFeatures.Zen4);
        Assert.Contains("outside guest memory", Assert.Throws<InvalidOperationException>(() => process.Mm.Attach(mmu)).Message, StringComparison.Ordinal);
        Assert.Contains("outside guest memory", Assert.Throws<InvalidOperationException>(() => process.Tables.Root).Message, StringComparison.Ordinal);
        process.Mm.Detach(mmu);
        Assert.True(process.WriteAt(Base, 1).IsResolved);
    }

    [Fact]
    public void Paging_OtherThanThatOfTheKernelsHalf_IsRefused()
    {
        using var memory = PhysicalMemory.Create(64UL << 20);
        KernelLayout layout = KernelLayout.For(memory, new() { Architecture = KernelArchitecture.X8664 });
        Assert.Throws<ArgumentException>(() => new LinuxMachine(memory, layout) { Paging = PagingMode.None });
        Assert.Throws<ArgumentException>(() => new LinuxMachine(memory, layout) { Paging = PagingMode.FiveLevel });
        Assert.Equal(PagingMode.FourLevel, new LinuxMachine(memory, layout) { Paging = PagingMode.FourLevel }.Paging);
    }

    [Fact]
    public void AddressesEndWhereThoseOfFourLevelsDo()
    {
        using var with = new ProcessFixture(PagingMode.FourLevel);
        using var without = new ProcessFixture(PagingMode.None);
        Assert.Equal((with.Machine.UserEnd, with.Mm.TaskSize, false), (without.Machine.UserEnd, without.Mm.TaskSize, without.Machine.Is32Bit));
        ulong last = with.Machine.UserEnd - Page;
        foreach (ProcessFixture process in new[] { with, without })
        {
            Assert.Equal((long)last, process.Mm.Mmap(last, Page, 3, 0x32, -1, 0));
            Assert.True(process.WriteAt(last + Page - 1, 7).IsResolved);
            Assert.Equal(-Errno.ENOMEM, process.Mm.Mmap(last + Page, Page, 3, 0x32, -1, 0));
        }
    }

    [Fact]
    public void CallsThatOnly64BitKernelsHave_AnswerAsWithFourLevels()
    {
        const uint droppable = 0x28, oneGigabyte = 0x4_4022 | (30u << 26);
        using var with = new ProcessFixture(PagingMode.FourLevel);
        using var without = new ProcessFixture(PagingMode.None);
        foreach (ProcessFixture process in new[] { with, without })
        {
            process.Machine.Settings.GigabytePages = true;
            Assert.Equal((long)Base, process.Mm.Mmap(Base, Page, 3, droppable | 0x10, -1, 0));
            Assert.True(process.Mm.Mmap(0, 1UL << 30, 3, oneGigabyte, -1, 0) > 0);
            Assert.Equal(0, process.Mm.Mseal(Base, Page, 0));
            Assert.Equal(-Errno.EPERM, process.Mm.Munmap(Base, Page));
        }
    }

    [Theory]
    [EveryPagingMode]
    public void MemoryThatIsDisposedFirst_IsRefused(PagingMode paging)
    {
        var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        process.WriteAt(Base, 1);
        process.Memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => process.WriteAt(Base + Page, 1));
        Assert.Throws<ObjectDisposedException>(() => process.WriteAt(Base, 1));
        Assert.Throws<ObjectDisposedException>(process.Mm.Dispose);
    }

    [Fact]
    public void MachinesThatNobodyDisposed_GiveTheirTablesBack()
    {
        WeakReference tables = Abandon();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.False(tables.IsAlive);
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void Pages_AreThoseThatTheProcessorReaches(PagingMode paging) =>
        Prop.ForAll(PageProgram.Steps(60), steps =>
        {
            using var program = new PageProgram(3800UL << 10, paging);
            foreach (PageStep step in steps) program.Run(step);
            foreach (AddressSpace space in program.Machine.Spaces)
            {
                Assert.Equal(PageInvariants.ShownPages(space), space.Tables.Pages());
                UserPage[] all = [.. space.Tables.Pages()];
                if (all.Length < 3) continue;
                ulong start = all[1].Address + 5, end = all[^1].Address;
                Assert.Equal(all[1..^1], space.Tables.Pages(start, end));
            }
        }).Holds(10);

    [Fact]
    public void TheSameProgram_LeavesTheSameWithAndWithoutTablesInTheGuest() =>
        Prop.ForAll(PageProgram.Steps(120), steps =>
        {
            using var with = new PageProgram(16UL << 20, PagingMode.FourLevel);
            using var without = new PageProgram(16UL << 20, PagingMode.None);
            foreach (PageStep step in steps)
            {
                with.Run(step);
                without.Run(step);
                Assert.Equal(with.Machine.Spaces.Count, without.Machine.Spaces.Count);
                foreach ((AddressSpace one, AddressSpace other) in with.Machine.Spaces.Zip(without.Machine.Spaces))
                {
                    Assert.Equal(States(one), States(other));
                    Assert.Equal((one.Tables.TableBytes, one.Tables.Rss, one.TotalVm), (other.Tables.TableBytes, other.Tables.Rss, other.TotalVm));
                }
            }

            Assert.Equal(with.Machine.Spaces.Sum(Cost), without.Machine.Spaces.Sum(Cost));
            without.EndAll();
            Assert.Equal(0UL, without.Machine.HostTableBytes);
        }).Holds(8);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Abandon()
    {
        using var memory = PhysicalMemory.Create(16UL << 20);
        var machine = new LinuxMachine(memory) { Paging = PagingMode.None };
        var mm = new AddressSpace(machine, new ProcessContext());
        mm.Mmap(Base, Page, 3, 0x32, -1, 0);
        Assert.True(mm.Touch(Base, Access.Write, out _).IsResolved);
        return new WeakReference(machine.HostTables, trackResurrection: true);
    }

    private static long Cost(AddressSpace space) => ProcessTables.OfPages(space).Sum(cost => cost.Tables ?? 0);

    // Frames differ, what is known of them does not.
    private static IEnumerable<(ulong, Shown)> States(AddressSpace space) => space.Tables.Pages()
        .Select(page => (page.Address, new Shown(page.Rights, space.Tables.Peek(page.Address) with { Frame = 0 })));

    private readonly record struct Shown(Paging.Rights Rights, PageView View);
}
