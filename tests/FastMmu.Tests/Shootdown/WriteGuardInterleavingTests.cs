using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Tlb;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Shootdown;

/// <summary>
/// Logs, snapshots and marks of code guard pages that virtual CPUs write meanwhile: in the orders in which the steps of both can happen, each write comes before the
/// guard or is heard of.
/// </summary>
public sealed class WriteGuardInterleavingTests
{
    private const ulong Page = 0x3000;

    /// <summary>What a migration does: copies the pages that a log names, round after round while the processor runs, and once more when it stands still.</summary>
    [Fact]
    public void DirtyLog_TakenWhileAProcessorWrites_LeadsToATrueCopy()
    {
        int tried = Explore(Migration(waits: true));
        Assert.InRange(tried, 150, 10_000);
    }

    /// <summary>Without waiting for the group a write is missed in some schedule, and found to be.</summary>
    [Fact]
    public void DirtyLog_TakenWithoutWaitingForTheGroup_MissesAWriteInSomeSchedule() =>
        Assert.Throws<InvalidOperationException>(() => Explore(Migration(waits: false)));

    /// <summary>A log that begins while a processor writes has all that it writes after its next safe point.</summary>
    [Fact]
    public void DirtyLog_ThatBeginsWhileAProcessorWrites_HasWhatComesAfterItsNextSafePoint()
    {
        int tried = Explore(world =>
        {
            SteppedProcessor processor = world.Add();
            world.Begun += () => processor.Write(Page, 0);
            bool armed = false, written = false;
            DirtyLog? log = null;
            return
            [
                () =>
                {
                    for (int i = 1; i <= 2; i++)
                    {
                        processor.Poll();
                        bool must = armed;
                        processor.Write(Page, i);
                        written |= must;
                    }

                    processor.Exit();
                },
                () =>
                {
                    log = world.Memory.StartDirtyLog<Interleaving.Points>();
                    world.Group.Await();
                    armed = true;
                    Interleaving.WaitUntil(() => processor.IsParked);
                    Check(!written || log.Take().Contains(new PhysicalAddress(Page)), "a write is not in the log");
                },
            ];
        });
        Assert.InRange(tried, 150, 10_000);
    }

    /// <summary>Two logs, one of which is taken while two processors write the same page for the first time: each log has it.</summary>
    [Fact]
    public void DirtyLogs_OfAPageThatTwoProcessorsWriteAtOnce_BothHaveIt()
    {
        int tried = Explore(world =>
        {
            SteppedProcessor first = world.Add(), second = world.Add();
            DirtyLog one = world.Memory.StartDirtyLog(), other = world.Memory.StartDirtyLog();
            var taken = new List<PhysicalAddress>();
            return
            [
                () => WriteAndPark(first, 1),
                () => WriteAndPark(second, 2),
                () =>
                {
                    taken.AddRange(one.Take<Interleaving.Points>());
                    Interleaving.WaitUntil(() => first.IsParked && second.IsParked);
                    taken.AddRange(one.Take());
                    Check(taken.Contains(new(Page)) && other.Take().Contains(new(Page)), "a log does not have the page");
                },
            ];

            static void WriteAndPark(SteppedProcessor processor, int value)
            {
                processor.Write(Page, value);
                processor.Exit();
            }
        },
        preemptions: 1);
        Assert.InRange(tried, 50, 10_000);
    }

    /// <summary>
    /// A snapshot is taken while processors are parked that had the page cached for writes; then both write it for the first time, at once. A restore has the bytes of
    /// the snapshot, and each processor sees them when it runs again.
    /// </summary>
    [Fact]
    public void Snapshot_OfAPageThatTwoProcessorsWriteAtOnce_HasItsBytes()
    {
        int tried = Explore(world =>
        {
            SteppedProcessor first = world.Add(), second = world.Add();
            MemoryVersion? version = null;
            world.Begun += () =>
            {
                first.Write(Page, 10);
                first.Exit();
                second.Write(Page, 20);
                second.Exit();
                version = world.Memory.TakeVersion();
            };
            return
            [
                () => Run(first, 11),
                () => Run(second, 21),
                () =>
                {
                    Interleaving.WaitUntil(() => first.Entries == 2 && second.Entries == 2 && first.IsParked && second.IsParked);
                    Check(world.Bytes is 11 or 21, "nobody has written");
                    world.Memory.RestoreVersion(version!);
                    Check(world.Bytes == 20, "a write came before the snapshot had kept the page");
                    first.Enter();
                    second.Enter();
                    Check(first.Read(Page) == 20 && second.Read(Page) == 20, "a processor reads what the restore has undone");
                },
            ];

            static void Run(SteppedProcessor processor, int value)
            {
                processor.Enter();
                processor.Write(Page, value);
                processor.Exit();
            }
        },
        preemptions: 1);
        Assert.InRange(tried, 30, 10_000);
    }

    /// <summary>
    /// A translator marks bytes, waits for the group, reads them, and does so again if it was told meanwhile: what it keeps in the end is what memory holds, or it was told.
    /// </summary>
    [Fact]
    public void MarkedCode_TranslatedWhileAProcessorWrites_IsTrueOrToldOf()
    {
        int tried = Explore(Translation(looksAgain: true));
        Assert.InRange(tried, 150, 10_000);
    }

