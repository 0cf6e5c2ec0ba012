using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tlb;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Shootdown;

/// <summary>What one thread does to a memory, while virtual CPUs on others use it.</summary>
public sealed class SharedMemoryTests
{
    private const int Members = 3;
    private const ulong Ram = 0x20_0000;

    [Fact]
    public async Task MapChanged_IsSeenByEveryMemberOnceItHasTakenPart()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        memory.Write(Ram, 1UL);
        var group = new MmuGroup(memory);
        // Even where nothing changes, odd while it does; what stands there then is the half of it plus one, from 1 to 2 and back.
        int phase = 0, wrong = 0, reads = 0;
        bool stop = false;
        PageMapper space = Space(memory);
        Task[] members = Run(group, space, (mmu, member) =>
        {
            while (!Volatile.Read(ref stop))
            {
                member.Poll();
                int before = Volatile.Read(ref phase);
                if (!mmu.TryRead(0x1000UL, out ulong value, out _)) Interlocked.Increment(ref wrong);
                if (before != Volatile.Read(ref phase) || before % 2 != 0) continue;
                Interlocked.Increment(ref reads);
                if (value != (ulong)(1 + (before / 2 % 2))) Interlocked.Increment(ref wrong);
            }
        });
        for (int round = 0; round < 40; round++)
        {
            Volatile.Write(ref phase, phase + 1);
            if (round % 2 == 0) memory.MapDevice(Ram, 4 * KiB, new Two());
            else memory.Unmap(Ram, 4 * KiB);
            Await(group);
            Volatile.Write(ref phase, phase + 1);
            int seen = Volatile.Read(ref reads);
            SpinWait.SpinUntil(() => Volatile.Read(ref reads) > seen + 2);
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(members);
        Assert.Equal(0, wrong);
    }

    [Fact]
    public async Task MarksAndDirtyLog_AreKnownToEveryMemberOnceItHasTakenPart()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var group = new MmuGroup(memory);
        PageMapper space = Space(memory);
        using DirtyLog log = memory.StartDirtyLog();
        int told = 0, expected = 0, rounds = 0, number = 0;
        using CodeTracker code = memory.TrackCode(_ => Interlocked.Increment(ref told));
        using var barrier = new Barrier(Members + 1);
        bool marked = false, stop = false;
        Task[] members = Run(group, space, (mmu, member) =>
        {
            ulong page = 0x1000UL * (ulong)Interlocked.Increment(ref number);
            while (true)
            {
                member.Exit();
                barrier.SignalAndWait();
                member.Enter();
                if (Volatile.Read(ref stop)) return;
                int done = 0;
                for (int i = 0; i < 2000; i++)
                {
                    member.Poll();
                    bool mustBeTold = Volatile.Read(ref marked);
                    mmu.TryWrite(page, i, out _);
                    if (mustBeTold) done++;
                }

                Interlocked.Add(ref expected, done);
                member.Exit();
                barrier.SignalAndWait();
                member.Enter();
            }
        });
        for (; rounds < 20; rounds++)
        {
            barrier.SignalAndWait();
            log.Take();
            for (int member = 1; member <= Members; member++) code.Mark(Ram + (0x1000UL * (ulong)(member - 1)), 1);
            Await(group);
            Volatile.Write(ref marked, true);
            barrier.SignalAndWait();
            Volatile.Write(ref marked, false);
            code.Unmark(Ram, Members * 0x1000);
        }

