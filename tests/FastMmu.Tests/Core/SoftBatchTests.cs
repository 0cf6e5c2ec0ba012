using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class SoftBatchTests : IDisposable
{
    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 16 * MiB), new MemoryRange(0xff00_0000, 1 * MiB, MemoryKind.Rom)]);

    public void Dispose() => _memory.Dispose();

    public static TheoryData<BatchKernel> Kernels => [.. Enum.GetValues<BatchKernel>().Where(BatchKernels.IsAvailable)];

    /// <summary>
    /// Pages of all sizes come, go and change their rights in several address spaces, and what is not RAM is among them. Each lane of a batch of any length is what a TLB that
    /// makes single accesses only, and was told the same, says of its address, and what the translator says.
    /// </summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void BatchEqualsScalar(BatchKernel kernel) => Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
    {
        var random = new Random(seed);
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages) { Kernel = kernel, ProbeBudget = random.Next(3) switch { 0 => 1, 1 => 100, _ => 8192 } };
        using var single = new SoftTlb(_memory, pages);
        for (int step = 0; step < 150; step++)
        {
            int space = random.Next(3) == 0 ? 0x1_0001 : random.Next(1, 4);
            switch (random.Next(4))
            {
                case 0:
                    pages.Map(random, space, tlb, single);
                    break;
                case 1:
                    ulong regime = (ulong)random.Next(2);
                    tlb.Enter(space, regime);
                    single.Enter(space, regime);
                    break;
                default:
                    Check(tlb, single, pages, random);
                    break;
            }
        }

        foreach (FastMmu.Tlb.FastEntry entry in tlb.Entries())
        {
            if (!entry.InForce) continue;
            Assert.True(pages.TryFind(tlb.AddressSpace, entry.Linear.Value, entry.Access, entry.Privilege, tlb.Regime, out SoftPage page));
            Assert.Equal((page.Physical, page.Shift, page.Rights), (entry.Physical, (int)entry.PageSize, entry.Rights));
        }
    }).Holds(40);

    /// <summary>Addresses that no vector can tell from others, those with other bits than their sixty-fourth above the forty-eighth, are found all the same.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Addresses_ThatDifferInUpperBitsAlone_AreDifferent(BatchKernel kernel)
    {
        using var tlb = new SoftTlb(_memory, (SoftTlb _, ulong linear, Access _, Privilege _, out SoftPage page) =>
        {
            page = new(((linear >> 56) << 12) + ((linear >> 48) & 0xff) * 0x10_0000 % (8 * MiB) + (linear & 0xfff));
            return true;
        }) { Kernel = kernel };
        var linear = new ulong[64];
        for (int lane = 0; lane < linear.Length; lane++) linear[lane] = (ulong)lane * 0x0401_0000_0000_0000UL + 0x1000 + (ulong)lane;
        linear[1] = 0xffff_8000_0000_1001;
        linear[2] = 0x0000_8000_0000_1002;
        linear[3] = 0xffff_0000_0000_1003;
        for (int round = 0; round < 3; round++)
        {
            var found = new ulong[linear.Length];
            Assert.Equal(new BatchResult(64, 0, -1), tlb.TranslateBatch(linear, found, Access.Read, Privilege.User));
            for (int lane = 0; lane < linear.Length; lane++)
            {
                Assert.True(tlb.TryTranslate(linear[lane], Access.Read, Privilege.User, out PhysicalAddress physical));
                Assert.Equal(physical.Value, found[lane]);
                Assert.Equal(((linear[lane] >> 56) << 12) + ((linear[lane] >> 48) & 0xff) * 0x10_0000 % (8 * MiB) + (linear[lane] & 0xfff), found[lane]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void WhatOneKindOfAccessHasAskedFor_TheOtherDoesNotAskAgain(BatchKernel kernel)
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages) { Kernel = kernel };
        for (ulong page = 0; page < 64; page++) pages.Add(0, page << 12, new((63 - page) << 12));
        ulong[] linear = [.. Enumerable.Range(0, 64).Select(page => ((ulong)page << 12) + 8)], found = new ulong[64];
        for (int page = 0; page < 32; page++) Assert.True(tlb.TryRead(linear[page], out int _));
        Assert.Equal(32UL, tlb.Misses);
        Assert.Equal(64, tlb.TranslateBatch(linear, found, Access.Read, Privilege.User).Translated);
        Assert.Equal(64UL, tlb.Misses);
        for (int page = 0; page < 64; page++) Assert.True(tlb.TryRead(linear[page], out int _));
        Assert.Equal(64, tlb.TranslateBatch(linear, found, Access.Read, Privilege.User).Translated);
        Assert.Equal(64UL, tlb.Misses);
        long before = GC.GetAllocatedBytesForCurrentThread();
        tlb.TranslateBatch(linear, found, Access.Read, Privilege.User);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Misses beyond the budget: vectors are left alone, and come back after a million lanes.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Batch_AfterItsBudgetOfMisses_IsRightWithAndWithoutVectors(BatchKernel kernel)
    {
        using var tlb = new SoftTlb(_memory, (SoftTlb _, ulong linear, Access _, Privilege _, out SoftPage page) =>
        {
            page = new(linear & ((16 * MiB) - 1));
            return linear >> 45 == 0;
        }) { Kernel = kernel, ProbeBudget = 64 };
        var random = new Random(5);
        ulong[] linear = new ulong[(1 << 20) + 4099], found = new ulong[linear.Length];
        for (int i = 0; i < linear.Length; i++) linear[i] = i < 2048 ? (ulong)random.NextInt64(1L << 45) : (ulong)random.Next(1 << 20);
        linear[3] = linear[700] = linear[^2] = 1UL << 46;
        Assert.Equal(new BatchResult(linear.Length - 3, 3, 3), tlb.TranslateBatch(linear, found, Access.Read, Privilege.User));
        for (int i = 0; i < linear.Length; i++)
        {
            ulong expected = linear[i] >> 45 == 0 ? linear[i] & ((16 * MiB) - 1) : BatchResult.FaultedLane;
            if (expected != found[i]) Assert.Fail($"lane {i}: {found[i]:x}, not {expected:x}");
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void PagesWhoseWritesSomebodyHearsOf_AreAskedForAgain(BatchKernel kernel)
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var pages = new RandomPages();
        using var tlb = new SoftTlb(memory, pages) { Kernel = kernel };
        for (ulong page = 0; page < 16; page++) pages.Add(0, page << 12, new(page << 12));
        ulong[] linear = [.. Enumerable.Range(0, 16).Select(page => (ulong)page << 12)], found = new ulong[16];
        ulong Asked()
        {
            ulong before = tlb.Misses;
            tlb.TranslateBatch(linear, found, Access.Write, Privilege.User);
            return tlb.Misses - before;
        }

        Assert.Equal((16UL, 0UL), (Asked(), Asked()));
        using (DirtyLog log = memory.StartDirtyLog())
        {
            // Who asks for where to write is taken to write there.
            Assert.Equal((16UL, 0UL), (Asked(), Asked()));
            Assert.Equal(16, log.Take().Length);
            Assert.Equal((16UL, 0UL), (Asked(), Asked()));
        }

        using CodeTracker code = memory.TrackCode(_ => { });
        Asked();
        Assert.Equal(0UL, Asked());
        code.Mark(0x3000, 4);
        Assert.Equal((1UL, 1UL), (Asked(), Asked()));
        memory.SetKind(0x5000, 4096, MemoryKind.Rom);
        Asked();
        Assert.Equal(2UL, Asked());
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Translator_ThatForgetsInTheMiddleOfABatch_LeavesNothingStale(BatchKernel kernel)
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages) { Kernel = kernel };
        for (ulong page = 0; page < 64; page++) pages.Add(0, page << 12, new(page << 12));
        for (ulong page = 0; page < 64; page++) pages.Add(1, page << 12, new((page << 12) + 0x10_0000));
        ulong[] linear = [.. Enumerable.Range(0, 64).Select(page => (ulong)page << 12)], found = new ulong[64];
        int asked = 0;
        pages.Asked = asking =>
        {
            if (++asked == 20) asking.InvalidateAll();
            if (asked == 40) asking.Enter(1);
        };
        Assert.Equal(64, tlb.TranslateBatch(linear, found, Access.Read, Privilege.User).Translated);
        pages.Asked = null;
        // The one who was asked for has answered for the address space that he entered, and so have those behind.
        Assert.Equal(0x10_0000UL + 0x3f000, found[63]);
        Assert.Equal(64, tlb.TranslateBatch(linear, found, Access.Read, Privilege.User).Translated);
        Assert.Equal(linear.Select(address => address + 0x10_0000), found);
        tlb.Enter(0);
        Assert.Equal(64, tlb.TranslateBatch(linear, found, Access.Read, Privilege.User).Translated);
        Assert.Equal(linear, found);
    }

    private static void Check(SoftTlb tlb, SoftTlb single, RandomPages pages, Random random)
    {
        var linear = new ulong[random.Next(3) == 0 ? random.Next(20) : random.Next(150)];
        ulong place = RandomPages.Place(random);
        for (int lane = 0; lane < linear.Length; lane++)
        {
            // Runs in one page, neighbours, and anything.
            if (random.Next(lane % 32 < 16 ? 40 : 2) == 0) place = RandomPages.Place(random);
            linear[lane] = place + (ulong)random.Next(0x1000);
        }

        var privilege = (Privilege)random.Next(2);
        var access = (Access)random.Next(3);
        ulong[] found = random.Next(2) == 0 ? [.. linear] : new ulong[linear.Length];
        ulong[] lanes = random.Next(2) == 0 ? found : linear;
        if (lanes == found) linear.CopyTo(found, 0);
        BatchResult result = tlb.TranslateBatch(lanes, found, access, privilege);
        int refused = 0, first = -1;
        for (int lane = 0; lane < linear.Length; lane++)
        {
            bool allowed = pages.TryFind(tlb.AddressSpace, linear[lane], access, privilege, tlb.Regime, out SoftPage page);
            Assert.Equal(allowed, single.TryTranslate(linear[lane], access, privilege, out PhysicalAddress physical));
            if (allowed) Assert.Equal(page.Physical, physical);
            Assert.Equal(allowed ? physical.Value : BatchResult.FaultedLane, found[lane]);
            if (!allowed && refused++ == 0) first = lane;
        }

        Assert.Equal(new BatchResult(linear.Length - refused, refused, first), result);
    }
}
