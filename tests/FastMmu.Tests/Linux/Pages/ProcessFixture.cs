using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Memory;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>A machine with one process whose areas a test lays out itself.</summary>
internal sealed class ProcessFixture : IDisposable
{
    public const ulong Base = 0x1000_0000;
    public const ulong Page = 4096;
    public const VmFlags Private = VmFlags.Read | VmFlags.Write | VmFlags.MayRead | VmFlags.MayWrite | VmFlags.MayExec;
    public const VmFlags SharedFile = Private | VmFlags.Shared | VmFlags.MayShare;

    public ProcessFixture(PagingMode paging = PagingMode.FourLevel, ulong bytes = 64UL << 20)
        : this(PhysicalMemory.Create(bytes), paging)
    {
    }

    /// <summary>On a memory that becomes the fixture's to dispose.</summary>
    public ProcessFixture(PhysicalMemory memory, PagingMode paging = PagingMode.FourLevel)
    {
        Memory = memory;
        Machine = new LinuxMachine(Memory) { Paging = paging };
        Mm = new AddressSpace(Machine, new ProcessContext { Credentials = new Credentials { UserId = 7 } });
    }

    public PhysicalMemory Memory { get; }

    public LinuxMachine Machine { get; }

    public AddressSpace Mm { get; }

    public UserPages Tables => Mm.Tables;

    public Vma Map(ulong start, ulong pages, VmFlags flags = Private, OpenFile? file = null, ulong pageOffset = ulong.MaxValue)
    {
        ulong offset = pageOffset != ulong.MaxValue ? pageOffset : file is null ? start >> 12 : 0;
        Mm.AddArea(new Vma { Start = start, End = start + (pages * Page), Flags = flags, PageOffset = offset }, file);
        return At(start);
    }

    public Vma At(ulong address)
    {
        Assert.True(Mm.Areas.TryFind(address, out Vma vma) && vma.Start <= address);
        return vma;
    }

    public static OpenFile File(InodeKind kind, ulong bytes, string name = "file", int owner = 7) =>
        new(new Inode(kind, name, bytes) { Owner = owner }, readable: true, writable: true);

    public FaultOutcome Do(ulong address, Access access) => Mm.Touch(address, access, out _);

    public FaultOutcome ReadAt(ulong address) => Do(address, Access.Read);

    public FaultOutcome WriteAt(ulong address, byte value) => Mm.Write(address, [value]);

    public byte ByteAt(ulong address) => ByteAt(Mm, address);

    public static byte ByteAt(AddressSpace mm, ulong address)
    {
        Span<byte> one = stackalloc byte[1];
        Assert.True(mm.Read(address, one).IsResolved);
        return one[0];
    }

    public (ulong Anon, ulong File, ulong Shmem) Rss => (Tables.RssAnon, Tables.RssFile, Tables.RssShmem);

    public void Dispose()
    {
        Mm.Dispose();
        Machine.Pages.Dispose();
        Memory.Dispose();
    }
}
