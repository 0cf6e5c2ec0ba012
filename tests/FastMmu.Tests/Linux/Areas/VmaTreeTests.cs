using System.Runtime.CompilerServices;
using FastMmu.Linux.Areas;
using FastMmu.Tests.Generators;
using Xunit;

namespace FastMmu.Tests.Linux.Areas;

public sealed class VmaTreeTests
{
    private const int MostAreas = 65_530;

    private static Vma Area(ulong start, ulong end) => new() { Start = start, End = end, Flags = VmFlags.Read, PageOffset = start >> 12 };

    private static VmaTree Filled(int areas, Func<int, int> order)
    {
        var tree = new VmaTree();
        for (int i = 0; i < areas; i++)
        {
            ulong start = (ulong)order(i) * 0x3000;
            tree.Insert(Area(start, start + 0x2000));
        }

        return tree;
    }

    // Ascending, descending, and in an order that jumps (7919 shares no divisor with 65,530).
    [Theory]
    [InlineData(1, 0, 4)]
    [InlineData(-1, MostAreas - 1, 4)]
    [InlineData(7919, 0, 5)]
    public void Insert_MaxMapCountInAnyOrder_FindsEveryAreaAndIsAsFlatAsPromised(int step, int first, int levels)
    {
        using VmaTree tree = Filled(MostAreas, i => (int)((((long)i * step) + first) % MostAreas));
        VmaTreeInvariants.Check(tree);
        unsafe
        {
            Assert.InRange(tree.Root->Level + 1, 1, levels);
        }

        for (ulong i = 0; i < MostAreas; i++)
        {
            Assert.True(tree.TryFind((i * 0x3000) + 0x1fff, out Vma inside));
            Assert.Equal(i * 0x3000, inside.Start);
            Assert.Equal(i + 1 < MostAreas, tree.TryFind((i * 0x3000) + 0x2000, out Vma next));
            if (i + 1 < MostAreas) Assert.Equal((i + 1) * 0x3000, next.Start);
        }

        for (int i = 0; i < MostAreas; i++)
        {
            tree.Remove((ulong)((i * 7919L) % MostAreas) * 0x3000);
            if (i % 6000 == 0 || i > MostAreas - 40) VmaTreeInvariants.Check(tree);
        }

        Assert.Equal(0, tree.Count);
    }

    [Fact]
    public void Insert_DownwardsBelowOthers_LeavesNodesMoreThanHalfFull()
    {
        // As mmap goes: from the top down, between the program below and the stack above.
        using var tree = new VmaTree();
        tree.Insert(Area(0x40_0000, 0x40_3000));
        tree.Insert(Area(0x7fff_0000_0000, 0x7fff_0002_0000));
        for (ulong i = 1; i <= 10_000; i++) tree.Insert(Area(0x7000_0000_0000 - (i * 0x2000), 0x7000_0000_1000 - (i * 0x2000)));
        Assert.InRange(tree.Pool.LiveNodes, 10_000 / 16, 10_000 / 16 * 1.7);
    }

    [Fact]
    public void Fork_LargeTree_SharesAllAndCopiesOnePathAtAChange()
    {
        using VmaTree tree = Filled(MostAreas, i => i);
        long before = tree.Pool.LiveNodes;
        using VmaTree child = tree.Fork();
        Assert.Equal(before, tree.Pool.LiveNodes);
        child.Replace(0x3000, Area(0x3000, 0x4000));
        Assert.InRange(tree.Pool.LiveNodes - before, 1, 4);
        Assert.True(tree.TryFind(0x3000, out Vma old));
        Assert.Equal(0x5000UL, old.End);
        Assert.True(child.TryFind(0x3000, out Vma changed));
        Assert.Equal(0x4000UL, changed.End);
        tree.Dispose();
        Assert.Equal(MostAreas, child.Count);
        VmaTreeInvariants.Check(child);
        VmaTreeInvariants.CheckReferences([child]);
    }

    [Fact]
    public void Fork_UsedByThreadsAtOnce_KeepsEachTreeToItself()
    {
        using VmaTree origin = Filled(2000, i => i);
        VmaTree[] trees = [.. Enumerable.Range(0, 4).Select(_ => origin.Fork())];
        Parallel.For(0, trees.Length, number =>
        {
            var random = new EdgeRandom((ulong)number);
            for (int i = 0; i < 3000; i++)
            {
                ulong start = (ulong)random.Below(2000) * 0x3000;
                if (trees[number].TryFindExact(start, out _))
                {
                    trees[number].Remove(start);
                }
                else
                {
                    trees[number].Insert(Area(start, start + 0x1000 + ((ulong)number << 8)));
                }

                if (i % 500 != 0) continue;
                using VmaTree snapshot = trees[number].Fork();
                Assert.Equal(trees[number].Count, snapshot.Count);
            }
        });

        foreach (VmaTree tree in trees) VmaTreeInvariants.Check(tree);
        VmaTreeInvariants.CheckReferences([origin, .. trees]);
        foreach (Vma area in origin) Assert.Equal(0x2000UL, area.Length);
        foreach (VmaTree tree in trees) tree.Dispose();
        VmaTreeInvariants.CheckReferences([origin]);
    }

