using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

public sealed class DeviceTests
{
    private const ulong Registers = 0xfed0_0000;

    [Theory]
    [InlineData(0, 1, "0+1")]
    [InlineData(2, 2, "2+2")]
    [InlineData(4, 4, "4+4")]
    [InlineData(8, 8, "8+8")]
    [InlineData(0, 16, "0+8 8+8")]
    [InlineData(5, 8, "5+3 8+5")]
    [InlineData(7, 2, "7+1 8+1")]
    [InlineData(3, 4, "3+4")]
    public void Access_OfAnySize_ComesInPiecesThatCrossNoMultipleOfEight(int offset, int size, string pieces)
    {
        using PhysicalMemory memory = PhysicalMemory.Create(1 * MiB);
        var device = new Recorder();
        memory.MapDevice(Registers, 4 * KiB, device);
        byte[] bytes = new byte[size];
        memory.Read(Registers + (ulong)offset, bytes);
        Assert.Equal(Enumerable.Range(offset, size).Select(i => (byte)i), bytes);
        memory.Write(Registers + (ulong)offset, bytes);
        string[] expected = pieces.Split(' ');
        Assert.Equal([.. expected.Select(p => $"R{p}"), .. expected.Select(p => $"W{p}")], device.Log);
        Assert.Equal(bytes, device.Written);
    }

