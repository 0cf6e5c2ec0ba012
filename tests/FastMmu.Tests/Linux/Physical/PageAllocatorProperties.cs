using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;
using FastMmu.Memory;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Physical;

/// <summary>Laws of the page allocator over random programs of requests and returns, on machines small enough to run dry.</summary>
public sealed class PageAllocatorProperties
{
    private static readonly GfpFlags[] s_requests =
    [
        GfpFlags.Kernel, GfpFlags.HighUserMovable, GfpFlags.Kernel | GfpFlags.Reclaimable, GfpFlags.Atomic, GfpFlags.User | GfpFlags.Dma32,
        GfpFlags.Kernel | GfpFlags.Dma, GfpFlags.HighUserMovable | GfpFlags.Comp, GfpFlags.Kernel | GfpFlags.MemAlloc,
    ];

    // One number a step: which request, which order, or which block goes back.
    private static Arbitrary<int[]> Programs => Gen.Choose(0, int.MaxValue).ArrayOf(400).ToArbitrary();

    [Theory]
    [InlineData(KernelArchitecture.X8664)]
    [InlineData(KernelArchitecture.I386)]
    public void BlocksNeverOverlapAndAllComeBack(KernelArchitecture architecture) => Prop.ForAll(Programs, program =>
    {
        using var memory = new PhysicalMemory([new(0x5000, 20 * MiB), new(30 * MiB, 5 * MiB + 12 * KiB), new(4 * GiB - 8 * MiB, 12 * MiB)]);
        using var pages = new PageAllocator(memory, new()
        {
            Architecture = architecture,
            LowMemoryEnd = 32 * MiB + 8 * KiB,
            Processors = 2,
            MovableBytes = 2 * MiB,
        });
        var held = new List<(ulong Frame, int Order)>();
        var owned = new HashSet<ulong>();
        foreach (int step in program)
        {
            pages.CurrentProcessor = step & 1;
            bool giveBack = held.Count > 0 && (step >> 1) % 5 < 2;
            if (giveBack)
            {
                int index = (step >> 4) % held.Count;
                (ulong frame, int order) = held[index];
                held.RemoveAt(index);
                for (ulong at = frame; at < frame + (1UL << order); at++) owned.Remove(at);
                pages.Put(frame);
            }
            else
            {
                int order = (step >> 4) % 16 is var o && o <= Zone.MaxOrder ? o : 0;
                if (!pages.TryAllocate(s_requests[(step >> 8) % s_requests.Length], order, out ulong frame)) continue;
                held.Add((frame, order));
                for (ulong at = frame; at < frame + (1UL << order); at++)
                {
                    Assert.True(owned.Add(at), $"Frame {at:x} was handed out twice.");
                    Assert.Equal(MemoryKind.Ram, memory.KindOf(new FastMmu.Addresses.PhysicalAddress(at << 12)));
                }
            }
        }

        CheckLists(pages, owned);
        Assert.Equal((long)pages.ManagedPages - owned.Count, pages.FreePages);
        foreach ((ulong frame, _) in held) pages.Put(frame);
        pages.Drain();
        CheckLists(pages, []);
        Assert.All(pages.Zones, z => Assert.Equal((long)z.Managed, z.FreePages));
    }).Holds(60);

    [Fact]
    public void WatermarksAreLeftByARequestOfNoUrgency() => Prop.ForAll(Programs, program =>
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(24 * MiB);
        using var pages = new PageAllocator(memory);
        foreach (int step in program)
        {
            int order = step % (Zone.MaxOrder + 1);
            long before = pages.Zones.Sum(z => z.FreePages);
            bool done = pages.TryAllocate(GfpFlags.HighUserMovable, order, out ulong frame);
            // The lists of a processor are filled a batch at a time, with one look at the marks.
            if (done && !PerCpuPages.Keeps(order))
            {
                Zone zone = pages.ZoneOf(frame);
                Assert.True(zone.FreePages >= (long)(zone.WatermarkOf(Watermark.Min) + zone.LowmemReserve[3]));
            }

            if (!done) Assert.DoesNotContain(pages.Zones, z => z.Managed > 0 && z.WatermarkOk(order, Watermark.Min, ZoneType.Movable));
        }
    }).Holds(60);

    // Free blocks: aligned, disjoint, in their zone, of the kind of their page block, never two buddies side by side, counted right.
    private static void CheckLists(PageAllocator pages, HashSet<ulong> owned)
    {
        var free = new HashSet<ulong>();
        foreach (Zone zone in pages.Zones)
        {
            List<(ulong Frame, int Order, MigrateType Type)> blocks = zone.Blocks();
            var starts = blocks.Select(b => (b.Frame, b.Order)).ToHashSet();
            foreach ((ulong frame, int order, MigrateType type) in blocks)
            {
                Assert.Equal(0UL, frame & ((1UL << order) - 1));
                Assert.True(frame >= zone.Start && frame + (1UL << order) <= zone.End);
                Assert.Equal(zone.BlockType(frame), type);
                if (order < Zone.MaxOrder) Assert.DoesNotContain((frame ^ (1UL << order), order), starts);
                for (ulong at = frame; at < frame + (1UL << order); at++) Assert.True(free.Add(at) && !owned.Contains(at));
            }

            Assert.Equal(zone.FreePages, blocks.Sum(b => 1L << b.Order));
            for (int order = 0; order <= Zone.MaxOrder; order++) Assert.Equal(zone.FreeBlocks(order), blocks.Count(b => b.Order == order));
        }
    }
}
