using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

/// <summary>What the table in front of the TLB must keep, and what it must forget.</summary>
public sealed class FastTableTests : IDisposable
{
    private const ulong Small = 0x7f00_0000_0000;
    private const ulong Large = 0x7f00_4000_0000;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);
    private readonly BitmapFrameAllocator _frames;
    private readonly PageMapper _space;
    private readonly Mmu _mmu;

    public FastTableTests()
    {
        _frames = new BitmapFrameAllocator(_memory);
        _space = PageMapper.Create<Paging4Level>(_memory, _frames);
        _space.Map(Small, 0x200_0000UL, 64 * 4096, Rights.UserReadWrite);
        _space.Map(Large, 0x80_0000UL, 2 * MiB, Rights.UserReadWrite);
        _mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        Assert.Equal(MmuFault.None, _mmu.EnablePaging(_space.Root));
    }

    public static TheoryData<BatchKernel> Kernels =>
        [.. Enum.GetValues<BatchKernel>().Where(BatchKernels.IsAvailable)];

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void InvalidatePage_InsideLargePage_DropsAllOfItAndNothingElse()
    {
        for (ulong page = 0; page < 512; page += 7) Assert.True(_mmu.Translate(Large + (page * 4096), Access.Read, Privilege.User).Ok);
        // In a slot that no page above has.
        Assert.True(_mmu.Translate(Small + 0x1000, Access.Read, Privilege.User).Ok);
        RedirectLarge();
        WriteLeaf(Small + 0x1000, 0x240_0067);
        Assert.Equal(0x80_7000UL, _mmu.Translate(Large + 0x7000, Access.Read, Privilege.User).Physical.Value);

        _mmu.InvalidatePage(Large + 0x12_3456);

        for (ulong page = 0; page < 512; page += 7)
        {
            Assert.Equal(0xc0_0000UL + (page * 4096), _mmu.Translate(Large + (page * 4096), Access.Read, Privilege.User).Physical.Value);
        }

        // The other page is stale still, as the architecture allows and a processor would have it.
        Assert.Equal(0x200_1000UL, _mmu.Translate(Small + 0x1000, Access.Read, Privilege.User).Physical.Value);
    }

    /// <summary>Whatever a leaf says: a miss that a remembered table answers, and the hit after it, tell what a walk tells.</summary>
    [Theory]
    [InlineData(Small, 0x200_0000UL)]
    [InlineData(Large, 0x80_0080UL)]
    public void TranslateByRememberedTablesEqualsAWalk(ulong page, ulong entry)
    {
        // W, U, PWT, PCD, D, PAT of a 4-KiB leaf, G, PAT of a large one, XD.
        ulong changed = page == Large ? 1UL << 63 | 0x115e : 1UL << 63 | 0x1de;
        var random = new Random(3);
        int ok = 0;
        for (int i = 0; i < 4000; i++)
        {
            if (i == 2000) Assert.Equal(MmuFault.None, _mmu.WriteCr4(_mmu.State.Cr4.Value | Cr4.CetBit | Cr4.SmepBit));
            WriteLeaf(page, entry | 0x21 | ((ulong)random.NextInt64(long.MinValue, long.MaxValue) & changed));
            // Without it, an entry with more rights may answer.
            _mmu.InvalidatePage(page);
            if (random.Next(2) == 0) _mmu.Translate(page + 0x1000, Access.Read, Privilege.Supervisor);
            var access = (Access)random.Next(3);
            var privilege = (Privilege)random.Next(2);
            Translation expected = _mmu.Probe(page + 0xabc, access, privilege);
            Assert.Equal(expected, _mmu.Translate(page + 0xabc, access, privilege));
            Assert.Equal(expected, _mmu.Translate(page + 0xabc, access, privilege));
            if (expected.Ok) ok++;
        }

        Assert.InRange(ok, 1000, 3000);
    }

    [Fact]
    public void WritePkru_BackAndForth_DecidesAtOnceAndForgetsNothing()
    {
        _mmu.WriteCr4(_mmu.State.Cr4.Value | Cr4.PkeBit);
        Assert.True(_mmu.Translate(Small, Access.Write, Privilege.User).Ok);
        RedirectSmall();
        for (int i = 0; i < 40; i++)
        {
            _mmu.WritePkru(2);
            Assert.Equal(FaultReason.ProtectionKey, _mmu.Translate(Small, Access.Write, Privilege.User).Fault.Reason);
            _mmu.WritePkru(0);
            Assert.True(_mmu.Translate(Small, Access.Write, Privilege.User).Ok);
        }
    }

    [Fact]
    public void SetRFlags_AcToggled_DecidesAtOnce()
    {
        _mmu.WriteCr4(_mmu.State.Cr4.Value | Cr4.SmapBit);
        for (int i = 0; i < 40; i++)
        {
            _mmu.SetRFlags(RFlags.AcBit);
            Assert.True(_mmu.TryRead<ulong>(Small, out _, out _));
            _mmu.SetRFlags(0);
            Assert.False(_mmu.TryRead<ulong>(Small, out _, out MmuFault fault));
            Assert.Equal(FaultReason.Smap, fault.Reason);
        }
    }

    [Fact]
    public void WriteCr3_SwitchingPcids_KeepsBothAndMixesNeither()
    {
        PageMapper other = PageMapper.Create<Paging4Level>(_memory, _frames);
        other.Map(Small, 0x300_0000UL, 64 * 4096, Rights.UserReadWrite);
        Assert.Equal(MmuFault.None, _mmu.WriteCr4(_mmu.State.Cr4.Value | Cr4.PcideBit));
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(MmuFault.None, _mmu.WriteCr3(Cr3.NoFlushBit | _space.Root.Value | 1));
            Assert.Equal(0x200_3000UL, _mmu.Translate(Small + 0x3000, Access.Read, Privilege.User).Physical.Value);
            Assert.Equal(MmuFault.None, _mmu.WriteCr3(Cr3.NoFlushBit | other.Root.Value | 2));
            Assert.Equal(0x300_3000UL, _mmu.Translate(Small + 0x3000, Access.Read, Privilege.User).Physical.Value);
        }
    }

    [Fact]
    public void Forgetting_TenThousandTimes_NeverBringsBackAnOldGeneration()
    {
        for (int i = 0; i < 10_000; i++)
        {
            ulong frame = (i & 1) == 0 ? 0x200_0000UL : 0x240_0000UL;
            WriteLeaf(Small, frame | 0x67);
            Assert.Equal(MmuFault.None, _mmu.WriteCr3(_space.Root.Value));
            Assert.Equal(frame, _mmu.Translate(Small, Access.Read, Privilege.User).Physical.Value);
        }
    }

    [Fact]
    public void Access_AfterMemoryDisposed_ThrowsInsteadOfReading()
    {
        Assert.True(_mmu.TryRead<ulong>(Small, out _, out _));
        Assert.True(_mmu.Translate(Small, Access.Read, Privilege.Supervisor).Ok);
        _memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _mmu.TryRead<ulong>(Small, out _, out _));
        Assert.Throws<ObjectDisposedException>(() => _mmu.Translate(Small + 0x1000, Access.Read, Privilege.User));
        Assert.Throws<ObjectDisposedException>(() => _mmu.TranslateBatch(new ulong[] { Small }, new ulong[1], Access.Read, Privilege.User));
    }

    [Fact]
    public void Access_AfterMmuDisposed_Throws()
    {
        Assert.True(_mmu.TryRead<ulong>(Small, out _, out _));
        _mmu.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _mmu.TryRead<ulong>(Small, out _, out _));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void TranslateBatch_EveryKernelAndLength_EqualsScalar(BatchKernel kernel)
    {
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, new MmuOptions { Kernel = kernel });
        mmu.EnablePaging(_space.Root);
        var random = new Random(7);
        for (int round = 0; round < 300; round++)
        {
            ulong[] linear = new ulong[random.Next(700)];
            for (int i = 0; i < linear.Length; i++)
            {
                linear[i] = random.Next(round % 4 == 0 ? 3 : 40) switch
                {
                    0 => 1UL << 55 | Small,
                    1 => Small + (ulong)random.Next(80 * 4096),
                    < 20 => Small + (ulong)random.Next(64 * 4096),
                    _ => Large + (ulong)random.Next(2 << 20),
                };
            }

            ulong[] physical = (ulong[])linear.Clone();
            BatchResult result = mmu.TranslateBatch(physical, physical, Access.Write, Privilege.User);
            int faulted = 0, first = -1;
            for (int i = 0; i < linear.Length; i++)
            {
                Translation expected = _mmu.Probe(linear[i], Access.Write, Privilege.User);
                Assert.Equal(expected.Ok ? expected.Physical.Value : BatchResult.FaultedLane, physical[i]);
                if (!expected.Ok && faulted++ == 0) first = i;
            }

            Assert.Equal(new BatchResult(linear.Length - faulted, faulted, first), result);
        }
    }

    [Fact]
    public void TranslateBatch_SpansThatOverlapPartlyOrDiffer_AreRefusedBeforeAnythingIsWritten()
    {
        ulong[] lanes = [Small, Small, Small];
        Assert.Throws<ArgumentException>(() => _mmu.TranslateBatch(lanes.AsSpan(0, 2), lanes.AsSpan(1, 2), Access.Read, Privilege.User));
        Assert.Throws<ArgumentException>(() => _mmu.TranslateBatch(lanes, new ulong[2], Access.Read, Privilege.User));
        Assert.Equal([Small, Small, Small], lanes);
    }

    [Fact]
    public void TranslateBatchAndAccesses_WhenWarm_AllocateNothing()
    {
        ulong[] linear = new ulong[1000];
        for (int i = 0; i < linear.Length; i++) linear[i] = Small + ((ulong)i * 977 % (70 * 4096));
        ulong[] physical = new ulong[1000];
        Run();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++) Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run()
        {
            _mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
            _mmu.TryWrite(Small + 4092, 1UL, out _);
            _mmu.TryRead(Small + 8, out ulong _, out _);
            _mmu.InvalidatePage(Small);
        }
    }

    [Fact]
    public void Kernel_ForcedByName_IsTakenIfTheProcessorHasIt()
    {
        Assert.Equal(BatchKernel.Scalar, BatchKernels.Choose("scalar"));
        Assert.Equal(BatchKernels.Choose(null), BatchKernels.Choose("no such kernel"));
        Assert.True(BatchKernels.IsAvailable(BatchKernels.Default));
        Assert.Throws<ArgumentException>(() => new Mmu(_memory, ProcessorFeatures.Zen4, new MmuOptions { Kernel = (BatchKernel)99 }));
    }

    private void RedirectSmall() => WriteLeaf(Small, 0x240_0067);

    private void RedirectLarge() => WriteLeaf(Large, 0xc0_00e7);

    private void WriteLeaf(ulong linear, ulong entry)
    {
        _ = _mmu.Probe(linear, Access.Read, Privilege.Supervisor, out Paging.Walk.WalkPath path);
        _memory.Write(path[path.Count - 1].EntryAddress, entry);
    }
}
