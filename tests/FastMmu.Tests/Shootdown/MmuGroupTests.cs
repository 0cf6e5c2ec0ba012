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

public sealed class MmuGroupTests : IDisposable
{
    private const ulong Page = 0x7f00_0000_0000;
    private const ulong FirstFrame = 0x200_0000;
    private const ulong Poison = 0xdead_dead_dead_dead;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);
    private readonly PageMapper _space;
    private readonly MmuGroup _group;
    private readonly List<Mmu> _mmus = [];

    public MmuGroupTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BitmapFrameAllocator(_memory));
        _space.Map(Page, FirstFrame, 64 * 4096, Rights.UserReadWrite);
        _group = new MmuGroup(_memory);
    }

    public void Dispose()
    {
        foreach (Mmu mmu in _mmus) mmu.Dispose();
        _memory.Dispose();
    }

    public static TheoryData<InvalidationKind> Kinds => [.. Enum.GetValues<InvalidationKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Request_OfEachKind_DropsWhatItNamesAndLeavesTheRest(InvalidationKind kind)
    {
        // Only the TLB caches where hits are counted: what it keeps is known exactly.
        MmuMember member = _group.Join(Create(new MmuOptions { Statistics = true }));
        Mmu mmu = member.Mmu;
        mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PcideBit);
        _space.SetAttributes(Page + 0x1000, 4096, new PageAttributes(Rights.UserReadWrite | Rights.Global));
        member.Enter();
        mmu.WriteCr3(_space.Root.Value | 5);
        Cache(mmu);
        mmu.WriteCr3(_space.Root.Value | 7);
        Cache(mmu);
        for (ulong page = 0; page < 3; page++) Redirect(page, 32 + page);

        var range = new LinearRange(Page, 2 * 4096);
        _group.Post(kind switch
        {
            InvalidationKind.Everything => Invalidation.Everything,
            InvalidationKind.NonGlobal => Invalidation.NonGlobal,
            InvalidationKind.Pcid => Invalidation.OfPcid(5),
            InvalidationKind.Cr3Write => Invalidation.Cr3Write,
            _ => Invalidation.OfPages(range, 5, globals: kind == InvalidationKind.PagesAndGlobals),
        });
        Assert.True(member.Poll());

        // Which of the three pages, the second of them global, are new: in the PCID that was named and does not run, and in the other.
        (string named, string other) = kind switch
        {
            InvalidationKind.Everything => ("111", "111"),
            InvalidationKind.NonGlobal => ("101", "101"),
            InvalidationKind.Pcid => ("101", "000"),
            InvalidationKind.Cr3Write => ("000", "101"),
            InvalidationKind.Pages => ("100", "000"),
            _ => ("110", "010"),
        };
        mmu.WriteCr3((1UL << 63) | _space.Root.Value | 5);
        Assert.Equal(named, New(mmu));
        mmu.WriteCr3((1UL << 63) | _space.Root.Value | 7);
        Assert.Equal(other, New(mmu));
    }

    [Fact]
    public void Request_WhileTheMemberIsParked_IsAcknowledgedAndDroppedAtEntry()
    {
        MmuMember member = Join();
        member.Enter();
        Assert.Equal(FirstFrame, member.Mmu.Translate(Page).Physical.Value);
        member.Exit();
        Redirect(0, 32);
        Assert.True(_group.Post(Invalidation.OfPages(new LinearRange(Page, 1))).IsAcknowledged);
        Assert.True(default(ShootdownRequest).IsAcknowledged);
        member.Enter();
        Assert.Equal(FirstFrame + (32 * 4096), member.Mmu.Translate(Page).Physical.Value);
    }

    [Fact]
    public void Request_OfManyPages_DropsThemAll()
    {
        MmuMember member = Join();
        member.Enter();
        for (ulong page = 0; page < 32; page++) member.Mmu.Translate(Page + (page * 4096));
        for (ulong page = 0; page < 32; page++) Redirect(page, 63 - page);
        foreach (ulong length in new ulong[] { 32 * 4096, 33 * 4096, 1UL << 40, ulong.MaxValue })
        {
            member.ShootDown(Invalidation.OfPages(new LinearRange(Page, length)));
            for (ulong page = 0; page < 32; page++) Assert.Equal(FirstFrame + ((63 - page) * 4096), member.Mmu.Translate(Page + (page * 4096)).Physical.Value);
        }
    }

    [Fact]
    public void AMemberThatHasLeft_DoesNotComeBack_AndTakesNobodyElseOut()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        var group = new MmuGroup(memory);
        MmuMember left = group.Join(mmu);
        left.Enter();
        Assert.Throws<InvalidOperationException>(() => group.Join(mmu));
        Assert.Throws<InvalidOperationException>(() => new MmuGroup(memory).Join(mmu));
        left.Dispose();
        Assert.False(left.IsRunning);
        Assert.Throws<ObjectDisposedException>(left.Enter);

        using MmuMember member = group.Join(mmu);
        left.Dispose();
        Assert.Same(group, mmu.JoinedGroup);
    }

    [Fact]
    public void Members_UsedWrongly_AreRefused()
    {
        using PhysicalMemory other = PhysicalMemory.Create(16 * MiB);
        using var stranger = new Mmu(other, ProcessorFeatures.Zen4);
        Assert.Throws<ArgumentException>(() => _group.Join(stranger));
        Assert.Throws<ArgumentNullException>(() => _group.Join(null!));
        MmuMember member = Join();
        member.Enter();
        Assert.Throws<InvalidOperationException>(member.Enter);
        Assert.Throws<ArgumentOutOfRangeException>(() => Invalidation.OfPcid(4096));
    }

    [Fact]
    public void PollAndShootDown_Allocate_Nothing()
    {
        MmuMember member = Join();
        member.Enter();
        Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Once();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Once()
        {
            member.Poll();
            member.ShootDown(Invalidation.OfPages(new LinearRange(Page, 4096)));
            _group.Post(Invalidation.OfPcid(3));
        }
    }

    /// <summary>
    /// One thread moves a page from frame to frame and poisons the one that it left as soon as all have acknowledged; others read through the page,
    /// one at a time and in gathers, park now and then, and must never see the poison.
    /// </summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(1, true)]
    public void RemappedPage_UnderReadersOnOtherThreads_IsNeverReadInItsOldFrame(int readers, bool readersRemapToo)
    {
        const int moves = 300;
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        for (ulong frame = 0; frame < 64; frame++) _memory.Write(FirstFrame + (frame * 4096), frame);
        int stale = 0, running = readers;
        Thread[] threads = [.. Enumerable.Range(0, readers).Select(i => new Thread(() => Read(Join(), i)))];
        foreach (Thread thread in threads) thread.Start();
        MmuMember mover = Join();
        mover.Enter();
        for (int move = 0; move < moves && !stop.IsCancellationRequested; move++) Move(mover, page: 0, (ulong)move);
        int done = Volatile.Read(ref stale);
        mover.Exit();
        stop.Cancel();
        foreach (Thread thread in threads) Assert.True(thread.Join(TimeSpan.FromSeconds(30)));
        Assert.Equal((0, 0, 0), (done, stale, running));

        // Frames 0 and 1 of page 0, 2 and 3 of page 1, and so on.
        void Move(MmuMember member, ulong page, ulong move)
        {
            ulong to = (2 * page) + ((move + 1) & 1), from = (2 * page) + (move & 1);
            _memory.Write(FirstFrame + (to * 4096), move);
            Redirect(page, to);
            member.ShootDown(Invalidation.OfPages(new LinearRange(Page + (page * 4096), 4096)));
            _memory.Write(FirstFrame + (from * 4096), Poison);
            if (!member.Mmu.TryRead(Page + (page * 4096), out ulong value, out _) || value != move) Interlocked.Increment(ref stale);
        }

        void Read(MmuMember member, int number)
        {
            ulong[] linear = [.. Enumerable.Repeat(Page, 40)];
            var values = new ulong[40];
            for (ulong i = 0; !stop.IsCancellationRequested; i++)
            {
                member.Enter();
                for (int access = 0; access < 50; access++)
                {
                    member.Mmu.TryRead(Page, out ulong value, out _);
                    if (value == Poison) Interlocked.Increment(ref stale);
                    if (access % 10 == 0)
                    {
                        member.Mmu.GatherRead<ulong>(linear, values);
                        if (values.Contains(Poison)) Interlocked.Increment(ref stale);
                    }

                    member.Poll();
                }

                if (readersRemapToo) Move(member, page: 1 + (ulong)number, i);
                member.Exit();
            }

            Interlocked.Decrement(ref running);
        }
    }

    /// <summary>Both processors set accessed and dirty bits in the same tables while one of them changes other bits: none is lost.</summary>
    [Fact]
    public void AccessedAndDirtyBits_SetByTwoThreadsAtOnce_AreAllThere()
    {
        for (int round = 0; round < 20; round++)
        {
            _space.SetAttributes(Page, 64 * 4096, new PageAttributes(Rights.UserReadWrite));
            Mmu[] mmus = [Create(), Create()];
            using var barrier = new Barrier(2);
            Thread[] threads = [.. mmus.Select((mmu, i) => new Thread(() =>
            {
                barrier.SignalAndWait();
                for (ulong page = 0; page < 64; page++)
                {
                    if (i == 0) mmu.Translate(Page + (page * 4096), Access.Read);
                    else mmu.Translate(Page + (page * 4096), Access.Write);
                }
            }))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
            foreach (MappedPage page in _space.View().Pages()) Assert.True(page.Accessed && page.Dirty);
        }
    }

    private MmuMember Join() => _group.Join(Create());

    private Mmu Create(MmuOptions? options = null)
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, options);
        lock (_mmus) _mmus.Add(mmu);
        Assert.Equal(MmuFault.None, mmu.EnablePaging(_space.Root));
        return mmu;
    }

    private static void Cache(Mmu mmu)
    {
        for (ulong page = 0; page < 3; page++) Assert.Equal(FirstFrame + (page * 4096), mmu.Translate(Page + (page * 4096)).Physical.Value);
    }

    private static string New(Mmu mmu) =>
        string.Concat(Enumerable.Range(0, 3).Select(page => mmu.Translate(Page + ((ulong)page * 4096)).Physical.Value >= FirstFrame + (32 * 4096) ? '1' : '0'));

    // What a kernel does: one store into the page table.
    private void Redirect(ulong page, ulong frame)
    {
        ulong table = _space.Root.Value;
        ulong linear = Page + (page * 4096);
        for (int shift = 39; shift > 12; shift -= 9) table = _memory.Read<ulong>(table + (((linear >> shift) & 511) * 8)) & 0xf_ffff_ffff_f000;
        ulong entry = table + (((linear >> 12) & 511) * 8);
        _memory.Write(entry, (_memory.Read<ulong>(entry) & ~0xf_ffff_ffff_f000UL) | (FirstFrame + (frame * 4096)));
    }
}
