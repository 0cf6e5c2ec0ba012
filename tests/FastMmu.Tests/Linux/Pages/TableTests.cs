using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>When page tables come and go (VmPTE), and what entries say.</summary>
public class TableTests
{
    private static ulong Kilobytes(ProcessFixture process) => process.Tables.TableBytes >> 10;

    // What VmPTE shows above the leaf tables: nothing, three page directories, or one table of each level but the top.
    private static ulong UpperKilobytes(PagingMode paging) => paging switch { PagingMode.TwoLevel => 0, PagingMode.Pae => 12, _ => 8 };

    private static ulong Region(PagingMode paging) => (paging == PagingMode.TwoLevel ? 1024UL : 512) * Page;

    [Theory]
    [InlineData(PagingMode.TwoLevel, 2UL)]
    [InlineData(PagingMode.Pae, 5UL)]
    [InlineData(PagingMode.FourLevel, 4UL)]
    [InlineData(PagingMode.FiveLevel, 5UL)]
    [InlineData(PagingMode.None, 4UL)]
    public void FirstPage_NeedsATableALevel_AndTheTopIsNotCounted(PagingMode paging, ulong tables)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        process.WriteAt(Base, 1);
        Assert.Equal(UpperKilobytes(paging) + 4, Kilobytes(process));
        Assert.Equal(tables, process.Tables.Tables);
    }

    [Theory]
    [EveryPagingMode]
    public void FaultBehindTheEndOfAFile_MakesNoLeafTable(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4, Private, File(InodeKind.Regular, 0));
        process.ReadAt(Base);
        Assert.Equal(UpperKilobytes(paging), Kilobytes(process));
    }

    [Theory]
    [EveryPagingMode]
    public void Munmap_KeepsTablesThatNeighboursNeed(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        ulong region = Region(paging), upper = UpperKilobytes(paging);
        process.Map(Base, region / Page);
        process.Map(Base + region, 1, Private | VmFlags.NoReserve);
        process.WriteAt(Base, 1);
        process.WriteAt(Base + region, 1);
        Assert.Equal(upper + 8, Kilobytes(process));
        process.Mm.Munmap(Base + (8 * Page), 100 * Page);
        Assert.Equal(upper + 8, Kilobytes(process));
        process.Mm.Munmap(Base, region);
        Assert.Equal(upper + 4, Kilobytes(process));
        process.Mm.Munmap(Base + region, Page);
        // Of PAE's page directories two cover addresses that nobody has unmapped.
        (ulong kilobytes, ulong tables) = paging == PagingMode.Pae ? (8UL, 3UL) : (0UL, 1UL);
        Assert.Equal((kilobytes, tables), (Kilobytes(process), process.Tables.Tables));
    }

    [Theory]
    [EveryPagingMode]
    public void DontNeed_OfAWholeTable_FreesItUnlessSomethingStays(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        ulong region = Region(paging), upper = UpperKilobytes(paging);
        process.Map(Base, 2 * region / Page);
        process.WriteAt(Base, 1);
        process.WriteAt(Base + region, 1);
        process.Mm.Madvise(Base + region, Page, Advice.GuardInstall);
        process.Mm.Madvise(Base, region - Page, Advice.DontNeed);
        Assert.Equal(upper + 8, Kilobytes(process));
        process.Mm.Madvise(Base, 2 * region, Advice.DontNeed);
        // 32-bit kernels keep empty tables.
        Assert.Equal(upper + (process.Machine.Is32Bit ? 8UL : 4), Kilobytes(process));
    }

    [Theory]
    [EveryPagingMode]
    public void Mremap_MovesWholeTablesWhereBothSidesAreAligned(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        ulong region = Region(paging);
        process.Map(Base, region / Page);
        process.WriteAt(Base + (5 * Page), 0x93);
        ulong table = process.Tables.TableBytes;
        ulong target = Base + (16 * region);
        Assert.Equal((long)target, process.Mm.Mremap(Base, region, region, MremapFlags.MayMove | MremapFlags.Fixed, target));
        Assert.Equal(table, process.Tables.TableBytes);
        Assert.Equal(0x93, process.ByteAt(target + (5 * Page)));

        ulong odd = target + (3 * region) + Page;
        Assert.Equal((long)odd, process.Mm.Mremap(target, region, region, MremapFlags.MayMove | MremapFlags.Fixed, odd));
        Assert.Equal(0x93, process.ByteAt(odd + (5 * Page)));
        Assert.Equal(1UL, process.Tables.RssAnon);
    }

    [Theory]
    [EveryPagingMode]
    public void ProtNone_KeepsThePageFromTheProcessorOnly(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        process.WriteAt(Base, 0x95);
        ulong frame = process.Tables.Peek(Base).Frame;
        process.Mm.Mprotect(Base, Page, Protection.None);
        ulong entry = process.Tables.EntryOf(Base);
        Assert.Equal(Pte.ProtNone, entry & (Pte.Present | Pte.ProtNone));
        Assert.Equal(~(frame << 12) & Pte.FrameMask, entry & Pte.FrameMask);
        Assert.Equal(1UL, process.Tables.RssAnon);
        Assert.Equal(FaultOutcome.AccessError, process.ReadAt(Base).Code);
        process.Mm.Mprotect(Base, Page, Protection.Read | Protection.Write);
        Assert.Equal(Pte.Write, process.Tables.EntryOf(Base) & Pte.Write);
        Assert.Equal(0x95, process.ByteAt(Base));
    }

    [Theory]
    [EveryPagingMode]
    public void ReadOnlyEntry_KeepsDirtyOutOfTheProcessorsBit(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        process.WriteAt(Base, 1);
        process.Mm.Mprotect(Base, Page, Protection.Read);
        ulong entry = process.Tables.EntryOf(Base);
        Assert.Equal(Pte.SavedDirty, entry & (Pte.SavedDirty | Pte.Dirty | Pte.Write));
        Assert.True(process.Tables.Peek(Base).IsDirty);
        process.Mm.Mprotect(Base, Page, Protection.Read | Protection.Write);
        Assert.Equal(Pte.Dirty | Pte.Write, process.Tables.EntryOf(Base) & (Pte.SavedDirty | Pte.Dirty | Pte.Write));
    }

    [Theory]
    [EveryPagingMode]
    public void Populate_GivesPrivateAreasPagesAndOthersWhatAReadGets(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        process.Map(Base + (8 * Page), 4, VmFlags.Read | VmFlags.MayRead);
        process.Map(Base + (16 * Page), 4, SharedFile, File(InodeKind.SharedMemory, 2 * Page));
        process.Map(Base + (24 * Page), 4, VmFlags.MayRead);
        Assert.Equal(0, process.Tables.Populate(Base, Base + (32 * Page), ignoreErrors: true));
        Assert.Equal((4UL, 0UL, 2UL), process.Rss);
        Assert.True(process.Tables.Peek(Base + (8 * Page)).IsSpecial);
        Assert.Equal(-Errno.EFAULT, process.Tables.Populate(Base, Base + (32 * Page), ignoreErrors: false));
    }

    [Theory]
    [EveryPagingMode]
    public void MadvPopulate_HeedsHolesAndRights(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 2);
        process.Map(Base + (2 * Page), 1, VmFlags.Read | VmFlags.MayRead);
        process.Map(Base + (8 * Page), 2, SharedFile, File(InodeKind.SharedMemory, Page));
        Assert.Equal(-Errno.EINVAL, process.Mm.Madvise(Base, 3 * Page, Advice.PopulateWrite));
        Assert.Equal(2UL, process.Tables.RssAnon);
        Assert.Equal(0, process.Mm.Madvise(Base, 3 * Page, Advice.PopulateRead));
        Assert.Equal(-Errno.ENOMEM, process.Mm.Madvise(Base, 4 * Page, Advice.PopulateRead));
        Assert.Equal(-Errno.EFAULT, process.Mm.Madvise(Base + (8 * Page), 2 * Page, Advice.PopulateRead));
        Assert.Equal(1UL, process.Tables.RssShmem);
    }

    [Theory]
    [EveryPagingMode]
    public void Mincore_KnowsResidentPagesAndThePageCache(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 3);
        OpenFile mine = File(InodeKind.SharedMemory, 4 * Page), others = File(InodeKind.SharedMemory, 4 * Page, owner: 8);
        mine.Inode.Write(process.Machine, Page, [1]);
        process.Map(Base + (3 * Page), 2, SharedFile, mine);
        process.Map(Base + (5 * Page), 2, SharedFile, others);
        process.ReadAt(Base + Page);
        byte[] vector = new byte[8];
        Assert.Equal(-Errno.ENOMEM, process.Mm.Mincore(Base, 8 * Page, vector));
        Assert.Equal([0, 1, 0, 0, 1, 1, 1, 0], vector);
        Assert.Equal(-Errno.EINVAL, process.Mm.Mincore(Base + 1, Page, vector));
        Assert.Equal(-Errno.ENOMEM, process.Mm.Mincore(Base, ulong.MaxValue, vector));
        Assert.Equal(-Errno.EFAULT, process.Mm.Mincore(Base, 2 * Page, vector.AsSpan(0, 1)));
        Assert.Equal(-Errno.ENOMEM, process.Mm.Mincore(Base, 1UL << 40, vector));
        Assert.Equal(0, process.Mm.Mincore(1UL << 30, 0, vector));
        Assert.Equal(-Errno.EFAULT, process.Mm.Mincore(Base, Page, 0));
        Assert.Equal(0, process.Mm.Mincore(Base, 2 * Page, Base));
        Assert.Equal(1, process.ByteAt(Base + 1));
    }

    [Theory]
    [EveryPagingMode]
    public void Faults_AllocateNothingOnTheHost(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4096);
        OpenFile file = File(InodeKind.SharedMemory, 64 * Page);
        process.Map(Base + (64UL << 20), 64, SharedFile, file);
        using var mmu = new Mmu(process.Memory, new ProcessorFeatures { La57 = true });
        using var user = new UserTranslator(process.Mm);
        if (paging != PagingMode.None) process.Mm.Attach(mmu);
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Round()
        {
            for (ulong at = 0; at < 1024; at++)
            {
                Reach(Base + (at * Page), (at & 1) == 0 ? Access.Read : Access.Write);
                Reach(Base + (at * Page), Access.Write);
                process.ReadAt(Base + (64UL << 20) + (at % 64 * Page));
            }

            process.Tables.Advise(process.At(Base), Base, Base + (4096 * Page), Advice.DontNeed);
            process.Tables.Advise(process.At(Base + (64UL << 20)), Base + (64UL << 20), Base + (64UL << 20) + (64 * Page), Advice.DontNeed);
        }

        void Reach(ulong address, Access access)
        {
            if (paging == PagingMode.None) user.Tlb.TryTranslate(address, access, Privilege.User, out _);
            else process.Mm.TryTranslate(mmu, address, access, out _, out _);
        }
    }
}
