using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Processor;
using FastMmu.Tests.Linux.Pages;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Files;

/// <summary>Files: their pages, their sizes, and how long they live.</summary>
public class FileTests
{
    private static byte[] Bytes(Inode inode, LinuxMachine machine, ulong offset, int count)
    {
        byte[] bytes = new byte[count];
        return bytes[..inode.Read(machine, offset, bytes)];
    }

    [Fact]
    public void Read_BehindTheEnd_IsCutOff()
    {
        using var process = new ProcessFixture();
        var inode = Inode.FromBytes("file", new byte[] { 1, 2, 3 });
        Assert.Equal([2, 3], Bytes(inode, process.Machine, 1, 100));
        Assert.Empty(Bytes(inode, process.Machine, 3, 100));
    }

    [Fact]
    public void Write_BehindTheEnd_LeavesZerosBetween()
    {
        using var process = new ProcessFixture();
        var inode = new Inode(InodeKind.SharedMemory, "memfd", 0);
        Assert.Equal(2, inode.Write(process.Machine, 0x1fff, [7, 8]));
        Assert.Equal(0x2001UL, inode.Size);
        Assert.Equal([0, 7, 8], Bytes(inode, process.Machine, 0x1ffe, 8));
        Assert.Equal(2, inode.ResidentPages);
    }

    [Fact]
    public void Truncate_ThenGrow_ReadsZeros()
    {
        using var process = new ProcessFixture();
        byte[] content = new byte[0x3000];
        Array.Fill(content, (byte)5);
        var inode = Inode.FromBytes("file", content);
        Bytes(inode, process.Machine, 0, content.Length);
        inode.Truncate(process.Machine, 0x1800);
        inode.Truncate(process.Machine, 0x3000);
        Assert.Equal([5, 0], Bytes(inode, process.Machine, 0x17ff, 2));
        Assert.Equal([0], Bytes(inode, process.Machine, 0x2000, 1));
    }

    [Fact]
    public void Ftruncate_Shrinking_TakesPrivateCopiesTooAndClearsTheTail()
    {
        using var process = new ProcessFixture();
        OpenFile file = File(InodeKind.SharedMemory, 4 * Page);
        process.Mm.Context.Files.Set(3, file);
        process.Map(Base, 4, Private, file);
        process.Map(Base + (8 * Page), 4, SharedFile, file);
        process.WriteAt(Base + (3 * Page), 1);
        process.WriteAt(Base + Page + 0x900, 2);
        process.WriteAt(Base + (9 * Page) + 0x900, 3);
        Assert.Equal(0, process.Mm.Ftruncate(3, 0x1800));
        Assert.Equal(FaultOutcome.Bus, process.ReadAt(Base + (3 * Page)).Signal);
        Assert.Equal(2, process.ByteAt(Base + Page + 0x900));
        Assert.Equal(0, process.ByteAt(Base + (9 * Page) + 0x900));
        Assert.Equal(1UL, process.Tables.RssAnon);
    }

    [Fact]
    public void PunchHole_KeepsPrivateCopies()
    {
        using var process = new ProcessFixture();
        OpenFile file = File(InodeKind.SharedMemory, 4 * Page);
        process.Map(Base, 4, Private, file);
        process.Map(Base + (8 * Page), 4, SharedFile, file);
        process.WriteAt(Base + (8 * Page), 4);
        process.WriteAt(Base + 1, 5);
        Assert.Equal(0, process.Mm.Madvise(Base + (8 * Page), Page, Advice.Remove));
        Assert.Equal(5, process.ByteAt(Base + 1));
        Assert.Equal(4, process.ByteAt(Base));
        Assert.Equal(0, process.ByteAt(Base + (8 * Page)));
    }

    [Theory]
    [InlineData(-1L, -Errno.EINVAL)]
    [InlineData(0x2000L, 0)]
    [InlineData(0x800L, -Errno.EPERM)]
    [InlineData(0x4000L, -Errno.EPERM)]
    public void Ftruncate_Seals_AreHeeded(long length, long expected)
    {
        using var process = new ProcessFixture();
        var inode = new Inode(InodeKind.SharedMemory, "memfd", 0x2000) { SealedAgainstShrinking = true, SealedAgainstGrowing = true, SealedAgainstWrites = true };
        process.Mm.Context.Files.Set(3, new OpenFile(inode, readable: true, writable: true));
        Assert.Equal(expected, process.Mm.Ftruncate(3, (ulong)length));
    }

    [Fact]
    public void Ftruncate_WrongDescriptor_IsRefused()
    {
        using var process = new ProcessFixture();
        FileTable files = process.Mm.Context.Files;
        var inode = new Inode(InodeKind.Regular, "file", 10);
        files.Set(3, new OpenFile(inode, readable: true, writable: false));
        files.Set(4, new OpenFile(inode, readable: false, writable: false) { PathOnly = true });
        files.Set(5, new OpenFile(new Inode(InodeKind.ZeroDevice, "/dev/zero", 0), readable: true, writable: true));
        files.Set(6, new OpenFile(inode, readable: true, writable: true));
        Assert.Equal(-Errno.EINVAL, process.Mm.Ftruncate(3, 0));
        Assert.Equal(-Errno.EBADF, process.Mm.Ftruncate(4, 0));
        Assert.Equal(-Errno.EINVAL, process.Mm.Ftruncate(5, 0));
        Assert.Equal(-Errno.EBADF, process.Mm.Ftruncate(7, 0));
        Assert.Equal(-Errno.EFBIG, process.Mm.Ftruncate(6, 1UL << 44));
        Assert.Equal(0, process.Mm.Ftruncate(6, 5));
        Assert.Equal(5UL, inode.Size);
    }

