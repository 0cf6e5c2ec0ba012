using System.Diagnostics;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>A process whose program runs on several virtual CPUs at once, while its memory changes.</summary>
public sealed class SeveralProcessorsTests
{
    private const ulong Pages = 16;
    private const ulong Elsewhere = Base + (64UL << 20);
    private const ulong Poison = 0xdead_dead_dead_dead;
    private const int ReadWrite = 3, ReadOnly = 1;
    private const uint FixedPrivate = MmapFlags.Fixed | MmapFlags.Private | MmapFlags.Anonymous;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private bool _dropping;

    public static TheoryData<string> Changes => ["munmap", "mprotect", "fork", "copy", "dontneed", "mremap"];

    [Theory]
    [MemberData(nameof(Changes))]
    public void Change_OfAPageThatARunningProcessorHas_EndsOnceThatHasDroppedIt(string change)
    {
        using var process = new ProcessFixture();
        object kernel = new();
        var group = new MmuGroup(process.Memory);
        process.Map(Base, 4);
        process.WriteAt(Base, 7);
        AddressSpace? child = null;
        if (change == "copy")
        {
            Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out child));
        }

        ulong frame = process.Tables.Peek(Base).Frame;
        Access access = change is "mprotect" or "fork" ? Access.Write : Access.Read;
        using var cpu = new VirtualCpu(process.Mm, group, kernel);
        using var has = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        Exception? failure = null;
        var runs = new Thread(() => failure = Record.Exception(() =>
        {
            cpu.Member.Enter();
            Assert.True(cpu.TryRead(Base, out _));
            Assert.True(access == Access.Read || cpu.TryWrite(Base, 7));
            has.Set();
            Assert.True(begun.Wait(Patience));
            // The tables have changed, and this processor has not heard: it goes on with the old page, which is nobody else's yet.
            var patience = Stopwatch.StartNew();
            while (cpu.Mmu.Probe(Base, access, Privilege.User).Ok) Assert.True(patience.Elapsed < Patience);
            Assert.Equal(frame, cpu.Mmu.Translate(Base, access, Privilege.User).Physical.Value >> 12);
            Thread.Sleep(20);
            Assert.Equal(7, process.Memory.Read<byte>(frame << 12));
            Volatile.Write(ref _dropping, true);
            cpu.Member.Poll();
            Translation next = cpu.Mmu.Translate(Base, access, Privilege.User);
            Assert.True(!next.Ok || (change == "copy" && next.Physical.Value >> 12 != frame));
            cpu.Member.Exit();
        }));
        runs.Start();
        Assert.True(has.Wait(Patience));
        lock (kernel)
        {
            begun.Set();
            long result = change switch
            {
                "munmap" => process.Mm.Munmap(Base, Page),
                "mprotect" => process.Mm.Mprotect(Base, Page, ReadOnly),
                "fork" => process.Mm.Fork(process.Mm.Context.Copy(), out child),
                "copy" => process.WriteAt(Base, 8).IsResolved ? 0 : -1,
                "dontneed" => process.Mm.Madvise(Base, Page, Advice.DontNeed),
                _ => process.Mm.Mremap(Base, Page, Page, 3, Elsewhere) == (long)Elsewhere ? 0 : -1,
            };
            Assert.True(Volatile.Read(ref _dropping) || failure is not null, "The call did not wait.");
            Assert.Equal(0, result);
        }

        Assert.True(runs.Join(Patience));
        Assert.Null(failure);
        child?.Dispose();
    }

    [Fact]
    public void Change_WhileTheProcessorIsParked_WaitsForNobodyAndIsHeardAtEntry()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 4);
        using var cpu = new VirtualCpu(process.Mm, new MmuGroup(process.Memory), new object());
        cpu.Member.Enter();
        Assert.True(cpu.TryWrite(Base, 7));
        cpu.Member.Exit();
        Assert.Equal(0, process.Mm.Munmap(Base, Page));
        cpu.Member.Enter();
        Assert.False(cpu.Mmu.Translate(Base, Access.Read, Privilege.User).Ok);
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void Change_ByTheThreadOfARunningProcessor_IsHeardByItAtOnce(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        process.Map(Elsewhere, 4);
        using var cpu = new VirtualCpu(process.Mm, new MmuGroup(process.Memory), new object());
        cpu.Member.Enter();
        Assert.True(cpu.TryWrite(Base, 7) && cpu.TryWrite(Elsewhere, 8));
        // With PAE the tables of a gigabyte go, and come again, which the processor sees in CR3 only.
        Assert.Equal(0, process.Mm.Munmap(Base, Elsewhere - Base + (4 * Page)));
        Assert.False(cpu.Mmu.Translate(Base, Access.Read, Privilege.User).Ok);
        process.Map(Base, 4);
        Assert.True(cpu.TryWrite(Base, 9) && cpu.TryRead(Base, out ulong value) && value == 9);
    }

    [Fact]
    public void Mmu_ThatLeavesItsGroup_IsToldDirectly()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 4);
        using var mmu = new Mmu(process.Memory, new ProcessorFeatures());
        process.Mm.Attach(mmu);
        var group = new MmuGroup(process.Memory);
        using (MmuMember member = group.Join(mmu))
        {
            member.Enter();
            Assert.True(process.Mm.TryTranslate(mmu, Base, Access.Write, out _, out _));
            member.Exit();
            Assert.Equal(0, process.Mm.Munmap(Base, Page));
        }

        Assert.False(mmu.Translate(Base, Access.Read, Privilege.User).Ok);
        Assert.True(process.Mm.TryTranslate(mmu, Base + Page, Access.Write, out _, out _));
        Assert.Equal(0, process.Mm.Munmap(Base + Page, Page));
        Assert.False(mmu.Translate(Base + Page, Access.Read, Privilege.User).Ok);
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void NoAccess_ReachesAPageThatWasGivenBackOrMayNotBeWritten(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        object kernel = new();
        var group = new MmuGroup(process.Memory);
        process.Map(Base, Pages);
        var others = Enumerable.Range(0, 2).Select(i => new Hammer(new VirtualCpu(process.Mm, group, kernel), i)).ToList();
        others.ForEach(o => o.Thread.Start());
        var random = new Random(1);
        var clock = Stopwatch.StartNew();
        for (int round = 0; (round < 36 || clock.ElapsedMilliseconds < 150) && clock.Elapsed < Patience && !others.Exists(o => o.Failure is not null); round++)
        {
            Action check;
            lock (kernel)
            {
                check = Change(process, (ulong)random.Next((int)Pages), round % 6);
            }

            others.ForEach(o => o.WaitForOneMore());
            lock (kernel)
            {
                check();
            }
        }

        others.ForEach(o => o.Stop());
        Assert.All(others, o => Assert.Null(o.Failure));
        Assert.All(others, o => Assert.True(o.Cpu.Faults > 10 && o.Rounds > 36, $"{o.Cpu.Faults} faults in {o.Rounds} rounds"));
        others.ForEach(o => o.Cpu.Dispose());
    }

    // Changes something about a page, sees at once that nobody works with what was, and returns what is to be seen a little later.
    private static Action Change(ProcessFixture process, ulong page, int kind)
    {
        AddressSpace mm = process.Mm;
        ulong at = Base + (page * Page);
        switch (kind)
        {
            case 0:
                Assert.Equal(0, mm.Munmap(at, Page));
                Action taken = TakeFreePages(process);
                Assert.Equal((long)at, mm.Mmap(at, Page, ReadWrite, FixedPrivate, -1, 0));
                return taken;
            case 1:
                Assert.Equal(0, mm.Madvise(at, Page, Advice.DontNeed));
                return TakeFreePages(process);
            case 2:
                Assert.Equal(0, mm.Mprotect(at, Page, ReadOnly));
                ulong readOnly = ValueAt(mm, at);
                return () =>
                {
                    Assert.Equal(readOnly, ValueAt(mm, at));
                    Assert.Equal(0, mm.Mprotect(at, Page, ReadWrite));
                };
            case 3:
                Assert.Equal(0, mm.Fork(mm.Context.Copy(), out AddressSpace? child));
                ulong inherited = ValueAt(child!, at);
                return () =>
                {
                    Assert.Equal(inherited, ValueAt(child!, at));
                    child!.Dispose();
                };
            case 4:
                Assert.Equal((long)Elsewhere, mm.Mremap(at, Page, Page, 3, Elsewhere));
                ulong moved = ValueAt(mm, Elsewhere);
                return () =>
                {
                    Assert.Equal(moved, ValueAt(mm, Elsewhere));
                    Assert.Equal((long)at, mm.Mremap(Elsewhere, Page, Page, 3, at));
                };
            default:
                // All of them, and the tables.
                Assert.Equal(0, mm.Munmap(Base, Pages * Page));
                Action all = TakeFreePages(process);
                Assert.Equal((long)Base, mm.Mmap(Base, Pages * Page, ReadWrite, FixedPrivate, -1, 0));
                return all;
        }
    }

    private static ulong ValueAt(AddressSpace mm, ulong address) => mm.Machine.Memory.Read<ulong>(mm.Tables.Peek(address).Frame << 12);

    // Takes the pages that were given back last, as the next who needs some would: nobody may write to them, and who reads them is told.
    private static Action TakeFreePages(ProcessFixture process)
    {
        var frames = new ulong[Pages];
        for (int i = 0; i < frames.Length; i++)
        {
            Assert.True(process.Machine.Pages.TryAllocatePage(out frames[i]));
            process.Memory.Write(frames[i] << 12, Poison);
        }

        return () =>
        {
            foreach (ulong frame in frames)
            {
                Assert.Equal(Poison, process.Memory.Read<ulong>(frame << 12));
                process.Machine.Pages.Put(frame);
            }
        };
    }

    // A processor whose program reads and writes all over the area. A page holds nothing yet, or its own number, below what was counted.
    private sealed class Hammer
    {
        private volatile bool _stop;
        private long _rounds;
        private volatile Exception? _failure;

        public Hammer(VirtualCpu cpu, int seed)
        {
            Cpu = cpu;
            Thread = new Thread(() => _failure = Record.Exception(() => Run(new Random(seed))));
        }

        public VirtualCpu Cpu { get; }

        public Thread Thread { get; }

        public Exception? Failure => _failure;

        public long Rounds => Volatile.Read(ref _rounds);

        public void Stop()
        {
            _stop = true;
            Assert.True(Thread.Join(Patience));
        }

        public void WaitForOneMore()
        {
            long before = Rounds;
            SpinWait.SpinUntil(() => Rounds > before + 1 || Failure is not null, Patience);
        }

        private void Run(Random random)
        {
            Cpu.Member.Enter();
            try
            {
                while (!_stop)
                {
                    ulong page = (ulong)random.Next((int)Pages), at = Base + (page * Page), own = 0x80 | page;
                    if (Cpu.TryRead(at, out ulong value))
                    {
                        Assert.True(value == 0 || (value & 0xff) == own, $"page {page} has {value:x}");
                    }

                    if ((Rounds & 1) == 0)
                    {
                        Cpu.TryWrite(at, ((ulong)Rounds << 8) | own);
                    }

                    Cpu.Member.Poll();
                    Volatile.Write(ref _rounds, _rounds + 1);
                }
            }
            finally
            {
                Cpu.Member.Exit();
            }
        }
    }
}
