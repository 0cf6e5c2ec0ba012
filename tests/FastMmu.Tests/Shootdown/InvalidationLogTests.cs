using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Shootdown;

/// <summary>The protocol by which processors hear of changed page tables, in every order in which its steps can happen.</summary>
public sealed class InvalidationLogTests
{
    private static readonly Invalidation Page = Invalidation.OfPages(new LinearRange(0x1000, 4096));

    /// <summary>A frame that is freed once a shootdown is acknowledged is used by nobody: in all orders of all steps.</summary>
    [Fact]
    public void AcknowledgedShootdown_InEveryInterleaving_LeavesNoUseOfTheOldFrame()
    {
        int tried = Interleaving.Explore(() =>
        {
            var world = new World();
            Processor processor = world.Add();
            processor.EnterAlone();
            return
            [
                () =>
                {
                    processor.Use();
                    processor.Poll();
                    processor.Use();
                    processor.Exit();
                },
                () => world.Remap(),
            ];
        });
        Assert.InRange(tried, 500, 100_000);
    }

    /// <summary>As above, for one that parks and comes back with what it had cached.</summary>
    [Fact]
    public void ProcessorThatParks_InEveryInterleaving_DropsBeforeItUsesAgain()
    {
        int tried = Interleaving.Explore(() =>
        {
            var world = new World();
            Processor processor = world.Add();
            processor.EnterAlone();
            return
            [
                () =>
                {
                    processor.Exit();
                    processor.Enter();
                    processor.Use();
                    processor.Exit();
                },
                () => world.Remap(),
            ];
        });
        Assert.InRange(tried, 200, 100_000);
    }

    /// <summary>Two processors that both change tables and wait for each other come to an end, with two more that only run.</summary>
    [Fact]
    public void ProcessorsShootingAtEachOther_InManyInterleavings_AllEndAndUseNoOldFrame()
    {
        Interleaving.Explore(
            () =>
            {
                var world = new World();
                Processor[] processors = [.. Enumerable.Range(0, 3).Select(_ => world.Add())];
                return
                [
                    () => Change(world, processors[0]),
                    () => Change(world, processors[1]),
                    () =>
                    {
                        processors[2].Enter();
                        for (int i = 0; i < 4; i++)
                        {
                            processors[2].Use();
                            processors[2].Poll();
                        }

                        processors[2].Exit();
                    },
                ];

                static void Change(World world, Processor processor)
                {
                    processor.Enter();
                    processor.Use();
                    world.Remap(processor);
                    processor.Use();
                    world.Remap(processor);
                    processor.Exit();
                }
            },
            sample: 150);
    }

    [Fact]
    public void Schedules_OfAProtocolWithoutAcknowledgement_FindTheUseOfAnOldFrame()
    {
        Assert.Throws<InvalidOperationException>(() => Interleaving.Explore(() =>
        {
            var world = new World();
            Processor processor = world.Add();
            return
            [
                () =>
                {
                    processor.Enter();
                    processor.Use();
                    processor.Use();
                    processor.Exit();
                },
                () => world.Remap(waits: false),
            ];
        }));
    }

    [Fact]
    public void Reader_AWholeRingBehind_DropsEverything()
    {
        var log = new InvalidationLog<NoInterleavingPoints>();
        var reader = log.Join();
        var target = new Recorder();
        reader.Enter(ref target);
        target.Dropped.Clear();
        for (int i = 0; i < InvalidationLog<NoInterleavingPoints>.Slots; i++) log.Post(Invalidation.OfPcid(i));
        reader.Take(ref target);
        Assert.Equal(Enumerable.Range(0, InvalidationLog<NoInterleavingPoints>.Slots).Select(i => Invalidation.OfPcid(i)), target.Dropped);

        target.Dropped.Clear();
        long last = 0;
        for (int i = 0; i <= InvalidationLog<NoInterleavingPoints>.Slots; i++) last = log.Post(Invalidation.OfPcid(i));
        Assert.False(log.IsAcknowledged(last));
        reader.Take(ref target);
        Assert.Equal([Invalidation.Everything], target.Dropped);
        Assert.True(log.IsAcknowledged(last));
        Assert.False(reader.Pending);
    }

    [Fact]
    public void Reader_ThatJoins_DropsEverythingFirst()
    {
        var log = new InvalidationLog<NoInterleavingPoints>();
        var reader = log.Join();
        var target = new Recorder();
        reader.Enter(ref target);
        Assert.Equal([Invalidation.Everything], target.Dropped);
        Assert.False(reader.Pending);
    }

    [Fact]
    public void Reader_ThatLeaves_IsWaitedForNoLonger()
    {
        var log = new InvalidationLog<NoInterleavingPoints>();
        var reader = log.Join();
        var target = new Recorder();
        reader.Enter(ref target);
        long number = log.Post(in Page);
        Assert.False(log.IsAcknowledged(number));
        reader.Remove();
        Assert.True(log.IsAcknowledged(number));
    }

    private struct Recorder : IInvalidationTarget
    {
        public Recorder() => Dropped = [];

        public List<Invalidation> Dropped { get; }

        public readonly void Invalidate(in Invalidation what) => Dropped.Add(what);
    }

    /// <summary>One page, the frames that it was mapped to, and which of them are free.</summary>
    private sealed class World
    {
        private readonly bool[] _free = new bool[16];
        private int _frames;

        public InvalidationLog<Interleaving.Points> Log { get; } = new();

        /// <summary>What the page table says.</summary>
        public int Mapped { get; private set; }

        public Processor Add() => new(this, Log.Join());

        /// <summary>Maps the page to another frame, and frees the old one when that may be done.</summary>
        public void Remap(Processor? self = null, bool waits = true)
        {
            Interleaving.Reach();
            int old = Mapped;
            Mapped = ++_frames;
            long number = Log.Post(in Page);
            if (waits)
            {
                self?.Poll();
                // Who waits takes part in what others ask for.
                while (!Log.IsAcknowledged(number))
                {
                    Interleaving.WaitUntil(() => Log.IsAcknowledged(number) || self is { Pending: true });
                    self?.Poll();
                }
            }

            _free[old] = true;
        }

        public void AssertInUse(int frame)
        {
            if (_free[frame]) throw new InvalidOperationException($"Frame {frame} is used after it was freed.");
        }
    }

    /// <summary>A processor with a TLB of one entry.</summary>
    private sealed class Processor(World world, InvalidationLog<Interleaving.Points>.Reader reader)
    {
        private Tlb _tlb;

        public bool Pending => reader.Pending;

        public void Enter() => reader.Enter(ref _tlb);

        /// <summary>Before the schedule begins: enters, and caches.</summary>
        public void EnterAlone()
        {
            reader.Enter(ref _tlb);
            _tlb.Frame = world.Mapped;
        }

        public void Exit() => reader.Exit();

        public void Poll()
        {
            Interleaving.Reach();
            if (reader.Pending) reader.Take(ref _tlb);
        }

        /// <summary>An access: translates, and some time later touches the frame.</summary>
        public void Use()
        {
            Interleaving.Reach();
            int frame = _tlb.Frame ??= world.Mapped;
            Interleaving.Reach();
            world.AssertInUse(frame);
        }
    }

    private struct Tlb : IInvalidationTarget
    {
        public int? Frame;

        public void Invalidate(in Invalidation what) => Frame = null;
    }
}