    [Fact]
    public void SharedMemory_LivesAsLongAsADescriptorOrAnAreaUsesIt()
    {
        using var process = new ProcessFixture();
        OpenFile file = File(InodeKind.SharedMemory, 4 * Page);
        FileTable files = process.Mm.Context.Files;
        files.Set(3, file);
        FileTable inherited = files.Copy();
        process.Map(Base, 4, SharedFile, file);
        process.WriteAt(Base, 1);
        Assert.True(files.Close(3));
        Assert.False(files.Close(3));
        Assert.Equal(1, file.Inode.ResidentPages);
        process.Mm.Munmap(Base, 4 * Page);
        Assert.Equal(1, file.Inode.ResidentPages);
        inherited.CloseAll();
        Assert.Equal(0, file.Inode.ResidentPages);
    }

    [Fact]
    public void RegularFile_StaysCachedUntilItIsDropped()
    {
        using var process = new ProcessFixture();
        byte[] content = new byte[4 * Page];
        content[0] = 9;
        OpenFile file = new(Inode.FromBytes("program", content), readable: true, writable: false);
        process.Map(Base, 4, Private, file);
        process.ReadAt(Base);
        file.Inode.DropCache();
        Assert.Equal(4, file.Inode.ResidentPages);
        process.Mm.Munmap(Base, 4 * Page);
        file.Inode.DropCache();
        Assert.Equal(0, file.Inode.ResidentPages);
        Assert.Equal([9], Bytes(file.Inode, process.Machine, 0, 1));
    }

    [Fact]
    public void PageOut_DropsWhatCanBeReadAgain()
    {
        using var process = new ProcessFixture();
        OpenFile file = new(new Inode(InodeKind.Regular, "disk", 4 * Page) { Owner = 7 }, readable: true, writable: true);
        process.Map(Base, 4, SharedFile, file);
        process.ReadAt(Base);
        process.WriteAt(Base + Page, 3);
        Assert.Equal(0, process.Mm.Madvise(Base, 4 * Page, Advice.PageOut));
        // The written page stays, and so do the two that were read along and that nobody maps.
        Assert.Equal(3, file.Inode.ResidentPages);
        Assert.Equal(0UL, process.Tables.RssFile);
        Assert.Equal(3, process.ByteAt(Base + Page));
    }

    [Fact]
    public void DiskFile_ReadForTheFirstTime_ReadsItsSurroundings()
    {
        using var process = new ProcessFixture();
        OpenFile file = File(InodeKind.Regular, 100 * Page);
        process.Map(Base, 100, Private, file);
        process.ReadAt(Base + (50 * Page));
        Assert.Equal(32, file.Inode.ResidentPages);
        process.Mm.Madvise(Base, 100 * Page, Advice.WillNeed);
        Assert.Equal(100, file.Inode.ResidentPages);
    }

    [Theory]
    [InlineData(VmFlags.SeqRead, 32, 50UL)]
    [InlineData(VmFlags.RandRead, 1, 50UL)]
    [InlineData(VmFlags.None, 32, 34UL)]
    public void DiskFile_Advised_ReadsWhatTheAdviceSays(VmFlags advised, int pages, ulong first)
    {
        using var process = new ProcessFixture();
        OpenFile file = File(InodeKind.Regular, 100 * Page);
        process.Map(Base, 100, Private | advised, file);
        process.ReadAt(Base + (50 * Page));
        Assert.Equal(pages, file.Inode.ResidentPages);
        byte[] resident = new byte[100];
        Assert.Equal(0, process.Mm.Mincore(Base, 100 * Page, resident));
        Assert.Equal(first, (ulong)resident.AsSpan().IndexOf((byte)1));
    }

    [Fact]
    public void FromHostFile_TooLarge_IsRefused()
    {
        string path = Path.GetTempFileName();
        try
        {
            System.IO.File.WriteAllBytes(path, [1, 2, 3, 4]);
            Assert.Equal(4UL, Inode.FromHostFile(path, 4).Size);
            Assert.Throws<IOException>(() => Inode.FromHostFile(path, 3));
        }
        finally
        {
            System.IO.File.Delete(path);
        }
    }

    [Fact]
    public void Inode_OnTwoMachines_IsMisuse()
    {
        using var process = new ProcessFixture();
        using var other = new ProcessFixture();
        var inode = new Inode(InodeKind.SharedMemory, "memfd", 0);
        inode.Write(process.Machine, 0, [1]);
        Assert.Throws<ArgumentException>(() => inode.Write(other.Machine, 0, [1]));
    }
}
