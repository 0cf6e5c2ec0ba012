using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Processor;

namespace FastMmu.Linux.Mm;

/// <content>Areas of hugetlbfs. The pool of huge pages is empty: areas that reserve none can be had, and their pages cannot.</content>
public sealed partial class AddressSpace
{
    /// <summary>Bytes of an area's pages less one: 4095, or more in hugetlbfs.</summary>
    internal ulong PageMaskOf(in Vma vma) =>
        (vma.Flags & VmFlags.HugeTlb) != 0 ? PageMaskOf(Machine.Files[vma.File].Inode) : PageSize - 1;

    private static ulong PageMaskOf(Inode inode) => (1UL << inode.PageShift) - 1;

    private static bool IsHuge(OpenFile? file) => file is { Inode.Kind: InodeKind.HugePages };

    // hstate_sizelog, and the file that stands behind a mapping without one; none where the size is unknown.
    private OpenFile? CreateHugePages(uint flags, ulong length)
    {
        int usual = Machine.Paging == PagingMode.TwoLevel ? 22 : 21;
        int shift = (int)(flags >> MmapFlags.HugeShift);
        shift = shift == 0 ? usual : shift;
        bool gigabyte = Machine.Settings.GigabytePages && !Machine.Is32Bit;
        if (shift != usual && !(shift == 30 && gigabyte))
        {
            return null;
        }

        var inode = new Inode(InodeKind.HugePages, "/anon_hugepage (deleted)", AlignUp(length, (1UL << shift) - 1))
        {
            PageShift = shift,
            Owner = Context.Credentials.UserId,
            WorldWritable = true,
        };
        return new OpenFile(inode, readable: true, writable: true);
    }

    // hugetlbfs_file_mmap: a reservation finds no pages.
    private static long OpenHugePages(Inode inode, ulong pageOffset, ref VmFlags flags)
    {
        flags |= VmFlags.HugeTlb | VmFlags.DontExpand;
        if ((pageOffset & (PageMaskOf(inode) >> PageShift)) != 0)
        {
            return -Errno.EINVAL;
        }

        return (flags & VmFlags.NoReserve) != 0 ? 0 : -Errno.ENOMEM;
    }

    // align_hugetlb: mremap deals in whole huge pages, and does not grow them.
    private static bool TryAlign(ref Remap remap, ulong mask)
    {
        remap.OldLength = AlignUp(remap.OldLength, mask);
        remap.NewLength = AlignUp(remap.NewLength, mask);
        return ((remap.Address | remap.NewAddress) & mask) == 0 && remap.NewLength <= remap.OldLength;
    }

    private static ulong AlignUp(ulong value, ulong mask) => (value + mask) & ~mask;
}