    [Fact]
    public void Finaliser_TreeNobodyDisposed_FreesItsNodes()
    {
        using var origin = new VmaTree();
        for (ulong i = 0; i < 100; i++) origin.Insert(Area(i << 13, (i << 13) + 0x1000));
        long before = origin.Pool.LiveNodes;
        Abandon(origin);
        for (int i = 0; i < 20 && origin.Pool.LiveNodes != before; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(before, origin.Pool.LiveNodes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Abandon(VmaTree origin)
    {
        VmaTree fork = origin.Fork();
        for (ulong i = 0; i < 100; i++) fork.Remove(i << 13);
        Assert.Equal(0, fork.Count);
    }

    [Fact]
    public void Insert_AtBothEndsOfTheAddresses_IsFound()
    {
        using var tree = new VmaTree();
        tree.Insert(Area(0, 0x1000));
        tree.Insert(Area(ulong.MaxValue - 1, ulong.MaxValue));
        Assert.True(tree.TryFind(0, out Vma lowest));
        Assert.Equal(0x1000UL, lowest.End);
        Assert.True(tree.TryFind(ulong.MaxValue - 1, out Vma highest));
        Assert.Equal(ulong.MaxValue, highest.End);
        Assert.False(tree.TryFind(ulong.MaxValue, out _));
        Assert.True(tree.TryFindBefore(ulong.MaxValue, out highest));
        Assert.Equal(ulong.MaxValue, highest.End);
        Assert.False(tree.TryFindBefore(0xfff, out _));
        Assert.True(tree.TryFindHighestGap(0, ulong.MaxValue, ulong.MaxValue - 0x1001, out ulong start));
        Assert.Equal(0x1000UL, start);
        Assert.False(tree.TryFindLowestGap(0, ulong.MaxValue, ulong.MaxValue - 0x1000, out _));
    }

    [Fact]
    public void Replace_ThroughTheTreesOwnMemory_TakesTheValueBeforeNodesMove()
    {
        using VmaTree tree = Filled(400, i => i);
        using VmaTree fork = tree.Fork();
        for (ulong i = 0; i < 400; i++)
        {
            ref readonly Vma inPlace = ref fork.FindInPlace(i * 0x3000);
            fork.Remove(i * 0x3000);
            Assert.True(tree.TryFindExact(i * 0x3000, out Vma same));
            fork.Insert(tree.FindInPlace(i * 0x3000));
            Assert.True(fork.TryFindExact(i * 0x3000, out Vma again));
            Assert.Equal(same, again);
            Assert.False(Unsafe.IsNullRef(in inPlace));
        }

        Assert.True(Unsafe.IsNullRef(in tree.FindInPlace(400 * 0x3000)));
    }

    [Fact]
    public void AnyCall_AfterDispose_SaysSo()
    {
        VmaTree tree = Filled(40, i => i);
        VmaEnumerator enumerator = tree.GetEnumerator();
        Assert.True(enumerator.MoveNext());
        tree.Dispose();
        tree.Dispose();
        Assert.Equal(0, tree.Count);
        Assert.Throws<ObjectDisposedException>(() => tree.TryFind(0, out _));
        Assert.Throws<ObjectDisposedException>(() => tree.TryFindBefore(0, out _));
        Assert.Throws<ObjectDisposedException>(() => tree.TryFindExact(0, out _));
        Assert.Throws<ObjectDisposedException>(() => tree.TryFindHighestGap(0, 1, 1, out _));
        Assert.Throws<ObjectDisposedException>(() => tree.TryFindLowestGap(0, 1, 1, out _));
        Assert.Throws<ObjectDisposedException>(() => tree.Insert(Area(0, 1)));
        Assert.Throws<ObjectDisposedException>(() => tree.Remove(0));
        Assert.Throws<ObjectDisposedException>(() => tree.Replace(0, Area(0, 1)));
        Assert.Throws<ObjectDisposedException>(() => tree.Fork());
        Assert.Throws<ObjectDisposedException>(() => tree.Clear());
        Assert.Throws<ObjectDisposedException>(() => tree.GetEnumerator());
        Assert.Throws<ObjectDisposedException>(() => enumerator.MoveNext());
    }

    [Fact]
    public void AnyCall_OnceNodesAreThere_AllocatesNothing()
    {
        using VmaTree tree = Filled(300, i => i);
        Assert.Equal(598UL, Work(tree));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work(tree);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static ulong Work(VmaTree tree)
    {
        for (ulong i = 0; i < 300; i++)
        {
            tree.TryFind(i * 0x3000, out Vma vma);
            tree.Remove(vma.Start);
            tree.Insert(vma);
            tree.Replace(vma.Start, vma);
            tree.TryFindHighestGap(0, i * 0x3000, 0x1000, out _);
            tree.TryFindBefore(i * 0x3000, out _);
        }

        ulong pages = 0;
        foreach (Vma vma in tree.EnumerateFrom(0x3000)) pages += vma.Pages;
        return pages;
    }
}
