using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>What the kernel does with a page fault, bullet by bullet.</summary>
public class FaultTests
{
    private static readonly FaultOutcome Ok = FaultOutcome.Resolved;

    private static FaultOutcome MapError(ulong address) => new(FaultOutcome.Segv, FaultOutcome.MapError, address);

    private static FaultOutcome AccessError(ulong address) => new(FaultOutcome.Segv, FaultOutcome.AccessError, address);

    private static FaultOutcome BusError(ulong address) => new(FaultOutcome.Bus, FaultOutcome.AddressError, address);

    [Theory]
    [EveryPagingMode]
    public void Read_UntouchedAnonymous_ShowsTheZeroPageOutsideRss(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        Assert.Equal(Ok, process.ReadAt(Base + 0x123));
        Assert.Equal(Ok, process.ReadAt(Base + Page));
        PageView view = process.Tables.Peek(Base);
        Assert.True(view is { IsPresent: true, IsSpecial: true, IsResident: false });
        Assert.Equal(view.Frame, process.Tables.Peek(Base + Page).Frame);
        Assert.Equal((0UL, 0UL, 0UL), process.Rss);
        Assert.Equal(0, process.At(Base).AnonVma);
        Assert.Equal(0UL, process.Tables.EntryOf(Base) & Pte.Write);
        Assert.Equal(1UL << 63, view.ToPagemap(showFrames: false));
    }

    [Theory]
    [EveryPagingMode]
    public void Write_UntouchedAnonymous_GetsAZeroedPageOfItsOwn(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        Assert.Equal(Ok, process.WriteAt(Base + 5, 0x91));
        Assert.Equal(0x91, process.ByteAt(Base + 5));
        Assert.Equal(0, process.ByteAt(Base + 6));
        Assert.Equal((1UL, 0UL, 0UL), process.Rss);
        Assert.NotEqual(0, process.At(Base).AnonVma);
        ulong entry = process.Tables.EntryOf(Base);
        ulong noExecute = paging == PagingMode.TwoLevel ? 0 : Pte.NoExecute;
        Assert.Equal(Pte.Present | Pte.Write | Pte.User | Pte.Accessed | Pte.Dirty | noExecute, entry & ~Pte.FrameMask);
    }

    [Theory]
    [EveryPagingMode]
    public void Write_AfterTheZeroPage_CopiesIt(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        process.ReadAt(Base);
        ulong zero = process.Tables.Peek(Base).Frame;
        Assert.Equal(Ok, process.WriteAt(Base, 1));
        Assert.NotEqual(zero, process.Tables.Peek(Base).Frame);
        Assert.Equal((1UL, 0UL, 0UL), process.Rss);
    }

    [Theory]
    [EveryPagingMode]
    public void Touch_NothingMapped_IsMapError(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        Assert.Equal(MapError(0), process.ReadAt(0));
        Assert.Equal(MapError(Base - 1), process.ReadAt(Base - 1));
        Assert.Equal(MapError(Base + Page), process.WriteAt(Base + Page, 1));
        ulong last = process.Machine.Is32Bit ? 0xbfff_ffffUL : 0x7fff_ffff_ffff, kernel = process.Machine.Is32Bit ? 0xc000_0000 : 0xffff_8000_0000_0000;
        Assert.Equal(MapError(last), process.ReadAt(last));
        Assert.Equal(MapError(kernel), process.ReadAt(kernel));
    }

