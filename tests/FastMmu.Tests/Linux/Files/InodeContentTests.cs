using FastMmu.Linux;
using FastMmu.Linux.Files;
using FastMmu.Memory;
using Xunit;

namespace FastMmu.Tests.Linux.Files;

/// <summary>Files of given bytes, whose pages take frames only when somebody looks.</summary>
public sealed class InodeContentTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(16 << 20);
    private readonly LinuxMachine _machine;

    public InodeContentTests() => _machine = new(_memory);

    [Theory]
    [InlineData(InodeKind.Regular)]
    [InlineData(InodeKind.SharedMemory)]
    public void Truncate_FileThatNobodyLookedInto_EndsItsContent(InodeKind kind)
    {
        byte[] content = new byte[0x3000];
        content.AsSpan().Fill(7);
        var inode = new Inode(kind, "file", content);
        inode.Truncate(_machine, 0x1800);
        inode.Truncate(_machine, 0x3000);
        byte[] read = new byte[0x3000];
        Assert.Equal(read.Length, inode.Read(_machine, 0, read));
        Assert.All(read[..0x1800], b => Assert.Equal(7, b));
        Assert.All(read[0x1800..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void Content_NobodyLooked_TakesNoFrame()
    {
        var inode = new Inode(InodeKind.SharedMemory, "file", new byte[0x10000]);
        Assert.Equal(0, inode.ResidentPages);
        Assert.Equal(1, inode.Read(_machine, 0x5000, new byte[1]));
        Assert.Equal(1, inode.ResidentPages);
    }

    public void Dispose() => _memory.Dispose();
}