        Volatile.Write(ref stop, true);
        barrier.SignalAndWait();
        await Task.WhenAll(members);
        Assert.True(expected > 0);
        Assert.InRange(told, expected, int.MaxValue);
    }

    [Fact]
    public async Task DirtyLog_TakenWhileMembersRun_HasWhatTheyWriteAfterTheyHaveTakenPart()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var group = new MmuGroup(memory);
        using DirtyLog log = memory.StartDirtyLog();
        int number = 0, round = 0;
        int[] finished = new int[Members];
        bool stop = false;
        Task[] members = Run(group, Space(memory), (mmu, member) =>
        {
            int index = Interlocked.Increment(ref number) - 1;
            while (!Volatile.Read(ref stop))
            {
                member.Poll();
                int now = Volatile.Read(ref round);
                mmu.TryWrite(0x1000UL * (ulong)(index + 1), now, out _);
                Volatile.Write(ref finished[index], now);
            }
        });
        for (int i = 1; i <= 40; i++)
        {
            log.Take();
            Await(group);
            Volatile.Write(ref round, i);
            SpinWait.SpinUntil(() => finished.All(f => f >= i));
            Assert.Equal(Enumerable.Range(0, Members).Select(m => Ram + (0x1000UL * (ulong)m)), log.Take().Select(p => p.Value).Where(p => p >= Ram).Order());
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(members);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void MemoryDisposed_WhileVirtualCpusRun_EndsEachInAnException(bool snapshotsAndLogs)
    {
        for (int round = 0; round < 15; round++)
        {
            PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
            PageMapper space = Space(memory);
            DirtyLog? log = snapshotsAndLogs ? memory.StartDirtyLog() : null;
            using var started = new CountdownEvent(Members);
            Task[] running = [.. Enumerable.Range(0, Members).Select(which => Task.Factory.StartNew(
                () =>
                {
                    using Mmu mmu = Create(memory, space);
                    ulong[] lanes = [.. Enumerable.Range(0, 64).Select(i => 0x1000UL * (ulong)(i % 8))];
                    started.Signal();
                    for (int i = 0; ; i++)
                    {
                        ulong page = 0x1000UL * (ulong)(i % 8);
                        mmu.TryWrite(page, i, out _);
                        mmu.TryRead(page + 8, out int _, out _);
                        if (which == 1) mmu.GatherRead<int>(lanes, new int[64]);
                        if (which == 2 && i % 16 == 0) mmu.InvalidateAll();
                        if (which == 2) mmu.ScatterWrite<int>(lanes, new int[64]);
                    }
                },
                TaskCreationOptions.LongRunning))];
            started.Wait();
            Thread.SpinWait(1000 * round);
            if (round % 3 == 0) log?.Take();
            memory.Dispose();
            foreach (Task task in running)
            {
                Exception? thrown = Record.Exception(() => task.Wait(TimeSpan.FromSeconds(20)));
                Assert.IsType<ObjectDisposedException>(thrown?.InnerException);
            }

            Assert.Throws<ObjectDisposedException>(() => memory.Read<int>(0UL));
        }
    }

    [Fact]
    public void MemoryDisposed_WhileASoftTlbRuns_EndsItInAnException()
    {
        for (int round = 0; round < 15; round++)
        {
            PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
            using var started = new ManualResetEventSlim();
            Task running = Task.Factory.StartNew(
                () =>
                {
                    using var tlb = new SoftTlb(memory, Identity);
                    for (ulong i = 0; ; i++)
                    {
                        tlb.TryWrite((i % 8) << 12, i);
                        tlb.TryRead((i % 8) << 12, out ulong _);
                        if (i == 100) started.Set();
                    }
                },
                TaskCreationOptions.LongRunning);
            started.Wait();
            Thread.SpinWait(1000 * round);
            memory.Dispose();
            Exception? thrown = Record.Exception(() => running.Wait(TimeSpan.FromSeconds(20)));
            Assert.IsType<ObjectDisposedException>(thrown?.InnerException);
        }
    }

    [Fact]
    public void Restore_IsHeardOfByASoftTlb_WhichAsksBeforeItsNextWrite()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using var tlb = new SoftTlb(memory, Identity);
        var machine = new Machine(memory);
        using Snapshot clean = machine.TakeSnapshot();
        for (int round = 1; round < 4; round++)
        {
            Assert.True(tlb.TryWrite(0x5000, round));
            Assert.Equal(round, memory.Read<int>(0x5000));
            machine.Restore(clean);
            Assert.Equal(0, memory.Read<int>(0x5000));
        }
    }

    [Fact]
    public void MmuAndGroup_ThatNobodyUses_AreNotKeptByTheirMemory()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        (WeakReference mmu, WeakReference group) = Abandon(memory);
        for (int i = 0; i < 5 && (mmu.IsAlive || group.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(mmu.IsAlive);
        Assert.False(group.IsAlive);
        memory.MapDevice(Ram, 4 * KiB, new Two());
        using DirtyLog log = memory.StartDirtyLog();
    }

    [Fact]
    public void Group_WithAMember_IsKeptByIt()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        MmuMember member = JoinNewGroup(memory);
        member.Enter();
        Assert.True(member.Mmu.TryRead(0x1000UL, out int value, out _));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        memory.MapDevice(Ram, 4 * KiB, new Two());
        Assert.True(member.Poll());
        Assert.True(member.Mmu.TryRead(0x1000UL, out value, out _));
        Assert.Equal(2, value);
        member.Mmu.Dispose();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static MmuMember JoinNewGroup(PhysicalMemory memory) => new MmuGroup(memory).Join(Create(memory, Space(memory)));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (WeakReference Mmu, WeakReference Group) Abandon(PhysicalMemory memory)
    {
        Mmu mmu = Create(memory, Space(memory));
        mmu.TryWrite(0x1000UL, 1, out _);
        var group = new MmuGroup(memory);
        group.Join(mmu).Dispose();
        return (new(mmu), new(group));
    }

    private static void Await(MmuGroup group)
    {
        ShootdownRequest request = group.Post(Invalidation.Everything);
        SpinWait.SpinUntil(() => request.IsAcknowledged);
    }

    private static Task[] Run(MmuGroup group, PageMapper space, Action<Mmu, MmuMember> body) =>
        [.. Enumerable.Range(0, Members).Select(_ => Task.Factory.StartNew(
            () =>
            {
                using Mmu mmu = Create(group.Memory, space);
                using MmuMember member = group.Join(mmu);
                member.Enter();
                body(mmu, member);
                if (member.IsRunning) member.Exit();
            },
            TaskCreationOptions.LongRunning))];

    // Linear 0x1000 to 0x10000 lead to Ram and on.
    private static PageMapper Space(PhysicalMemory memory)
    {
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BumpFrameAllocator(memory, new PhysicalRange(0x1000, 1 * MiB)));
        space.Map(0UL, Ram - 0x1000, 64 * KiB, Rights.SupervisorAll);
        return space;
    }

    private static Mmu Create(PhysicalMemory memory, PageMapper space)
    {
        var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        return mmu;
    }

    private static bool Identity(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page)
    {
        page = new(linear);
        return true;
    }

    private sealed class Two : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => access.Offset == 0 ? 2UL : 0;

        public void Write(in DeviceAccess access, ulong value)
        {
        }
    }
}
