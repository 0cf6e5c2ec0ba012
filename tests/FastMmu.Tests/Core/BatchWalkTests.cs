using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

/// <summary>Batches that walk through remembered tables instead of probing the fast table, by every kernel.</summary>
public sealed class BatchWalkTests : IDisposable
{
    private const ulong Small = 0x7f00_0000_0000;
    private const ulong Large = 0x7f00_4000_0000;
    private const ulong Huge = 0x7f40_0000_0000;
    private const int SmallPages = 1500;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);
    private readonly PageMapper _space;

    public BatchWalkTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BitmapFrameAllocator(_memory));
        _space.LargestPage = PageSize.Size4K;
        _space.Map(Small, 0x200_0000UL, SmallPages * 4096UL, Rights.UserReadWrite);
        _space.LargestPage = PageSize.Size1G;
        _space.Map(Large, 0x80_0000UL, 8 * MiB, Rights.UserReadWrite);
        _space.Map(Huge, 0, 1024 * MiB, Rights.UserReadWrite);
    }

    public static TheoryData<BatchKernel> Kernels => [.. MmuChoice.Kernels];

    public void Dispose() => _memory.Dispose();

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_PagesOfAllSizesAndNone_EqualsProbe(BatchKernel kernel)
    {
        using Mmu mmu = Walking(kernel);
        var random = new Random(11);
        for (int round = 0; round < 200; round++)
        {
            ulong[] linear = new ulong[random.Next(500)];
            int kinds = random.Next(1, 7);
            for (int i = 0; i < linear.Length; i++)
            {
                linear[i] = ((round + random.Next(kinds)) % 6) switch
                {
                    0 => Small + (ulong)random.Next(SmallPages * 4096),
                    1 => Large + (ulong)random.Next(8 << 20),
                    2 => Huge + (ulong)random.Next(1 << 30),
                    3 => Small + (ulong)random.Next((SmallPages + 9) * 4096),
                    4 => random.Next(20) == 0 ? Small ^ (1UL << random.Next(47, 64)) : Large + (ulong)i,
                    _ => random.Next(20) == 0 ? (ulong)random.NextInt64() >> 17 : Small + (ulong)i,
                };
            }

            Access access = random.Next(2) == 0 ? Access.Read : Access.Write;
            ulong[] physical = new ulong[linear.Length];
            BatchResult result = mmu.TranslateBatch(linear, physical, access, Privilege.User);
            Check(mmu, linear, physical, access, result);
            linear.CopyTo(physical, 0);
            result = mmu.TranslateBatch(physical, physical, access, Privilege.User);
            Check(mmu, linear, physical, access, result);
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_OfPagesNotYetTouched_MarksThemAsAccessesDo(BatchKernel kernel)
    {
        using Mmu mmu = Walking(kernel);
        ulong[] linear = [.. Enumerable.Range(0, SmallPages).Select(page => Small + ((ulong)page * 4096))];
        ulong[] physical = new ulong[linear.Length];
        mmu.TranslateBatch(linear.AsSpan(0, 700), physical.AsSpan(0, 700), Access.Read, Privilege.User);
        mmu.TranslateBatch(linear.AsSpan(600, 500), physical.AsSpan(600, 500), Access.Write, Privilege.User);
        for (int page = 0; page < SmallPages; page++)
        {
            ulong marks = LeafOf(mmu, linear[page], out _) & (EntryBits.Accessed | EntryBits.Dirty);
            ulong expected = page < 600 ? EntryBits.Accessed : page < 1100 ? EntryBits.Accessed | EntryBits.Dirty : 0;
            Assert.Equal(expected, marks);
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_WriteToPagesOnlyRead_MarksThemDirtyAlthoughRemembered(BatchKernel kernel)
    {
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, new MmuOptions { Kernel = kernel });
        mmu.EnablePaging(_space.Root);
        ulong[] linear = [.. Enumerable.Range(0, 64).Select(page => Small + ((ulong)page * 4096)), Large, Large + (2 * MiB)];
        mmu.TranslateBatch(linear, new ulong[linear.Length], Access.Read, Privilege.User);
        Assert.All(linear, address => Assert.Equal(0UL, LeafOf(mmu, address, out _) & EntryBits.Dirty));
        mmu.TranslateBatch(linear, new ulong[linear.Length], Access.Write, Privilege.User);
        Assert.All(linear, address => Assert.NotEqual(0UL, LeafOf(mmu, address, out _) & EntryBits.Dirty));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_LeafClearedWithoutInvlpg_FaultsWhereItWalksAndAfterInvlpgEverywhere(BatchKernel kernel)
    {
        foreach (int budget in new[] { 1, MmuOptions.Default.ProbeBudget })
        {
            using Mmu mmu = Walking(kernel, budget);
            ulong[] linear = [.. Enumerable.Range(0, 100).Select(page => Small + ((ulong)page * 4096))];
            ulong[] physical = new ulong[linear.Length];
            Assert.Equal(100, mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User).Translated);
            ulong leaf = LeafOf(mmu, linear[50], out ulong at);
            _memory.Write(at, leaf & ~EntryBits.Present);
            BatchResult stale = mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
            Assert.True(stale.Faulted == 0 || stale is { Faulted: 1, FirstFault: 50 }, $"{stale}");
            mmu.InvalidatePage(linear[50]);
            Assert.Equal(new BatchResult(99, 1, 50), mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User));
            _memory.Write(at, leaf);
            Assert.Equal(100, mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User).Translated);
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_TableReplacedWithoutInvlpg_NeverReportsAFaultThatTheTablesDoNotHave(BatchKernel kernel)
    {
        using Mmu mmu = Walking(kernel);
        ulong[] linear = [.. Enumerable.Range(0, 64).Select(page => Small + ((ulong)page * 4096))];
        ulong[] physical = new ulong[linear.Length];
        mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
        _ = LeafOf(mmu, Small, out ulong leaf);
        ulong table = leaf & ~0xfffUL, copy = 0x300_0000;
        _memory.Span(table, 4096).CopyTo(_memory.Span(copy, 4096));
        mmu.Probe(Small, Access.Read, Privilege.User, out WalkPath path);
        ulong directoryEntry = path[2].EntryAddress;
        _memory.Write(directoryEntry, (path[2].Raw & 0xfff) | copy);
        // The old table loses half of its pages; the new one has them all.
        for (ulong page = 0; page < 64; page += 2) _memory.Write(table + (page * 8), 0UL);

        Assert.Equal(64, mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User).Translated);

        // Then the way to it goes altogether.
        _memory.Write(directoryEntry, 0UL);
        mmu.InvalidatePage(Small);
        Assert.Equal(new BatchResult(0, 64, 0), mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_ItsOwnTablesWrittenThroughTheMmu_SeesTheNewLeaves(BatchKernel kernel)
    {
        using Mmu mmu = Walking(kernel);
        mmu.SetCpl(3);
        _ = LeafOf(mmu, Small, out ulong leaf);
        ulong window = Small + (2UL << 30);
        _space.Map(window, leaf & ~0xfffUL, 4096, Rights.UserReadWrite);
        ulong[] linear = [.. Enumerable.Range(0, 256).Select(page => Small + ((ulong)page * 4096))];
        ulong[] physical = new ulong[linear.Length];
        mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
        for (ulong page = 0; page < 256; page++)
        {
            Assert.True(mmu.TryWrite(window + (page * 8), 0x280_0067UL + (page << 12), out MmuFault fault), fault.ToString());
        }

        for (ulong page = 0; page < 256; page++) mmu.InvalidatePage(linear[page]);
        mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
        for (int page = 0; page < 256; page++) Assert.Equal(0x280_0000UL + ((ulong)page << 12), physical[page]);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_InvlpgInsideALargePage_DropsWhatBatchesRememberOfIt(BatchKernel kernel)
    {
        using Mmu mmu = Walking(kernel);
        ulong[] linear = [.. Enumerable.Range(0, 64).Select(i => Large + ((ulong)i * 0x1_2345))];
        ulong[] physical = new ulong[linear.Length];
        mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
        for (ulong page = Large; page < Large + (8 * MiB); page += 2 * MiB)
        {
            _ = LeafOf(mmu, page, out ulong at);
            _memory.Write(at, 0x200_00e7UL + (page - Large));
            mmu.InvalidatePage(page + 0x12_3456);
        }

        mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
        for (int i = 0; i < linear.Length; i++) Assert.Equal(0x200_0000UL + (linear[i] - Large), physical[i]);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Translate_OfWhatABatchRemembered_HasTheAttributesOfAWalk(BatchKernel kernel)
    {
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, new MmuOptions { Kernel = kernel });
        mmu.EnablePaging(_space.Root);
        ulong[] linear = [Large + 0x1000, Large + 0x5000, Large + 0x9000, Huge + 0x1000, Huge + 0x7000, Small, Small + 0x3000, Small + 0x4000];
        for (int i = 0; i < 3; i++) mmu.TranslateBatch(linear, new ulong[linear.Length], Access.Read, Privilege.User);
        foreach (ulong address in linear) Assert.Equal(mmu.Probe(address, Access.Read, Privilege.User), mmu.Translate(address, Access.Read, Privilege.User));
    }

    private static void Check(Mmu mmu, ulong[] linear, ulong[] physical, Access access, BatchResult result)
    {
        int faulted = 0, first = -1;
        for (int i = 0; i < linear.Length; i++)
        {
            Translation expected = mmu.Probe(linear[i], access, Privilege.User);
            if (physical[i] != (expected.Ok ? expected.Physical.Value : BatchResult.FaultedLane)) Assert.Fail($"lane {i}, 0x{linear[i]:x}: 0x{physical[i]:x}, not {expected}");
            if (!expected.Ok && faulted++ == 0) first = i;
        }

        Assert.Equal(new BatchResult(linear.Length - faulted, faulted, first), result);
    }

    private static ulong LeafOf(Mmu mmu, ulong linear, out ulong address)
    {
        mmu.Probe(linear, Access.Read, Privilege.User, out WalkPath path);
        address = path[path.Count - 1].EntryAddress;
        return path[path.Count - 1].Raw;
    }

    private Mmu Walking(BatchKernel kernel, int budget = 1)
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, new MmuOptions { Kernel = kernel, ProbeBudget = budget });
        Assert.Equal(MmuFault.None, mmu.EnablePaging(_space.Root));
        return mmu;
    }
}
