using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

public class ForkTests
{
    private static AddressSpace Fork(AddressSpace parent)
    {
        Assert.Equal(0, parent.Fork(parent.Context.Copy(), out AddressSpace? child));
        return child!;
    }

    [Theory]
    [EveryPagingMode]
    public void Fork_PrivatePages_AreSharedUntilOneSideWrites(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        process.WriteAt(Base, 0x91);
        using AddressSpace child = Fork(process.Mm);
        ulong frame = process.Tables.Peek(Base).Frame;
        Assert.Equal(frame, child.Tables.Peek(Base).Frame);
        Assert.Equal(0UL, (process.Tables.EntryOf(Base) | child.Tables.EntryOf(Base)) & Pte.Write);
        Assert.Equal(2, process.Tables.Peek(Base).MapCount);
        Assert.Equal(1UL, child.Tables.RssAnon);

        Assert.True(child.Write(Base, [0x92]).IsResolved);
        Assert.Equal(0x91, process.ByteAt(Base));
        Assert.Equal(0x92, ByteAt(child, Base));
        Assert.NotEqual(frame, child.Tables.Peek(Base).Frame);

        // The other one has the page to itself again: it writes without a copy.
        Assert.True(process.WriteAt(Base, 0x93).IsResolved);
        Assert.Equal(frame, process.Tables.Peek(Base).Frame);
    }

    [Theory]
    [EveryPagingMode]
    public void Fork_ThenExit_LeavesTheParentItsPages(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        process.WriteAt(Base, 0x91);
        ulong frame = process.Tables.Peek(Base).Frame;
        Fork(process.Mm).Dispose();
        Assert.Equal(1, process.Tables.Peek(Base).MapCount);
        process.WriteAt(Base, 0x92);
        Assert.Equal(frame, process.Tables.Peek(Base).Frame);
    }

    [Theory]
    [EveryPagingMode]
    public void Fork_AreasMarked_ComeAsAdvised(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1, Private | VmFlags.DontCopy);
        process.Map(Base + (2 * Page), 1, Private | VmFlags.WipeOnFork);
        process.Map(Base + (4 * Page), 1, Private | VmFlags.Locked);
        for (ulong at = 0; at < 6; at += 2)
        {
            process.WriteAt(Base + (at * Page), 0x91);
        }

