using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

public sealed class DirtyLogTests
{
    [Fact]
    public void ALogThatHasEnded_IsNotTaken_AndLeavesTheOthersAlone()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        DirtyLog ended = memory.StartDirtyLog();
        memory.Write(0x1000, 1);
        ended.Dispose();
        using DirtyLog log = memory.StartDirtyLog();
        memory.Write(0x1000, 1);

        Assert.Throws<ObjectDisposedException>(() => ended.Take());
        ended.Dispose();
        memory.Write(0x1000, 1);
        Assert.Equal("1000", Pages(log));
    }

    [Fact]
    public void EveryWayToWrite_IsLoggedOnce()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using DirtyLog log = memory.StartDirtyLog();
        var ways = new Action[]
        {
            () => memory.Write(0x1000, 1),
            () => memory.Write(0x2ff8, new byte[4096]),
            () => memory.LoadRom(0x5000, [1]),
            () => memory.Span(0x6fff, 1)[0] = 1,
            () => memory.Write(0x1f_ffff, (short)1),
            () => memory.CompareExchangeEntry64(0x7000, 0, 1),
            () => memory.CompareExchangeEntry32(0x8000, 0, 1),
            () => memory.OrByte(0x9001, 1),
        };
        foreach (Action way in ways)
        {
            way();
            way();
        }

        Assert.Equal("1000 2000 3000 5000 6000 1ff000 200000 7000 8000 9000", Pages(log));
        Assert.Equal("", Pages(log));
        ways[1]();
        Assert.Equal("2000 3000", Pages(log));
    }

    [Fact]
    public void WritesOfAVirtualCpu_AreLoggedAgainAfterEachTake()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        for (int i = 0; i < 8; i++) Assert.True(mmu.TryWrite(0x1000UL * (ulong)i, 1, out _));
        using DirtyLog log = memory.StartDirtyLog();
        for (int round = 0; round < 3; round++)
        {
            for (ulong page = 0; page < 8; page += 3) Assert.True(mmu.TryWrite(0x1000 * page, round, out _));
            Assert.True(mmu.TryRead(0x1000UL, out int _, out _));
            Assert.Equal("200000 203000 206000", Pages(log));
            mmu.ScatterWrite<int>([0x1008, 0x5008, 0x1010, 0x1018, 0x1020, 0x1028, 0x1030, 0x1038], new int[8]);
            Assert.Equal("201000 205000", Pages(log));
        }
    }

    [Fact]
    public void AccessedAndDirtyBits_AreWritesOfTheTables()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        ulong[] pages = [.. Enumerable.Range(0, 64).Select(i => 0x1000UL * (ulong)i)];
        mmu.TranslateBatch(pages, new ulong[64], Access.Read, Privilege.Supervisor);
        using DirtyLog log = memory.StartDirtyLog();
        mmu.TranslateBatch(pages, new ulong[64], Access.Read, Privilege.Supervisor);
        Assert.Equal("", Pages(log));
        mmu.TranslateBatch(pages.AsSpan(0, 1), new ulong[1], Access.Write, Privilege.Supervisor);
        Assert.Contains(log.Take(), page => (memory.Read<ulong>(page) & long.MaxValue) == 0x20_0063);
    }

    [Fact]
    public void TablesThatAreOnlyLookedAt_AreNotWritten()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BumpFrameAllocator(memory, new PhysicalRange(0x1000, 1 * MiB)));
        space.Map(0UL, 0x20_0000, 64 * 4 * KiB, Rights.SupervisorReadWrite);
        using DirtyLog log = memory.StartDirtyLog();
        Assert.Equal(MapResult.AlreadyMapped, space.Map(0x1000UL, 0x20_0000, 4 * KiB, Rights.SupervisorReadWrite).Result);
        int pages = 0;
        foreach (MappedPage _ in space.View().Pages()) pages++;
        Assert.Equal(64, pages);
        Assert.Equal("", Pages(log));
        space.Unmap(0x1000UL, 4 * KiB);
        Assert.Single(log.Take());
    }

    [Fact]
    public void FourLogs_AreIndependent_AndAFifthIsRefused()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(1 * MiB);
        DirtyLog[] logs = [.. Enumerable.Range(0, 4).Select(_ => memory.StartDirtyLog())];
        Assert.Throws<InvalidOperationException>(memory.StartDirtyLog);
        memory.Write(0x1000, 1);
        Assert.Equal("1000", Pages(logs[2]));
        memory.Write(0x1000, 1);
        Assert.Equal("1000", Pages(logs[2]));
        Assert.Equal("1000", Pages(logs[3]));
        logs[0].Dispose();
        using DirtyLog fresh = memory.StartDirtyLog();
        Assert.Equal("", Pages(fresh));
        memory.Write(0x3000, 1);
        Assert.Equal("1000 3000", Pages(logs[1]));
        Assert.Equal("3000", Pages(fresh));
    }

    [Fact]
    public void RandomWrites_ByRangesAboveTheWindowToo_LogExactlyTheirPages()
    {
        using var memory = new PhysicalMemory([new(0UL, 1 * MiB), new(1UL << 40, 1 * MiB), new(0x3_0000_0000_0000UL, 64 * KiB, MemoryKind.Rom)]);
        ulong[] starts = [0, 1UL << 40, 0x3_0000_0000_0000UL];
        var random = new Random(7);
        using DirtyLog log = memory.StartDirtyLog();
        for (int round = 0; round < 200; round++)
        {
            var expected = new HashSet<ulong>();
            for (int i = random.Next(20); i > 0; i--)
            {
                int range = random.Next(3);
                ulong at = starts[range] + (ulong)random.Next(0x8000);
                byte[] bytes = new byte[random.Next(1, 6000)];
                memory.Write(at, bytes);
                if (range == 2) continue;
                for (ulong page = at & ~0xfffUL; page < at + (ulong)bytes.Length; page += 0x1000) expected.Add(page);
            }

            Assert.Equal(expected.Order(), log.Take().Select(p => p.Value).Order());
        }
    }

    [Fact]
    public void Threads_WritingOnePage_LogItOnce()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using DirtyLog log = memory.StartDirtyLog();
        Parallel.For(0, 4, worker =>
        {
            for (ulong page = 0; page < 512; page++) memory.Write((page << 12) + (8 * (ulong)worker), 1UL);
        });
        Assert.Equal(Enumerable.Range(0, 512).Select(p => (ulong)p << 12), log.Take().Select(p => p.Value).Order());
    }

    private static string Pages(DirtyLog log) => string.Join(' ', log.Take().Select(p => p.Value.ToString("x")));

    // Linear 0 to 64 pages lead to 0x200000 and on.
    private static Mmu Mapped(PhysicalMemory memory)
    {
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BumpFrameAllocator(memory, new PhysicalRange(0x1000, 1 * MiB)));
        space.Map(0UL, 0x20_0000, 64 * 4 * KiB, Rights.SupervisorReadWrite);
        var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        return mmu;
    }
}
