using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

public sealed class CodeTrackerTests
{
    [Fact]
    public void AnMmu_TakesNoTrackerOfAnotherMemory()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB), other = PhysicalMemory.Create(16 * MiB);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        using CodeTracker code = other.TrackCode(_ => { });
        Assert.Throws<ArgumentException>(() => mmu.CodeTracker = code);
        Assert.Null(mmu.CodeTracker);
    }

    [Fact]
    public void EveryWayToWrite_IsToldOfMarkedBytesOnly_BeforeItLands()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var told = new List<string>();
        using CodeTracker code = memory.TrackCode(range =>
        {
            told.Add($"{range.Start.Value:x}+{range.Length}");
            byte[] before = new byte[range.Length];
            memory.Read(range.Start, before);
            Assert.All(before, b => Assert.Equal(0, b));
        });
        for (ulong page = 1; page < 10; page++) code.Mark((page << 12) + 0x100, 0x40);
        code.Mark(0x1f_ffff, 1);
        memory.Write(0x10fc, -1L);
        memory.Write(0x1140, -1L);
        memory.Write(0x2000, Enumerable.Repeat((byte)1, 0x2110).ToArray());
        memory.LoadRom(0x513e, [1, 2, 3]);
        memory.Span(0x6080, 0x100)[0] = 1;
        memory.Write(0x1f_ffff, (short)1);
        Assert.True(memory.CompareExchangeEntry64(0x7108, 0, 1));
        Assert.True(memory.CompareExchangeEntry32(0x8110, 0, 1));
        memory.OrByte(0x9102, 1);
        Assert.Equal("1100+4 2100+64 3100+64 4100+16 513e+2 6100+64 1fffff+1 7108+8 8110+4 9100+4", string.Join(' ', told));
    }

    [Fact]
    public void WritesOfAVirtualCpu_AreTold_AlsoThroughWhatItHadCached()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        for (ulong page = 0; page < 8; page++) Assert.True(mmu.TryWrite(page << 12, 1, out _));
        var told = new List<string>();
        using CodeTracker code = memory.TrackCode(range => told.Add($"{range.Start.Value:x}+{range.Length}"));
        code.Mark(0x20_1040, 64);
        for (int round = 0; round < 2; round++)
        {
            Assert.True(mmu.TryWrite(0x1000UL, 1, out _));
            Assert.True(mmu.TryWrite(0x103eUL, 1, out _));
            Assert.True(mmu.TryRead(0x1040UL, out int _, out _));
            mmu.ScatterWrite<int>([0x1000, 0x5008, 0x1010, 0x1018, 0x1020, 0x1048, 0x1030, 0x1038], new int[8]);
            Assert.Equal("201040+2 201048+4", string.Join(' ', told));
            told.Clear();
        }

        code.Unmark(0x20_1040, 64);
        Assert.True(mmu.TryWrite(0x1040UL, 1, out _));
        Assert.Empty(told);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AccessedAndDirtyBits_AreWritesOfTheirTables(bool batch)
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        // The batch's own way to tables is open once a region is known.
        mmu.TranslateBatch([0x3000, 0x3000], new ulong[2], Access.Write, Privilege.Supervisor);
        mmu.Probe(0x1000UL, Access.Read, Privilege.Supervisor, out Paging.Walk.WalkPath path);
        ulong entry = path[path.Count - 1].EntryAddress;
        var told = new List<PhysicalRange>();
        using CodeTracker code = memory.TrackCode(told.Add);
        code.Mark(entry, 8);
        if (batch) mmu.TranslateBatch([0x1000], new ulong[1], Access.Write, Privilege.Supervisor);
        else mmu.Translate(0x1000UL, Access.Write, Privilege.Supervisor);
        Assert.All(told, range => Assert.Equal(new PhysicalRange(entry, 8), range));
        Assert.NotEmpty(told);
    }

    [Fact]
    public void Fetch_WithATracker_MarksWhatItHandsOut()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        int told = 0;
        using CodeTracker code = memory.TrackCode(_ => told++);
        mmu.CodeTracker = code;
        Assert.Equal(15, mmu.Fetch(0x1ff8UL, new byte[15], out _));
        Assert.True(code.IsMarked(0x20_1fff));
        Assert.True(code.IsMarked(0x20_2000));
        Assert.False(code.IsMarked(0x20_1fbf));
        Assert.True(mmu.TryWrite(0x1ffeUL, 0, out _));
        Assert.Equal(2, told);
    }

    [Fact]
    public void HandlerThatThrows_LeavesTheBytesAsTheyWere()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        CodeTracker code = memory.TrackCode(_ => throw new InvalidOperationException("translated"));
        code.Mark(0x20_2000, 1);
        byte[] bytes = [.. Enumerable.Repeat((byte)7, 0x2000)];
        Assert.Throws<InvalidOperationException>(() => mmu.TryWrite(0x2000UL, 1, out _));
        Assert.Throws<InvalidOperationException>(() => memory.Write(0x20_1000, bytes));
        Assert.Throws<InvalidOperationException>(() => mmu.TryWrite(0x1ffeUL, 0x0101_0101, out _));
        Assert.Equal(0, memory.Read<int>(0x20_2000));
        Assert.Equal(0, memory.Read<int>(0x20_1000));
        code.Dispose();
        Assert.True(mmu.TryWrite(0x2000UL, 1, out _));
        Assert.Equal(1, memory.Read<int>(0x20_2000));
        Assert.Throws<ObjectDisposedException>(() => code.Mark(0x1000, 1));
    }

    [Fact]
    public void Handler_MayChangeTheMap_AndTheWriteGoesWhereItSays()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        var device = new Register();
        Action<PhysicalRange> act = range => memory.SetKind(range.Start.Value & ~0xfffUL, 4 * KiB, MemoryKind.Rom);
        using CodeTracker code = memory.TrackCode(range => act(range));
        code.Mark(0x20_1000, 0x2000);
        memory.Write(0x20_1000, 1);
        Assert.True(mmu.TryWrite(0x1008UL, 1, out _));
        Assert.Equal(0UL, memory.Read<ulong>(0x20_1000) | memory.Read<ulong>(0x20_1008));
        act = range => memory.MapDevice(range.Start.Value & ~0xfffUL, 4 * KiB, device);
        Assert.True(mmu.TryWrite(0x2010UL, 5, out _));
        Assert.Equal(5UL, device.Value);
    }

    [Fact]
    public void Handler_ThatDisposesTheMemory_EndsInAnException()
    {
        PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        using CodeTracker code = memory.TrackCode(_ => memory.Dispose());
        code.Mark(0x20_1000, 1);
        Assert.Throws<ObjectDisposedException>(() => mmu.TryWrite(0x1000UL, 1, out _));
    }

    [Fact]
    public void Handler_ThatTakesTheDirtyLog_IsBeforeTheWriteItHearsOf()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using DirtyLog log = memory.StartDirtyLog();
        using CodeTracker code = memory.TrackCode(_ => Assert.Empty(log.Take()));
        code.Mark(0x5000, 1);
        memory.Write(0x5000, 1);
        Assert.Equal([0x5000], log.Take());
        memory.Write(0x5000, 2);
        Assert.Equal([0x5000], log.Take());
    }

    [Fact]
    public void RandomMarksAndWrites_TellExactlyTheMarkedBytesWritten()
    {
        const int pages = 16, bytes = pages * 4096;
        using var memory = new PhysicalMemory([new(0UL, 3 * MiB), new(1UL << 40, 1 * MiB)]);
        ulong[] starts = [(2 * MiB) - (8 * 4096), 1UL << 40];
        var random = new Random(11);
        bool[][,] marked = [new bool[2, bytes], new bool[2, bytes]];
        bool[,] told = new bool[2, bytes];
        int area = 0;
        CodeTracker[] trackers = new CodeTracker[2];
        for (int t = 0; t < 2; t++)
        {
            int which = t;
            trackers[t] = memory.TrackCode(range =>
            {
                for (ulong i = 0; i < range.Length; i++)
                {
                    ulong at = range.Start.Value + i - starts[area];
                    told[which, at] = true;
                }
            });
        }

        for (int round = 0; round < 1500; round++)
        {
            area = random.Next(2);
            int tracker = random.Next(2), start = random.Next(bytes), length = Math.Min(bytes - start, random.Next(random.Next(2) == 0 ? 300 : 9000));
            ulong at = starts[area] + (ulong)start;
            switch (random.Next(4))
            {
                case 0:
                    trackers[tracker].Mark(at, (ulong)length);
                    if (length != 0) for (int i = start & ~63; i < ((start + length + 63) & ~63); i++) marked[tracker][area, i] = true;
                    break;
                case 1:
                    trackers[tracker].Unmark(at, (ulong)length);
                    for (int i = (start + 63) & ~63; i < ((start + length) & ~63); i++) marked[tracker][area, i] = false;
                    break;
                default:
                    Array.Clear(told);
                    memory.Write(at, new byte[length]);
                    for (int t = 0; t < 2; t++)
                    {
                        int wrong = 0;
                        for (int i = 0; i < bytes; i++) wrong += (marked[t][area, i] && i >= start && i < start + length) == told[t, i] ? 0 : 1;
                        Assert.Equal(0, wrong);
                    }

                    break;
            }
        }
    }

    // Linear 0 to 64 pages lead to 0x200000 and on.
    private static Mmu Mapped(PhysicalMemory memory)
    {
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BumpFrameAllocator(memory, new PhysicalRange(0x1000, 1 * MiB)));
        space.Map(0UL, 0x20_0000, 64 * 4 * KiB, Rights.SupervisorAll);
        var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        return mmu;
    }

    private sealed class Register : IMemoryDevice
    {
        internal ulong Value { get; private set; }

        public ulong Read(in DeviceAccess access) => Value;

        public void Write(in DeviceAccess access, ulong value) => Value = value;
    }
}