        using AddressSpace child = Fork(process.Mm);
        Assert.Equal(FaultOutcome.MapError, child.Touch(Base, Access.Read, out _).Code);
        Assert.Equal(0, ByteAt(child, Base + (2 * Page)));
        Assert.Equal(0x91, ByteAt(child, Base + (4 * Page)));
        Assert.Equal(0UL, child.LockedVm);
        Assert.Equal(2UL, child.TotalVm);
        Assert.True(child.Areas.TryFind(Base + (2 * Page), out Vma wiped) && wiped.AnonVma == 0);
        Assert.True(child.Areas.TryFind(Base + (4 * Page), out Vma unlocked) && (unlocked.Flags & VmFlags.Locked) == 0);
    }

    [Theory]
    [EveryPagingMode]
    public void Fork_FilePages_AreLeftToFaultsUnlessTheAreaHasCopies(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        OpenFile file = new(Inode.FromBytes("program", new byte[8 * Page]), readable: true, writable: false);
        process.Map(Base, 4, Private, file);
        process.Map(Base + (8 * Page), 4, Private, file);
        OpenFile shared = File(InodeKind.SharedMemory, 4 * Page);
        process.Map(Base + (16 * Page), 4, SharedFile, shared);
        process.ReadAt(Base);
        process.ReadAt(Base + (8 * Page));
        process.WriteAt(Base + (9 * Page), 1);
        process.WriteAt(Base + (16 * Page), 0x94);
        using AddressSpace child = Fork(process.Mm);
        Assert.Equal((1UL, 3UL, 0UL), (child.Tables.RssAnon, child.Tables.RssFile, child.Tables.RssShmem));
        Assert.Equal(0x94, ByteAt(child, Base + (16 * Page)));
        child.Write(Base + (16 * Page), [0x95]);
        Assert.Equal(0x95, process.ByteAt(Base + (16 * Page)));
    }

    [Theory]
    [EveryPagingMode]
    public void Fork_Guards_AreCopied(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        process.Tables.Advise(process.At(Base), Base, Base + Page, Advice.GuardInstall);
        using AddressSpace child = Fork(process.Mm);
        Assert.Equal(FaultOutcome.MapError, child.Touch(Base, Access.Read, out _).Code);
    }

    [Theory]
    [EveryPagingMode]
    public void Exit_GivesEveryFrameBack(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        process.ReadAt(Base);
        process.Tables.Advise(process.At(Base), Base, Base + Page, Advice.DontNeed);
        process.Mm.Dispose();
        long free = process.Machine.Pages.FreePages;

        using var first = new AddressSpace(process.Machine, new ProcessContext());
        const ulong shared = 0x8000_0000;
        OpenFile file = File(InodeKind.SharedMemory, 64 * Page);
        first.Context.Files.Set(3, file);
        first.AddArea(new Vma { Start = Base, End = Base + (2048 * Page), Flags = Private, PageOffset = Base >> 12 });
        first.AddArea(new Vma { Start = shared, End = shared + (64 * Page), Flags = SharedFile }, file);
        for (ulong i = 0; i < 64; i++)
        {
            first.Write(Base + (i * 32 * Page), [1]);
            first.Write(shared + (i * Page), [1]);
        }

        var parent = new FastMmu.Linux.Mm.Task(first, 1, "parent");
        Assert.Equal(2, parent.Fork(2, out FastMmu.Linux.Mm.Task? child));
        for (ulong i = 0; i < 64; i++)
        {
            child!.Mm.Write(Base + (i * 16 * Page), [2]);
        }

        Assert.True(process.Machine.Pages.FreePages < free - 190);
        parent.Exit();
        child!.Exit();
        Assert.Equal(free, process.Machine.Pages.FreePages);
        Assert.Equal(0UL, process.Machine.CommittedPages);
        Assert.Equal(0, process.Machine.AnonVmas.Count);
    }

    [Fact]
    public void Fork_WithoutMemory_FailsAndLeavesTheParentWhole()
    {
        using var process = new ProcessFixture(bytes: 8UL << 20);
        process.Map(Base, 1 << 20);
        ulong written = 0;
        while (process.WriteAt(Base + (written * 512 * Page), 0x91).IsResolved)
        {
            written++;
        }

        Assert.Equal(-Errno.ENOMEM, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        Assert.Null(child);
        Assert.Single(process.Machine.Spaces);
        Assert.Equal(0x91, process.ByteAt(Base));
        Assert.True(process.WriteAt(Base, 0x92).IsResolved);
    }

    [Theory]
    [EveryPagingMode]
    public void ReverseMap_FindsEveryMapping(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        OpenFile file = File(InodeKind.SharedMemory, 4 * Page);
        process.Map(Base + (8 * Page), 2, SharedFile, file, pageOffset: 2);
        process.Map(Base + (16 * Page), 4, SharedFile, file);
        process.WriteAt(Base + Page, 1);
        process.WriteAt(Base + (8 * Page), 1);
        process.ReadAt(Base + (18 * Page));
        using AddressSpace child = Fork(process.Mm);
        Assert.Equal(
            [new PageMapping(process.Mm, Base + Page), new PageMapping(child, Base + Page)],
            ReverseMap.Find(process.Machine, process.Tables.Peek(Base + Page).Frame));
        Assert.Equal(
            [new PageMapping(process.Mm, Base + (8 * Page)), new PageMapping(process.Mm, Base + (18 * Page))],
            ReverseMap.Find(process.Machine, process.Tables.Peek(Base + (8 * Page)).Frame));
    }
}
