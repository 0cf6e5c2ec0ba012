using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using Xunit;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>A process with an empty address space of the usual layout, and calls in units of pages from <see cref="Base"/>.</summary>
internal sealed class CallFixture : IDisposable
{
    public const ulong Base = 0x1000_0000;
    public const ulong Page = 4096;
    public const ulong Heap = 0x4000_0000;
    public const int Read = Protection.Read;
    public const int ReadWrite = Protection.Read | Protection.Write;
    public const uint Fixed = MmapFlags.Private | MmapFlags.Anonymous | MmapFlags.Fixed;
    public const uint Anywhere = MmapFlags.Private | MmapFlags.Anonymous;

    private bool _locksLeaked;

    // Descriptors: 3 shmem read-write, 4 the same inode opened again, 5 a disk file read-only, 6 write-only, 7 /dev/zero, 8 sealed, 9 a pipe, 10 noexec, 12 O_PATH.
    public CallFixture(KernelProfile? profile = null, ulong memoryBytes = 32UL << 20)
    {
        Memory = PhysicalMemory.Create(memoryBytes);
        Machine = new LinuxMachine(Memory, profile);
        Mm = new AddressSpace(Machine, new ProcessContext())
        {
            MmapBase = 0x7fff_f7ff_f000,
            MmapLegacyBase = 0x2aaa_aaaa_b000,
            StartBrk = Heap,
            CurrentBrk = Heap,
        };
        FileTable files = Mm.Context.Files;
        Inode memory = new(InodeKind.SharedMemory, "memory", 16 * Page);
        Inode disk = new(InodeKind.Regular, "disk", 16 * Page);
        files.Set(3, new OpenFile(memory, readable: true, writable: true));
        files.Set(4, new OpenFile(memory, readable: true, writable: true));
        files.Set(5, new OpenFile(disk, readable: true, writable: false));
        files.Set(6, new OpenFile(disk, readable: false, writable: true));
        files.Set(7, new OpenFile(new Inode(InodeKind.ZeroDevice, "zero", 0), readable: true, writable: true));
        files.Set(8, new OpenFile(new Inode(InodeKind.SharedMemory, "sealed", Page) { SealedAgainstWrites = true }, readable: true, writable: true));
        files.Set(9, new OpenFile(new Inode(InodeKind.Pipe, "pipe", 0), readable: true, writable: false));
        files.Set(10, new OpenFile(new Inode(InodeKind.SharedMemory, "noexec", Page) { NoExec = true }, readable: true, writable: true));
        files.Set(12, new OpenFile(disk, readable: true, writable: false) { PathOnly = true });
    }

    public PhysicalMemory Memory { get; }

    public LinuxMachine Machine { get; }

    public AddressSpace Mm { get; }

    public ResourceLimits Limits => Mm.Context.Limits;

    /// <summary>The areas in the first GiB from <see cref="Base"/>, as "first-end" pages and rights.</summary>
    public string Picture
    {
        get
        {
            List<string> parts = [];
            foreach (Vma vma in Mm.Areas)
            {
                if (vma.Start >= Base && vma.End <= Heap) parts.Add($"{(vma.Start - Base) / Page}-{(vma.End - Base) / Page}{Rights(vma.Flags)}");
            }

            return string.Join(' ', parts);
        }
    }

    public static ulong At(long page) => (ulong)((long)Base + (page * (long)Page));

    public long Map(long page, ulong pages, int protection = ReadWrite, uint flags = Fixed, int descriptor = -1, ulong offset = 0) =>
        Mm.Mmap(At(page), pages * Page, protection, flags, descriptor, offset);

    public long Place(ulong pages, int protection = ReadWrite, uint flags = Anywhere, int descriptor = -1, ulong hint = 0) =>
        Mm.Mmap(hint, pages * Page, protection, flags, descriptor, 0);

    public long Unmap(long page, ulong pages) => Mm.Munmap(At(page), pages * Page);

    public long Protect(long page, ulong pages, int protection) => Mm.Mprotect(At(page), pages * Page, protection);

    public long Move(long page, ulong oldPages, ulong newPages, uint flags = 0, long target = 0) =>
        Mm.Mremap(At(page), oldPages * Page, newPages * Page, flags, target == 0 ? 0 : At(target));

    public long Advise(long page, ulong pages, int advice) => Mm.Madvise(At(page), pages * Page, advice);

    public long Lock(long page, ulong pages) => Mm.Mlock(At(page), pages * Page);

    public void Write(long page) => Assert.True(Mm.Write(At(page), [1]).IsResolved);

    public Vma Area(long page)
    {
        Assert.True(Mm.Areas.TryFind(At(page), out Vma vma) && vma.Start <= At(page));
        return vma;
    }

    public void Limit(int resource, ulong pages) => Assert.Equal(0, Mm.SetRlimit(resource, pages * Page, Limits[resource].Hard));

    /// <summary>Says that locked_vm is too high by what the kernel leaks.</summary>
    public void ForgetLocks() => _locksLeaked = true;

    public void Dispose()
    {
        AddressSpaceInvariants.Check(Mm, _locksLeaked);
        Mm.Dispose();
        Machine.Pages.Dispose();
        Memory.Dispose();
    }

    private static string Rights(VmFlags flags) =>
        $"{(flags.HasFlag(VmFlags.Read) ? "r" : "")}{(flags.HasFlag(VmFlags.Write) ? "w" : "")}{(flags.HasFlag(VmFlags.Exec) ? "x" : "")}"
        + (flags.HasFlag(VmFlags.Locked) ? "+" : "");
}