    [Fact]
    public void Access_OverTheEdgeOfADevice_GoesToBothSides()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(1 * MiB);
        var device = new Recorder();
        memory.MapDevice(0x2004, 8, device);
        memory.Write(0x2000, 0x0403_0201_0403_0201UL);
        Assert.Equal(["W0+4"], device.Log);
        Assert.Equal(0x0100_0403_0201UL, memory.Read<ulong>(0x2000) & 0xffff_ffff_ffff);
        Assert.Equal(0x0000_0000_0706_0504UL, memory.Read<ulong>(0x2008));
    }

    [Fact]
    public void MapDevice_OverRam_HidesItUntilUnmap()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(4 * MiB);
        memory.Write(0x10_0000, 0x1234);
        memory.MapDevice(0x10_0000, 4 * KiB, new Recorder());
        Assert.Equal(MemoryKind.Device, memory.KindOf(0x10_0fff));
        Assert.Equal(0x0302_0100, memory.Read<int>(0x10_0000));
        Assert.False(memory.TryGetSpan(0x10_0ffc, 8, out _));
        memory.Unmap(0x10_0000, 4 * KiB);
        Assert.Equal(0x1234, memory.Read<int>(0x10_0000));
        Assert.Equal([new MemoryRange(0UL, 4 * MiB)], memory.Layout);
    }

    [Fact]
    public void Layout_AfterRandomChanges_IsWhatTheLastOneSaysOfEachPage()
    {
        using var memory = new PhysicalMemory([new(0UL, 128 * KiB), new(0x4_0000UL, 64 * KiB, MemoryKind.Rom)]);
        var random = new Random(5);
        var kinds = Enumerable.Range(0, 96).Select(i => i < 32 ? MemoryKind.Ram : i is >= 64 and < 80 ? MemoryKind.Rom : MemoryKind.Hole).ToArray();
        MemoryKind[] created = [.. kinds];
        for (int round = 0; round < 2000; round++)
        {
            int first = random.Next(96), count = random.Next(1, 97 - first), action = random.Next(5);
            ulong start = (ulong)first << 12, length = (ulong)count << 12;
            if (action == 0) memory.MapDevice(start, length, new Recorder());
            else if (action == 1) memory.Unmap(start, length);
            else memory.SetKind(start, length, (MemoryKind)(action - 2));
            for (int page = first; page < first + count; page++)
            {
                kinds[page] = action switch
                {
                    0 => MemoryKind.Device,
                    1 => created[page],
                    _ => created[page] == MemoryKind.Hole ? MemoryKind.Hole : (MemoryKind)(action - 2),
                };
            }

            for (int page = 0; page < 96; page++) Assert.Equal(kinds[page], memory.KindOf((ulong)page << 12));
            Assert.All(memory.Layout.Zip(memory.Layout.Skip(1)), pair => Assert.True(pair.First.End <= pair.Second.Start.Value));
        }
    }

    [Fact]
    public void Mmu_WithPageCachedAsRam_MeetsTheDeviceThatIsPutThere()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory, 0x20_0000);
        Assert.True(mmu.TryWrite(0x1000UL, 7, out _));
        Assert.True(mmu.TryRead(0x1000UL, out int value, out _));
        Assert.Equal(7, value);
        memory.MapDevice(0x20_0000, 4 * KiB, new Recorder());
        Assert.True(mmu.TryRead(0x1000UL, out value, out _));
        Assert.Equal(0x0302_0100, value);
        byte[] code = new byte[4];
        Assert.Equal(4, mmu.Fetch(0x1000UL, code, out _));
        Assert.Equal([0, 1, 2, 3], code);
        memory.Unmap(0x20_0000, 4 * KiB);
        Assert.True(mmu.TryRead(0x1000UL, out value, out _));
        Assert.Equal(7, value);
    }

    [Fact]
    public void Handler_ThatThrows_LeavesTheMmuUsable()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory, Registers);
        var device = new Recorder { OnRead = _ => throw new InvalidOperationException("broken") };
        memory.MapDevice(Registers, 4 * KiB, device);
        Assert.Equal("broken", Assert.Throws<InvalidOperationException>(() => mmu.TryRead(0x1000UL, out int _, out _)).Message);
        device.OnRead = null;
        Assert.True(mmu.TryRead(0x1000UL, out int value, out _));
        Assert.Equal(0x0302_0100, value);
    }

    [Fact]
    public void Handler_ThatReadsThroughTheSameMmu_IsAnswered()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory, Registers);
        memory.Write(0x20_0008, 99);
        int seen = 0;
        memory.MapDevice(Registers, 4 * KiB, new Recorder { OnRead = _ => Assert.True(mmu.TryRead(0x2008UL, out seen, out MmuFault _)) });
        Assert.True(mmu.TryRead(0x1ffcUL, out ulong _, out _));
        Assert.Equal(99, seen);
    }

    [Fact]
    public void Handler_ThatUnmapsItself_LeavesTheRestOfTheAccessToWhatIsBeneath()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        memory.Span(0x3000, 16).Fill(0xee);
        memory.MapDevice(0x3000, 16, new Recorder { OnRead = _ => memory.Unmap(0x3000, 16) });
        byte[] bytes = new byte[16];
        memory.Read(0x3000, bytes);
        Assert.Equal("0001020304050607EEEEEEEEEEEEEEEE", Convert.ToHexString(bytes));
    }

    [Fact]
    public void Handler_ThatDisposesTheMemory_EndsInAnException()
    {
        PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory, Registers);
        memory.MapDevice(Registers, 4 * KiB, new Recorder { OnRead = _ => memory.Dispose() });
        Assert.Throws<ObjectDisposedException>(() => mmu.TryRead(0x1004UL, out ulong _, out _));
        Assert.Throws<ObjectDisposedException>(() => mmu.TryRead(0x1000UL, out ulong _, out _));
    }

    [Fact]
    public void PageTable_InADevice_ReadsAsAllOnesAndCallsNobody()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory, 0x20_0000);
        var device = new Recorder();
        memory.MapDevice(mmu.State.Cr3.Value & ~0xfffUL, 4 * KiB, device);
        mmu.InvalidateAll();
        Translation translation = mmu.Translate(0x1000UL);
        Assert.Equal(FaultReason.ReservedBit, translation.Fault.Reason);
        Assert.Empty(device.Log);
    }

    [Theory]
    [InlineData(0x1000, 0)]
    [InlineData(PhysicalAddress.MaxValue, 2)]
    public void MapDevice_OfAnImpossibleRange_IsRefused(ulong start, ulong length)
    {
        using PhysicalMemory memory = PhysicalMemory.Create(1 * MiB);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.MapDevice(start, length, new Recorder()));
        Assert.Single(memory.Layout);
    }

    // 0x1000 leads to the given page, 0x2000 to the one at 0x200000.
    private static Mmu Mapped(PhysicalMemory memory, ulong physical)
    {
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BumpFrameAllocator(memory, new PhysicalRange(0x1000, 1 * MiB)));
        space.Map(0x1000, physical, 4 * KiB, Rights.SupervisorAll);
        space.Map(0x2000, 0x20_0000, 4 * KiB, Rights.SupervisorAll);
        var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        return mmu;
    }

    // Answers each byte with its offset.
    private sealed class Recorder : IMemoryDevice
    {
        internal List<string> Log { get; } = [];

        internal List<byte> Written { get; } = [];

        internal Action<DeviceAccess>? OnRead { get; set; }

        public ulong Read(in DeviceAccess access)
        {
            Log.Add($"R{access.Offset}+{access.Size}");
            OnRead?.Invoke(access);
            ulong value = 0;
            for (int i = 7; i >= 0; i--) value = (value << 8) | ((access.Offset + (ulong)i) & 0xff);
            return value;
        }

        public void Write(in DeviceAccess access, ulong value)
        {
            Log.Add($"W{access.Offset}+{access.Size}");
            for (int i = 0; i < access.Size; i++) Written.Add((byte)(value >> (8 * i)));
            Assert.True(access.Size == 8 || value >> (8 * access.Size) == 0);
        }
    }
}