    /// <summary>
    /// The handler is called before the write lands: whoever is told of bytes that it is just reading, and does not look again, keeps what they were.
    /// </summary>
    [Fact]
    public void MarkedCode_ReadOnceAlthoughTheHandlerWasCalled_IsStaleInSomeSchedule() =>
        Assert.Throws<InvalidOperationException>(() => Explore(Translation(looksAgain: false)));

    /// <summary>Two translators mark the same block at once: the second one may not believe in a guard that the first one has yet to put up.</summary>
    [Fact]
    public void MarkedCode_ByTwoTranslatorsAtOnce_IsGuardedForBoth()
    {
        int tried = Explore(world =>
        {
            SteppedProcessor processor = world.Add();
            world.Begun += () => processor.Write(Page, 1);
            int told = 0;
            bool ready = false;
            CodeTracker code = world.Memory.TrackCode(_ => told++);
            return
            [
                () =>
                {
                    while (!ready)
                    {
                        Interleaving.WaitUntil(() => ready || processor.IsAsked);
                        processor.Poll();
                    }

                    processor.Write(Page, 2);
                    Check(told == 1, "a write of marked bytes was not told of");
                    processor.Exit();
                },
                () => world.Memory.MarkCode<Interleaving.Points>(code, Page, 4),
                () =>
                {
                    world.Memory.MarkCode<Interleaving.Points>(code, Page, 4);
                    // Taking part in anything is enough: what drops the page comes from the marking.
                    world.Group.Await(Invalidation.OfPcid(5));
                    ready = true;
                },
            ];
        },
        preemptions: 1);
        Assert.InRange(tried, 30, 10_000);
    }

    private static Func<World, Action[]> Migration(bool waits) => world =>
    {
        SteppedProcessor processor = world.Add();
        DirtyLog log = world.Memory.StartDirtyLog();
        world.Begun += () => processor.Write(Page, 1);
        int copy = -1;
        return
        [
            () =>
            {
                for (int i = 2; i <= 3; i++)
                {
                    processor.Poll();
                    processor.Write(Page, i);
                }

                processor.Exit();
            },
            () =>
            {
                Copy(log.Take<Interleaving.Points>());
                Interleaving.WaitUntil(() => processor.IsParked);
                Copy(log.Take());
                Check(copy == world.Bytes, "the copy is not what memory holds");
            },
        ];

        void Copy(PhysicalAddress[] pages)
        {
            if (waits) world.Group.Await();
            if (pages.Contains(new(Page))) copy = world.Bytes;
        }
    };

    private static Func<World, Action[]> Translation(bool looksAgain) => world =>
    {
        SteppedProcessor processor = world.Add();
        world.Begun += () => processor.Write(Page, 1);
        int told = 0;
        int? translated = null;
        CodeTracker code = world.Memory.TrackCode(_ =>
        {
            told++;
            translated = null;
        });
        return
        [
            () =>
            {
                for (int i = 2; i <= 3; i++)
                {
                    processor.Poll();
                    processor.Write(Page, i);
                }

                processor.Exit();
            },
            () =>
            {
                int before;
                do
                {
                    before = told;
                    world.Memory.MarkCode<Interleaving.Points>(code, Page, 4);
                    world.Group.Await();
                    int bytes = world.Bytes;
                    Interleaving.Reach();
                    if (told == before || !looksAgain) translated = bytes;
                }
                while (told != before && looksAgain);
                Interleaving.WaitUntil(() => processor.IsParked);
                Check(translated is null || translated == world.Bytes, "what was translated is not what memory holds");
            },
        ];
    };

    private static int Explore(Func<World, Action[]> bodies, int preemptions = 2)
    {
        World? world = null;
        int tried = Interleaving.Explore(
            () =>
            {
                world?.Dispose();
                world = new World();
                Action[] made = bodies(world);
                world.Begin();
                return made;
            },
            preemptions: preemptions);
        world?.Dispose();
        return tried;
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds) throw new InvalidOperationException(otherwise);
    }

    private sealed class World : IDisposable
    {
        private readonly List<SteppedProcessor> _processors = [];

        public World() => Group = new SteppedGroup(Memory);

        public event Action? Begun;

        public PhysicalMemory Memory { get; } = PhysicalMemory.Create(2 * MiB);

        public SteppedGroup Group { get; }

        public int Bytes => BitConverter.ToInt32(Memory.BackingOf(Page, 4));

        public SteppedProcessor Add()
        {
            _processors.Add(new SteppedProcessor(Group, new Mmu(Memory, ProcessorFeatures.Zen4)));
            return _processors[^1];
        }

        /// <summary>The processors run, and have cached the page for reads.</summary>
        public void Begin()
        {
            foreach (SteppedProcessor processor in _processors)
            {
                processor.Enter();
                processor.Read(Page);
            }

            Begun?.Invoke();
        }

        public void Dispose()
        {
            foreach (SteppedProcessor processor in _processors) processor.Dispose();
            Memory.Dispose();
        }
    }
}
