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

/// <summary>Groups of SoftTlbs, alone and among MMUs: all of them have their pages from the same page table.</summary>
public sealed class SoftGroupTests : IDisposable
{
    private const ulong Page = 0x7f00_0000_0000;
    private const ulong FirstFrame = 0x200_0000;
    private const ulong Poison = 0xdead_dead_dead_dead;
    private const int Space = 0x3005;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);
    private readonly PageMapper _space;
    private readonly MmuGroup _group;
    private readonly List<IDisposable> _processors = [];
    private readonly ulong _table;

    public SoftGroupTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BitmapFrameAllocator(_memory));
        _space.Map(Page, FirstFrame, 64 * 4096, Rights.UserReadWrite);
        _group = new MmuGroup(_memory);
        _table = _space.Root.Value;
        for (int shift = 39; shift > 12; shift -= 9) _table = _memory.Read<ulong>(_table + (((Page >> shift) & 511) * 8)) & 0xf_ffff_ffff_f000;
    }

    public static TheoryData<InvalidationKind> Kinds => [.. Enum.GetValues<InvalidationKind>()];

    public void Dispose()
    {
        foreach (IDisposable processor in _processors) processor.Dispose();
        _memory.Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Request_OfEachKind_DropsWhatItNamesAndLeavesTheRest(InvalidationKind kind)
    {
        SoftTlb tlb = Create();
        MmuMember member = _group.Join(tlb);
        member.Enter();
        // 0x1005 has the twelve bits of 0x3005; the second page is global.
        foreach (int space in new[] { Space, 0x1005, 7 })
        {
            tlb.Enter(space);
            Assert.Equal("000", New(tlb));
        }

        for (ulong page = 0; page < 3; page++) Redirect(page, 32 + page);
        var range = new LinearRange(Page, 2 * 4096);
        ShootdownRequest request = _group.Post(kind switch
        {
            InvalidationKind.Everything => Invalidation.Everything,
            InvalidationKind.NonGlobal => Invalidation.NonGlobal,
            InvalidationKind.Pcid => Invalidation.OfPcid(5),
            InvalidationKind.Cr3Write => Invalidation.Cr3Write,
            _ => Invalidation.OfPages(range, 5, globals: kind == InvalidationKind.PagesAndGlobals),
        });
        Assert.False(request.IsAcknowledged);
        Assert.True(member.Poll());
        Assert.True(request.IsAcknowledged);

        (string named, string other) = kind switch
        {
            InvalidationKind.Pages => ("110", "000"),
            InvalidationKind.PagesAndGlobals => ("110", "010"),
            InvalidationKind.Pcid => ("111", "000"),
            InvalidationKind.Cr3Write => ("000", "111"),
            _ => ("111", "111"),
        };
        foreach (int space in new[] { Space, 0x1005 })
        {
            tlb.Enter(space);
            Assert.Equal(named, New(tlb));
        }

        tlb.Enter(7);
        Assert.Equal(other, New(tlb));
    }

    [Fact]
    public void Request_OfManyPages_DropsThemAll()
    {
        SoftTlb tlb = Create();
        MmuMember member = _group.Join(tlb);
        member.Enter();
        foreach (ulong length in new ulong[] { 32 * 4096, 65 * 4096, 1UL << 40, ulong.MaxValue })
        {
            foreach (bool globals in new[] { false, true })
            {
                for (ulong page = 0; page < 32; page++) Assert.True(tlb.TryTranslate(Page + (page * 4096), Access.Read, Privilege.User, out _));
                for (ulong page = 0; page < 32; page++) Redirect(page, 63 - page);
                member.ShootDown(Invalidation.OfPages(new LinearRange(Page, length), Space & 0xfff, globals));
                for (ulong page = 0; page < 32; page++) Assert.Equal(FirstFrame + ((63 - page) * 4096), Where(tlb, page));
                for (ulong page = 0; page < 32; page++) Redirect(page, page);
                member.ShootDown(Invalidation.OfPcid(Space & 0xfff));
            }
        }
    }

    [Fact]
    public void Request_WhileTheMemberIsParked_IsAcknowledgedAndDroppedAtEntry()
    {
        SoftTlb tlb = Create();
        using MmuMember member = _group.Join(tlb);
        member.Enter();
        Assert.Equal(FirstFrame, Where(tlb, 0));
        member.Exit();
        Redirect(0, 32);
        Assert.True(_group.Post(Invalidation.OfPages(new LinearRange(Page, 1), Space & 0xfff)).IsAcknowledged);
        member.Enter();
        Assert.Equal(FirstFrame + (32 * 4096), Where(tlb, 0));
    }

    [Fact]
    public void WhatTheMemorySays_IsHeardAtThePoll_AndDirectlyByOneWhoHasLeft()
    {
        SoftTlb tlb = Create();
        MmuMember member = _group.Join(tlb);
        member.Enter();
        Assert.True(tlb.TryWrite(Page, 1));
        Assert.True(tlb.TryReadExclusive(Page + 8, out int _));
        _memory.SetKind(FirstFrame, 4096, MemoryKind.Rom);
        Assert.True(member.Poll());
        Assert.True(tlb.TryWrite(Page, 2));
        Assert.Equal(1, _memory.Read<int>(FirstFrame));
        Assert.True(tlb.TryWriteExclusive(Page + 8, 1, out bool stored));
        Assert.False(stored);
        _memory.SetKind(FirstFrame, 4096, MemoryKind.Ram);
        Assert.True(member.Poll());
        using DirtyLog log = _memory.StartDirtyLog();
        for (int i = 0; i < 3; i++)
        {
            member.Poll();
            Assert.True(tlb.TryWrite(Page, i));
            Assert.Equal([new PhysicalAddress(FirstFrame)], log.Take());
        }

        // Posted, not taken, and heard of all the same.
        member.Dispose();
        Assert.True(tlb.TryWrite(Page, 5));
        Assert.Equal([new PhysicalAddress(FirstFrame)], log.Take());
        Assert.True(tlb.TryWrite(Page, 6));
        Assert.Equal([new PhysicalAddress(FirstFrame)], log.Take());
    }

    [Fact]
    public void PollAndShootDown_Allocate_Nothing()
    {
        MmuMember member = _group.Join(Create());
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

    [Fact]
    public void Members_UsedWrongly_AreRefused()
    {
        using PhysicalMemory other = PhysicalMemory.Create(16 * MiB);
        using var stranger = new SoftTlb(other, Translate);
        Assert.Throws<ArgumentException>(() => _group.Join(stranger));
        SoftTlb tlb = Create();
        MmuMember member = _group.Join(tlb);
        Assert.Same(tlb, member.Target);
        Assert.Throws<InvalidOperationException>(() => member.Mmu);
        member.Enter();
        Assert.Throws<InvalidOperationException>(member.Enter);
    }

    [Fact]
    public void CacheOfTheEmbeddersOwn_IsAskedAsOthersAre()
    {
        var cache = new Recorder();
        MmuMember member = _group.Join(cache);
        member.Enter();
        Assert.Equal([Invalidation.Everything], cache.Asked);
        Invalidation page = Invalidation.OfPages(new LinearRange(Page, 4096));
        ShootdownRequest request = _group.Post(page);
        Assert.False(request.IsAcknowledged);
        member.Poll();
        Assert.True(request.IsAcknowledged);
        _memory.SetKind(FirstFrame, 4096, MemoryKind.Rom);
        member.Poll();
        member.Dispose();
        Assert.Equal([Invalidation.Everything, page, Invalidation.Everything, Invalidation.Everything], cache.Asked);
    }

    /// <summary>What a translator says that has polled on the way is used once, and asked for again.</summary>
    [Fact]
    public void Translator_WhoseMemberPolls_LeavesNothingInTheTable()
    {
        MmuMember? member = null;
        using var tlb = new SoftTlb(_memory, (SoftTlb asks, ulong linear, Access access, Privilege privilege, out SoftPage page) =>
        {
            member!.ShootDown(Invalidation.OfPages(new LinearRange(0, 4096)));
            return Translate(asks, linear, access, privilege, out page);
        });
        member = _group.Join(tlb);
        member.Enter();
        Assert.Equal(FirstFrame, Where(tlb, 0));
        Assert.Empty(tlb.Entries());
        Redirect(0, 32);
        Assert.Equal(FirstFrame + (32 * 4096), Where(tlb, 0));
    }

    /// <summary>
    /// One thread moves a page from frame to frame and poisons the one that it left as soon as all have acknowledged; SoftTlbs and MMUs on other threads read, write and
    /// translate through the page, one at a time and many, park now and then, and must never see the poison. They are told of the page, its address space, or everything.
    /// </summary>
    [Theory]
    [InlineData("s", false)]
    [InlineData("ss", false)]
    [InlineData("sm", false)]
    [InlineData("sm", true)]
    public void RemappedPage_UnderReadersOnOtherThreads_IsNeverReadInItsOldFrame(string readers, bool readersRemapToo)
    {
        const int moves = 300;
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        for (ulong frame = 0; frame < 64; frame++) _memory.Write(FirstFrame + (frame * 4096), frame);
        for (ulong page = 0; page < 4; page++) Redirect(page, 2 * page);
        int stale = 0, running = readers.Length;
        Thread[] threads = [.. readers.Select((kind, i) => new Thread(() => Read(kind == 's' ? new OfTlb(Create()) : new OfMmu(CreateMmu()), i)))];
        foreach (Thread thread in threads) thread.Start();
        var mover = new OfTlb(Create());
        MmuMember own = _group.Join(mover.Target);
        own.Enter();
        for (int move = 0; move < moves && !stop.IsCancellationRequested; move++) Move(mover, own, page: 0, (ulong)move);
        int done = Volatile.Read(ref stale);
        own.Exit();
        stop.Cancel();
        foreach (Thread thread in threads) Assert.True(thread.Join(TimeSpan.FromSeconds(30)));
        Assert.Equal((0, 0, 0), (done, stale, running));

        void Move(IProcessor processor, MmuMember member, ulong page, ulong move)
        {
            ulong to = (2 * page) + ((move + 1) & 1), from = (2 * page) + (move & 1);
            _memory.Write(FirstFrame + (to * 4096), move);
            Redirect(page, to);
            member.ShootDown((move % 4) switch
            {
                0 => Invalidation.OfPcid(Space & 0xfff),
                1 => Invalidation.Everything,
                _ => Invalidation.OfPages(new LinearRange(Page + (page * 4096), 4096), Space & 0xfff),
            });
            _memory.Write(FirstFrame + (from * 4096), Poison);
            if (processor.Read(Page + (page * 4096)) != move) Interlocked.Increment(ref stale);
        }

        void Read(IProcessor processor, int number)
        {
            using MmuMember member = _group.Join(processor.Target);
            ulong[] linear = [.. Enumerable.Repeat(Page, 40)];
            var values = new ulong[40];
            for (ulong i = 0; !stop.IsCancellationRequested; i++)
            {
                member.Enter();
                for (int access = 0; access < 50; access++)
                {
                    if (processor.Read(Page) == Poison) Interlocked.Increment(ref stale);
                    if (access % 10 == 0)
                    {
                        processor.Gather(linear, values);
                        if (values.Contains(Poison)) Interlocked.Increment(ref stale);
                    }

                    member.Poll();
                }

                if (readersRemapToo) Move(processor, member, page: 1 + (ulong)number, i);
                member.Exit();
            }

            Interlocked.Decrement(ref running);
        }
    }

    private static ulong Where(SoftTlb tlb, ulong page)
    {
        Assert.True(tlb.TryTranslate(Page + (page * 4096), Access.Read, Privilege.User, out PhysicalAddress physical));
        return physical.Value;
    }

    private static string New(SoftTlb tlb) =>
        string.Concat(Enumerable.Range(0, 3).Select(page => Where(tlb, (ulong)page) >= FirstFrame + (32 * 4096) ? '1' : '0'));

    private SoftTlb Create()
    {
        var tlb = new SoftTlb(_memory, Translate);
        tlb.Enter(Space);
        lock (_processors) _processors.Add(tlb);
        return tlb;
    }

    // PCIDs are on, so that what is posted for the address space is for the MMU's too.
    private Mmu CreateMmu()
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        lock (_processors) _processors.Add(mmu);
        Assert.Equal(MmuFault.None, mmu.EnablePaging(_space.Root));
        Assert.Equal(MmuFault.None, mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PcideBit));
        Assert.Equal(MmuFault.None, mmu.WriteCr3(_space.Root.Value | (Space & 0xfff)));
        mmu.SetCpl(3);
        return mmu;
    }

    private bool Translate(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page)
    {
        ulong number = (linear - Page) >> 12;
        page = new(
            (_memory.Read<ulong>(Entry(number % 512)) & 0xf_ffff_ffff_f000) | (linear & 0xfff), Shift: 12, number == 1 ? Rights.UserReadWrite | Rights.Global : Rights.UserReadWrite);
        return number < 64;
    }

    private ulong Entry(ulong page) => _table + ((((Page >> 12) & 511) + page) * 8);

    private void Redirect(ulong page, ulong frame) =>
        _memory.Write(Entry(page), (_memory.Read<ulong>(Entry(page)) & ~0xf_ffff_ffff_f000UL) | (FirstFrame + (frame * 4096)));

    private interface IProcessor
    {
        IInvalidationTarget Target { get; }

        ulong Read(ulong linear);

        void Gather(ulong[] linear, ulong[] values);
    }

    private sealed class OfTlb(SoftTlb tlb) : IProcessor
    {
        public IInvalidationTarget Target => tlb;

        public ulong Read(ulong linear)
        {
            Assert.True(tlb.TryRead(linear, out ulong value));
            return value;
        }

        public void Gather(ulong[] linear, ulong[] values) => Assert.Equal(linear.Length, tlb.GatherRead<ulong>(linear, values).Translated);
    }

    private sealed class OfMmu(Mmu mmu) : IProcessor
    {
        public IInvalidationTarget Target => mmu;

        public ulong Read(ulong linear)
        {
            Assert.True(mmu.TryRead(linear, out ulong value, out _));
            return value;
        }

        public void Gather(ulong[] linear, ulong[] values) => Assert.Equal(linear.Length, mmu.GatherRead<ulong>(linear, values).Translated);
    }

    private sealed class Recorder : IInvalidationTarget
    {
        internal List<Invalidation> Asked { get; } = [];

        public void Invalidate(in Invalidation what) => Asked.Add(what);
    }
}
