using FastMmu.Memory;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Shootdown;

/// <summary>What stands behind addresses changes while a virtual CPU uses them through what it has cached, in the orders in which the steps of both can happen.</summary>
public sealed class RemappingInterleavingTests
{
    private const ulong Page = 0x3000;
    private const int InRam = 1, InDevice = 2;

    /// <summary>A device comes before RAM: who reads gets the one or the other, and the device once the group has taken part.</summary>
    [Fact]
    public void DeviceBeforeRam_ForAReader_IsThereOnceTheGroupHasTakenPart()
    {
        int tried = Explore((world, processor) => ReaderBeside(
            world, processor, InDevice, "RAM is read where a device is", () => world.Memory.MapDevice<Interleaving.Points>(Page, 4 * KiB, world.Device)));
        Assert.InRange(tried, 150, 10_000);
    }

    /// <summary>A device goes: its RAM, with the bytes that it had, is read once the group has taken part.</summary>
    [Fact]
    public void DeviceThatGoes_ForAReader_IsNotAskedOnceTheGroupHasTakenPart()
    {
        int tried = Explore((world, processor) =>
        {
            world.Memory.MapDevice(Page, 4 * KiB, world.Device);
            return ReaderBeside(world, processor, InRam, "a device is asked that has gone", () => world.Memory.Unmap<Interleaving.Points>(Page, 4 * KiB));
        });
        Assert.InRange(tried, 150, 10_000);
    }

    /// <summary>Every write lands in one place: in the device, or in the RAM behind it, which gets none once the group has taken part.</summary>
    [Fact]
    public void DeviceBeforeRam_ForAWriter_TakesEachWriteOrLeavesItToRam()
    {
        int tried = Explore((world, processor) =>
        {
            int behind = 0;
            bool changed = false;
            return
            [
                () =>
                {
                    for (int i = 1; i <= 2; i++)
                    {
                        processor.Poll();
                        int ram = world.Backing, device = world.Device.Writes;
                        processor.Write(Page, 10 * i);
                        bool inRam = world.Backing == 10 * i && world.Backing != ram;
                        Check(inRam != (world.Device.Writes == device + 1), "a write has landed in both places or in none");
                    }

                    processor.Exit();
                },
                () =>
                {
                    world.Memory.MapDevice<Interleaving.Points>(Page, 4 * KiB, world.Device);
                    world.Group.Await();
                    behind = world.Backing;
                    changed = true;
                },
                () =>
                {
                    Interleaving.WaitUntil(() => changed && processor.IsParked);
                    Check(world.Backing == behind, "RAM behind a device was written");
                },
            ];
        });
        Assert.InRange(tried, 150, 10_000);
    }

    /// <summary>RAM becomes ROM, as by a bridge's shadowing register: once the group has taken part, what it holds stays.</summary>
    [Fact]
    public void RamThatBecomesRom_ForAWriter_StaysAsItIsOnceTheGroupHasTakenPart()
    {
        int tried = Explore((world, processor) =>
        {
            int kept = -1;
            return
            [
                () =>
                {
                    for (int i = 1; i <= 2; i++)
                    {
                        processor.Poll();
                        processor.Write(Page, 10 * i);
                    }

                    processor.Exit();
                },
                () =>
                {
                    world.Memory.SetKind<Interleaving.Points>(Page, 4 * KiB, MemoryKind.Rom);
                    world.Group.Await();
                    kept = world.Backing;
                },
                () =>
                {
                    Interleaving.WaitUntil(() => kept >= 0 && processor.IsParked);
                    Check(world.Backing == kept, "ROM was written");
                },
            ];
        });
        Assert.InRange(tried, 150, 10_000);
    }

