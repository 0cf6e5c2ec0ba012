using FastMmu.Addresses;
using FastMmu.Memory;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

// LiveCount is one number for the process: the tests that watch it must not run beside others that create memories.
[CollectionDefinition(nameof(LiveCount), DisableParallelization = true)]
public sealed class LiveCount;

[Collection(nameof(LiveCount))]
public sealed class PhysicalMemoryLifetimeTests
{
    [Fact]
    public void LiveCount_CreateAndDispose_ReturnsToStart()
    {
        long before = PhysicalMemory.LiveCount;
        PhysicalMemory memory = PhysicalMemory.Create(4 * MiB);
        Assert.Equal(before + 1, PhysicalMemory.LiveCount);
        memory.Dispose();
        memory.Dispose();
        Assert.Equal(before, PhysicalMemory.LiveCount);
    }

    [Fact]
    public void Constructor_RefusedRange_LeaksNothing()
    {
        long before = PhysicalMemory.LiveCount;
        Assert.Throws<ArgumentException>(() => new PhysicalMemory([new MemoryRange(0UL, 4096), new MemoryRange(0UL, 4096)]));
        Assert.Equal(before, PhysicalMemory.LiveCount);
    }
}

public sealed class PhysicalMemoryTests
{
    [Fact]
    public void Read_FreshMemory_IsZero()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(MiB);
        Assert.Equal(0UL, memory.Read<ulong>(0x1234UL));
        Assert.Equal(MiB, memory.RamBytes);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(0xffff8UL)]
    [InlineData(0x1ffffcUL)]
    public void Write_ThenRead_RoundTrips(ulong address)
    {
        using PhysicalMemory memory = PhysicalMemory.Create(4 * MiB);
        memory.Write(address, 0x0123_4567_89ab_cdefUL);
        Assert.Equal(0x0123_4567_89ab_cdefUL, memory.Read<ulong>(address));
        Assert.Equal(0xefu, memory.Read<byte>(address));
    }

    [Fact]
    public void Read_BeyondRam_IsAllOnes()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(MiB);
        Assert.Equal(ulong.MaxValue, memory.Read<ulong>(MiB));
        Assert.Equal(uint.MaxValue, memory.Read<uint>(PhysicalAddress.MaxValue - 3));
        Assert.Equal(ulong.MaxValue, memory.Read<ulong>(PhysicalAddress.MaxValue));
    }

    [Fact]
    public void Read_AcrossTheEndOfRam_MixesMemoryAndOnes()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(MiB);
        Assert.Equal(0xffff_ffff_0000_0000UL, memory.Read<ulong>(MiB - 4));
        memory.Write(MiB - 4, 0x1111_1111_2222_2222UL);
        Assert.Equal(0xffff_ffff_2222_2222UL, memory.Read<ulong>(MiB - 4));
    }

    [Fact]
    public void CreatePc_MoreThan3GiB_LeavesTheHole()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(5 * GiB);
        Assert.Equal(MemoryKind.Ram, memory.KindOf(3 * GiB - 1));
        Assert.Equal(MemoryKind.Hole, memory.KindOf(3 * GiB));
        Assert.Equal(MemoryKind.Hole, memory.KindOf(4 * GiB - 1));
        Assert.Equal(MemoryKind.Ram, memory.KindOf(4 * GiB));
        Assert.Equal(MemoryKind.Hole, memory.KindOf(6 * GiB));
        memory.Write(3 * GiB - 4, 0x5555_5555_6666_6666UL);
        Assert.Equal(0xffff_ffff_6666_6666UL, memory.Read<ulong>(3 * GiB - 4));
        memory.Write(6 * GiB - 8, 7UL);
        Assert.Equal(7UL, memory.Read<ulong>(6 * GiB - 8));
    }

    [Fact]
    public void Create_64GiB_CostsOnlyWhatIsTouched()
    {
        using var memory = new PhysicalMemory([new MemoryRange(0UL, 64 * GiB)], hugePages: false);
        long before = Environment.WorkingSet;
        for (ulong page = 0; page < 64; page++) memory.Write(page * GiB, page);
        for (ulong page = 0; page < 64; page++) Assert.Equal(page, memory.Read<ulong>(page * GiB));
        Assert.True(Environment.WorkingSet - before < 512L * 1024 * 1024, "64 touched pages cost more than 512 MiB");
    }

    [Fact]
    public void Ranges_AboveTheWindow_AreReadAndWritten()
    {
        ulong top = PhysicalAddress.MaxValue + 1 - (4 * MiB);
        using var memory = new PhysicalMemory(
            [new MemoryRange(top, 4 * MiB), new MemoryRange(0UL, MiB), new MemoryRange(1UL << 45, 8192)], hugePages: false);
        memory.Write(top + 5, 0x77UL);
        memory.Write(1UL << 45, 0x88UL);
        Assert.Equal(0x77UL, memory.Read<ulong>(top + 5));
        Assert.Equal(0x88UL, memory.Read<ulong>(1UL << 45));
        Assert.Equal(0xffff_ffff_ffff_0000UL, memory.Read<ulong>((1UL << 45) + 8190));
        Assert.Equal(0xff00_0000_0000_0000UL, memory.Read<ulong>(PhysicalAddress.MaxValue - 6));
        Assert.Equal([0UL, 1UL << 45, top], memory.Ranges.Select(r => r.Start.Value));
    }

    [Fact]
    public void Rom_GuestWrite_IsDropped_LoadRomIsNot()
    {
        using var memory = new PhysicalMemory([new MemoryRange(0UL, MiB), new MemoryRange(0xf_0000UL + MiB, 0x1_0000, MemoryKind.Rom)]);
        ulong rom = 0xf_0000UL + MiB;
        memory.LoadRom(rom, [1, 2, 3, 4, 5, 6, 7, 8]);
        memory.Write(rom, ulong.MaxValue);
        Assert.Equal(0x0807_0605_0403_0201UL, memory.Read<ulong>(rom));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.LoadRom(8 * MiB, [1]));
    }

    [Fact]
    public void CompareExchangeEntry_InRomOrHole_IsDroppedAndSucceeds()
    {
        using var memory = new PhysicalMemory([new MemoryRange(0UL, 0x1000, MemoryKind.Rom), new MemoryRange(0x1000UL, 0x1000)]);
        Assert.True(memory.CompareExchangeEntry64(0, 0, 1));
        Assert.Equal(0UL, memory.Read<ulong>(0UL));
        Assert.True(memory.CompareExchangeEntry64(0x8000, ulong.MaxValue, 1));
        Assert.True(memory.CompareExchangeEntry64(0x1000, 0, 1));
        Assert.False(memory.CompareExchangeEntry64(0x1000, 0, 2));
        Assert.True(memory.CompareExchangeEntry32(0x1000, 1, 3));
        Assert.Equal(3UL, memory.Read<ulong>(0x1000UL));
    }

    [Fact]
    public void Span_OutsideOrAcrossRanges_IsRefused()
    {
        using var memory = new PhysicalMemory([new MemoryRange(0UL, 0x2000), new MemoryRange(0x2000UL, 0x1000, MemoryKind.Rom)]);
        Assert.Equal(0x2000, memory.Span(0UL, 0x2000).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Span(0x1fffUL, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Span(0x3000UL, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Span(0UL, -1));
        Assert.False(memory.TryGetSpan(0x2fffUL, int.MaxValue, out _));
        memory.Span(0x1000UL, 4)[0] = 9;
        Assert.Equal(9u, memory.Read<uint>(0x1000UL));
    }

    public static TheoryData<ulong, ulong> BadRanges => new()
    {
        { 0, 0 }, { 0, 100 }, { 1, 4096 }, { 0, ulong.MaxValue }, { 0, ulong.MaxValue & ~0xfffUL },
        { PhysicalAddress.MaxValue - 4095, 8192 },
    };

    [Theory]
    [MemberData(nameof(BadRanges))]
    public void Constructor_BadRange_IsRefused(ulong start, ulong length) =>
        Assert.ThrowsAny<ArgumentException>(() => new PhysicalMemory([new MemoryRange(start, length)]));

    [Fact]
    public void Constructor_NoRange_IsRefused() => Assert.Throws<ArgumentException>(() => new PhysicalMemory([]));

    [Fact]
    public void Create_MoreThanTheHostHas_ThrowsInsufficientMemory() =>
        Assert.ThrowsAny<OutOfMemoryException>(() => new PhysicalMemory([new MemoryRange(1UL << 50, 1UL << 51)]));

    [Fact]
    public void Access_AfterDispose_Throws()
    {
        PhysicalMemory memory = PhysicalMemory.Create(MiB);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Read<ulong>(0UL));
        Assert.Throws<ObjectDisposedException>(() => memory.Write(0UL, 1));
        Assert.Throws<ObjectDisposedException>(() => memory.Span(0UL, 1));
        Assert.Throws<ObjectDisposedException>(() => memory.KindOf(0UL));
    }

    [Fact]
    public void Access_HotPath_AllocatesNothing()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(5 * GiB);
        memory.Write(8UL, 1UL);
        _ = memory.Read<ulong>(4 * GiB);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ulong sum = 0;
        for (ulong i = 0; i < 1000; i++)
        {
            memory.Write(i * 8, i);
            sum += memory.Read<ulong>(i * 8) + memory.Read<ulong>((4 * GiB) - 8);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.NotEqual(0UL, sum);
    }
}