    [Theory]
    [InlineData(PagingMode.FourLevel, 0x8000_0000_0000)]
    [InlineData(PagingMode.FiveLevel, 0x0100_0000_0000_0000)]
    [InlineData(PagingMode.TwoLevel, 0x0001_0000_0000)]
    [InlineData(PagingMode.Pae, 0x0001_0000_0000)]
    [InlineData(PagingMode.None, 0x8000_0000_0000)]
    public void Touch_NonCanonical_IsAGeneralProtectionFault(PagingMode paging, ulong address)
    {
        using var process = new ProcessFixture(paging);
        Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0), process.ReadAt(address));
    }

    [Theory]
    [EveryPagingMode]
    public void Touch_RightsMissing_IsAccessError(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1, VmFlags.MayRead);
        process.Map(Base + (2 * Page), 1, VmFlags.Read);
        Assert.Equal(AccessError(Base), process.ReadAt(Base));
        Assert.Equal(AccessError(Base), process.Do(Base, Access.Execute));
        Assert.Equal(AccessError(Base + (2 * Page)), process.WriteAt(Base + (2 * Page), 1));
        Assert.Equal(Ok, process.ReadAt(Base + (2 * Page)));
    }

    [Theory]
    [InlineData(VmFlags.Write)]
    [InlineData(VmFlags.Exec)]
    public void Read_WriteOnlyOrExecuteOnly_Works(VmFlags flags)
    {
        using var process = new ProcessFixture();
        process.Map(Base, 1, flags);
        Assert.Equal(Ok, process.ReadAt(Base));
    }

    [Theory]
    [EveryPagingMode]
    public void Fetch_NotExecutable_BringsThePageInAndThenRefusesWhereTablesCan(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        Assert.Equal(paging == PagingMode.TwoLevel ? Ok : AccessError(Base), process.Do(Base, Access.Execute));
        Assert.True(process.Tables.Peek(Base).IsPresent);
    }

    [Theory]
    [EveryPagingMode]
    public void ProtectionKey_RefusesDataButNotFetches(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        const VmFlags key2 = (VmFlags)(2UL << 32);
        process.Map(Base, 1, Private | VmFlags.Exec | key2);
        const uint accessDisabled = 1u << 4, writeDisabled = 2u << 4;
        var keyError = new FaultOutcome(FaultOutcome.Segv, FaultOutcome.KeyError, Base);
        Assert.Equal(keyError, process.Mm.HandleFault(Base, PageFaultError.User, accessDisabled));
        Assert.Equal(keyError, process.Mm.HandleFault(Base, PageFaultError.User | PageFaultError.Write, writeDisabled));
        Assert.Equal(Ok, process.Mm.HandleFault(Base, PageFaultError.User, writeDisabled));
        Assert.Equal(Ok, process.Mm.HandleFault(Base, PageFaultError.User | PageFaultError.InstructionFetch, accessDisabled));
        Assert.Equal(keyError, process.Mm.HandleFault(Base, PageFaultError.User | PageFaultError.Present | PageFaultError.ProtectionKey));
        Assert.Equal(process.Machine.Is32Bit ? 0UL : 2UL, (process.Tables.EntryOf(Base) & Pte.KeyMask) >> Pte.KeyShift);
    }

    [Theory]
    [InlineData(InodeKind.Regular)]
    [InlineData(InodeKind.SharedMemory)]
    public void File_BehindItsEnd_IsBusError(InodeKind kind)
    {
        using var process = new ProcessFixture();
        OpenFile file = File(kind, 0x1800);
        process.Map(Base, 4, Private, file);
        process.Map(Base + (8 * Page), 4, SharedFile, file);
        foreach (ulong at in new[] { Base, Base + (8 * Page) })
        {
            Assert.Equal(Ok, process.ReadAt(at + Page + 0xfff));
            Assert.Equal(BusError(at + (2 * Page)), process.ReadAt(at + (2 * Page)));
            Assert.Equal(BusError(at + (3 * Page)), process.WriteAt(at + (3 * Page), 1));
        }

        Assert.NotEqual(0, process.At(Base).AnonVma);
    }

    [Theory]
    [EveryPagingMode]
    public void PrivateFile_WriteAfterRead_MovesFromFileToAnonymous(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        OpenFile file = new(Inode.FromBytes("program", new byte[] { 1, 2, 3 }), readable: true, writable: false);
        process.Map(Base, 1, Private, file);
        Assert.Equal(2, process.ByteAt(Base + 1));
        Assert.Equal((0UL, 1UL, 0UL), process.Rss);
        Assert.Equal(0UL, process.Tables.EntryOf(Base) & Pte.Write);
        Assert.Equal(Ok, process.WriteAt(Base, 9));
        Assert.Equal((1UL, 0UL, 0UL), process.Rss);
        Assert.Equal(2, process.ByteAt(Base + 1));
        Span<byte> content = stackalloc byte[3];
        Assert.Equal(3, file.Inode.Read(process.Machine, 0, content));
        Assert.Equal(1, content[0]);
    }

    [Theory]
    [EveryPagingMode]
    public void SharedFile_Write_ReachesTheFile(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        OpenFile file = File(InodeKind.Regular, 2 * Page);
        process.Map(Base, 2, SharedFile, file);
        process.ReadAt(Base + Page);
        Assert.Equal(0UL, process.Tables.EntryOf(Base + Page) & Pte.Write);
        Assert.Equal(Ok, process.WriteAt(Base + Page, 0x97));
        Assert.Equal((0UL, 1UL, 0UL), process.Rss);
        Span<byte> content = stackalloc byte[1];
        file.Inode.Read(process.Machine, Page, content);
        Assert.Equal(0x97, content[0]);
    }

    [Theory]
    [EveryPagingMode]
    public void SharedMemory_Read_IsWritableAtOnce(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1, SharedFile, File(InodeKind.SharedMemory, Page));
        process.ReadAt(Base);
        Assert.Equal(Pte.Write, process.Tables.EntryOf(Base) & (Pte.Write | Pte.Dirty));
        Assert.Equal((0UL, 0UL, 1UL), process.Rss);
    }

    [Theory]
    [EveryPagingMode]
    public void Read_File_MapsTheResidentPagesAround(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        OpenFile file = new(Inode.FromBytes("program", new byte[40 * Page]), readable: true, writable: false);
        process.Map(Base, 40, Private, file);
        process.ReadAt(Base + (17 * Page));
        Assert.Equal(16UL, process.Tables.RssFile);
        Assert.True(process.Tables.Peek(Base + (16 * Page)).IsPresent && process.Tables.Peek(Base + (31 * Page)).IsPresent);
        Assert.False(process.Tables.Peek(Base + (15 * Page)).IsPresent || process.Tables.Peek(Base + (32 * Page)).IsPresent);
        process.WriteAt(Base, 1);
        Assert.Equal((1UL, 16UL, 0UL), process.Rss);
    }

    [Theory]
    [EveryPagingMode]
    public void Read_FileBehindItsEnd_MapsThePagesBeforeTheEnd(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        OpenFile file = new(Inode.FromBytes("program", new byte[2 * Page]), readable: true, writable: false);
        process.Map(Base, 8, Private, file);
        Assert.Equal(BusError(Base + (5 * Page)), process.ReadAt(Base + (5 * Page)));
        Assert.Equal(2UL, process.Tables.RssFile);
    }

    [Theory]
    [EveryPagingMode]
    public void FaultAround_StartsWhereTheAreaStarts(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        OpenFile file = new(Inode.FromBytes("program", new byte[64 * Page]), readable: true, writable: false);
        process.Map(Base + (5 * Page), 40, Private, file);
        process.ReadAt(Base + (6 * Page));
        Assert.Equal(16UL, process.Tables.RssFile);
        Assert.True(process.Tables.Peek(Base + (20 * Page)).IsPresent);
        Assert.False(process.Tables.Peek(Base + (21 * Page)).IsPresent);
    }

    [Theory]
    [EveryPagingMode]
    public void Guard_Touched_IsMapError(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        process.WriteAt(Base + Page, 1);
        Assert.Equal(0, process.Tables.Advise(process.At(Base), Base + Page, Base + (3 * Page), Advice.GuardInstall));
        Assert.Equal(MapError(Base + Page), process.ReadAt(Base + Page));
        Assert.Equal((0UL, 0UL, 0UL), process.Rss);
        Assert.Equal((1UL << 62) | (1UL << 58), process.Mm.Pagemap(Base + Page));
        Assert.Equal(0, process.Tables.Advise(process.At(Base), Base, Base + (4 * Page), Advice.DontNeed));
        Assert.True(process.Tables.Peek(Base + (2 * Page)).IsGuard);
        Assert.Equal(0, process.Tables.Advise(process.At(Base), Base, Base + (4 * Page), Advice.GuardRemove));
        Assert.Equal(Ok, process.ReadAt(Base + Page));
    }

    [Theory]
    [EveryPagingMode]
    public void FirstWrite_NextToATouchedArea_BorrowsItsAnonVma(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 2);
        process.Map(Base + (2 * Page), 2, Private | VmFlags.Exec);
        process.Map(Base + (4 * Page), 2, Private | VmFlags.NoReserve);
        process.WriteAt(Base + (2 * Page), 1);
        process.WriteAt(Base, 1);
        process.WriteAt(Base + (4 * Page), 1);
        Assert.Equal(process.At(Base + (2 * Page)).AnonVma, process.At(Base).AnonVma);
        Assert.NotEqual(process.At(Base + (2 * Page)).AnonVma, process.At(Base + (4 * Page)).AnonVma);
    }

    [Fact]
    public void OutOfMemory_IsKill()
    {
        using var process = new ProcessFixture(bytes: 8UL << 20);
        process.Map(Base, 1 << 14);
        FaultOutcome outcome = Ok;
        for (ulong at = Base; outcome.IsResolved && at < Base + (64UL << 20); at += Page)
        {
            outcome = process.WriteAt(at, 1);
        }

        Assert.Equal(FaultOutcome.Kill, outcome.Signal);
    }
}