    /// <summary>Without waiting for the group the same schedules find the read that still goes to RAM: they can tell.</summary>
    [Fact]
    public void DeviceBeforeRam_WithoutWaitingForTheGroup_IsMissedInSomeSchedule()
    {
        Assert.Throws<InvalidOperationException>(() => Explore((world, processor) =>
        {
            bool changed = false;
            return
            [
                () =>
                {
                    bool must = changed;
                    Check(processor.Read(Page) == InDevice || !must, "RAM is read where a device is");
                    processor.Exit();
                },
                () =>
                {
                    world.Memory.MapDevice<Interleaving.Points>(Page, 4 * KiB, world.Device);
                    changed = true;
                },
            ];
        }));
    }

    /// <summary>A memory that goes while its map changes is gone: no order of the two leaves a way to its bytes.</summary>
    [Fact]
    public void MapThatChangesWhileTheMemoryIsDisposed_LeavesNoWayToIt()
    {
        int tried = Interleaving.Explore(() =>
        {
            PhysicalMemory memory = PhysicalMemory.Create(8 * MiB);
            bool gone = false;
            return
            [
                () =>
                {
                    try
                    {
                        memory.MapDevice<Interleaving.Points>(Page, 4 * KiB, new Device());
                    }
                    catch (ObjectDisposedException)
                    {
                        // It was too late.
                    }

                    if (gone) AssertGone(memory);
                },
                () =>
                {
                    memory.Dispose<Interleaving.Points>();
                    gone = true;
                    AssertGone(memory);
                },
            ];
        });
        Assert.InRange(tried, 8, 10_000);

        static void AssertGone(PhysicalMemory memory)
        {
            Assert.Throws<ObjectDisposedException>(() => memory.Read<int>(4 * MiB));
            Assert.Throws<ObjectDisposedException>(() => memory.Write(4 * MiB, 1));
        }
    }

    // A processor that reads twice, and somebody who changes the map and waits: what is read afterwards is the one thing, and before it either.
    private static Action[] ReaderBeside(World world, SteppedProcessor processor, int afterwards, string stale, Action change)
    {
        bool changed = false;
        return
        [
            () =>
            {
                for (int i = 0; i < 2; i++)
                {
                    processor.Poll();
                    bool must = changed;
                    int value = processor.Read(Page);
                    Check(value is InRam or InDevice, $"{value} is neither what the RAM holds nor what the device says");
                    Check(!must || value == afterwards, stale);
                }

                processor.Exit();
            },
            () =>
            {
                change();
                world.Group.Await();
                changed = true;
            },
        ];
    }

    private static int Explore(Func<World, SteppedProcessor, Action[]> bodies)
    {
        World? world = null;
        int tried = Interleaving.Explore(
            () =>
            {
                world?.Dispose();
                world = new World();
                Action[] made = bodies(world, world.Processor);
                world.Begin();
                return made;
            },
            preemptions: 2);
        world?.Dispose();
        return tried;
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds) throw new InvalidOperationException(otherwise);
    }

    private sealed class World : IDisposable
    {
        public World()
        {
            Memory.Write(Page, InRam);
            Group = new SteppedGroup(Memory);
            Processor = new SteppedProcessor(Group, new Mmu(Memory, ProcessorFeatures.Zen4));
        }

        public PhysicalMemory Memory { get; } = PhysicalMemory.Create(2 * MiB);

        public SteppedGroup Group { get; }

        public SteppedProcessor Processor { get; }

        public Device Device { get; } = new();

        /// <summary>What the RAM holds, whatever stands before it.</summary>
        public int Backing => BitConverter.ToInt32(Memory.BackingOf(Page, 4));

        /// <summary>The processor runs, and has cached the page for reads and writes.</summary>
        public void Begin()
        {
            Processor.Enter();
            int value = Processor.Read(Page);
            if (value == InRam) Processor.Write(Page, InRam);
        }

        public void Dispose()
        {
            Processor.Dispose();
            Memory.Dispose();
        }
    }

    private sealed class Device : IMemoryDevice
    {
        public int Writes { get; private set; }

        public ulong Read(in DeviceAccess access) => InDevice;

        public void Write(in DeviceAccess access, ulong value)
        {
            Interleaving.Reach();
            Writes++;
        }
    }
}
