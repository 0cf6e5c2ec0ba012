using System.Numerics;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class AtomicTests : IDisposable
{
    private const int Threads = 3;
    private const int Rounds = 4000;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(16 * MiB);
    private readonly PageMapper _space;
    private readonly Mmu _mmu;

    // Linear 0x1000 to 0x8000 lead to 0x200000 and on in reverse order; 0x8000 may only be read; 0x9000 is a device; nothing is behind.
    public AtomicTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(0x1000, 1 * MiB)));
        for (ulong page = 1; page < 8; page++) _space.Map(page << 12, 0x20_8000 - (page << 12), 4 * KiB, Rights.UserReadWrite);
        _space.Map(0x8000, 0x30_0000, 4 * KiB, Rights.UserRead);
        _space.Map(0x9000, 0xfed0_0000, 4 * KiB, Rights.UserReadWrite);
        _mmu = Create();
    }

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void AHandlerOfTheSecondPagesCode_MayTakeALog_OfWhichTheFirstPageIsStillHeard()
    {
        using DirtyLog log = _memory.StartDirtyLog();
        using CodeTracker code = _memory.TrackCode(_ => log.Take());
        code.Mark(0x40_2000, 64);
        using var linear = new Mmu(_memory, ProcessorFeatures.Zen4);
        Assert.True(linear.TryFetchAdd(0x40_1ffe, 0x0101_0101, out int _, out _));
        Assert.Equal("0x401000 0x402000", string.Join(' ', log.Take().OrderBy(p => p.Value)));
    }

    [Fact]
    public void AHandlerOfTheSecondPagesCode_MayTakeASnapshot_ThatHasNothingOfTheWrite()
    {
        using var linear = new Mmu(_memory, ProcessorFeatures.Zen4);
        var machine = new Machine(_memory, linear);
        using Snapshot before = machine.TakeSnapshot();
        Snapshot? within = null;
        using CodeTracker code = _memory.TrackCode(_ => within ??= machine.TakeSnapshot(verifiable: true));
        code.Mark(0x40_2000, 64);
        Assert.True(linear.TryFetchAdd(0x40_1ffe, 0x0101_0101, out int _, out _));
        Assert.Equal(0x0101_0101, _memory.Read<int>(0x40_1ffe));
        machine.Restore(within!);
        Assert.Empty(within!.Verify());
        within.Dispose();
    }

    [Theory]
    [InlineData(0x40_1000UL, 0x0101_0000)]
    [InlineData(0x40_2000UL, 0x0000_0101)]
    public void AHandlerOfTheSecondPagesCode_MayMakeRomOfAPage_ThatTakesNothing(ulong page, int expected)
    {
        using CodeTracker code = _memory.TrackCode(_ => _memory.SetKind(page, 4 * KiB, MemoryKind.Rom));
        code.Mark(0x40_2000, 64);
        using var linear = new Mmu(_memory, ProcessorFeatures.Zen4);
        Assert.True(linear.TryFetchAdd(0x40_1ffe, 0x0101_0101, out int _, out _));
        Assert.Equal(expected, _memory.Read<int>(0x40_1ffe));
    }

    [Fact]
    public void RandomOperations_OfAnySizeAndPlace_DoWhatTheirNameSays()
    {
        byte[] model = new byte[0x7000];
        var random = new Random(21);
        for (int round = 0; round < 20_000; round++)
        {
            switch (random.Next(5))
            {
                case 0: Check<byte>(model, random); break;
                case 1: Check<ushort>(model, random); break;
                case 2: Check<uint>(model, random); break;
                case 3: Check<ulong>(model, random); break;
                default: Check<UInt128>(model, random); break;
            }
        }

        byte[] bytes = new byte[model.Length];
        Assert.True(_mmu.TryRead(0x1000UL, bytes, out _));
        Assert.Equal(model, bytes);
    }

    [Fact]
    public void Faults_AreThoseOfWrites_AndNothingHasChanged()
    {
        Assert.False(_mmu.TryFetchAdd(0x8000UL, 1, out int original, out MmuFault fault));
        Assert.Equal("#PF(P|W|U) at 0x8000: write-protected page", fault.ToString());
        Assert.Equal(0x8000UL, _mmu.Cr2);
        Assert.False(_mmu.TryCompareExchange(0x7ffeUL, -1, 0, out original, out fault));
        Assert.Equal(0x8000UL, fault.Address);
        Assert.Equal(0, _memory.Read<ushort>(0x20_1ffe));
        Assert.False(_mmu.TryExchange(0x1008UL, UInt128.One, out _, out fault));
        Assert.Equal("#GP(0): misaligned access", fault.ToString());
        Assert.False(_mmu.TryExchange(0xa000UL, (byte)1, out _, out fault));
        Assert.Equal(FaultReason.NotPresent, fault.Reason);
        Assert.Throws<ArgumentException>(() => _mmu.TryExchange(0x1000UL, (1L, 2L, 3L), out _, out _));
    }

    [Fact]
    public void FailedComparison_IsAWriteAllTheSame()
    {
        Assert.True(_mmu.TryCompareExchange(0x1000UL, 5, 1, out int original, out _));
        Assert.Equal(0, original);
        Assert.Equal(0, _memory.Read<int>(0x20_7000));
        _mmu.Probe(0x1000UL, Access.Read, Privilege.User, out Paging.Walk.WalkPath path);
        Assert.NotEqual(0UL, path[path.Count - 1].Raw & 0x40);
    }

    [Fact]
    public void SplitLock_WithDetection_IsAnAlignmentCheckBehindThePageFault()
    {
        using Mmu mmu = Create(new MmuOptions { SplitLocks = SplitLocks.AlignmentCheck });
        Assert.True(mmu.TryFetchAdd(0x103cUL, 1, out int _, out MmuFault fault));
        Assert.True(mmu.TryFetchAdd(0x1039UL, 1, out int _, out fault));
        Assert.False(mmu.TryFetchAdd(0x103dUL, 1, out int _, out fault));
        Assert.Equal(ExceptionVector.AlignmentCheck, fault.Vector);
        Assert.False(mmu.TryFetchAdd(0x7ffeUL, 1, out int _, out fault));
        Assert.Equal(ExceptionVector.PageFault, fault.Vector);
        Assert.Equal(0x8000UL, mmu.Cr2);
        Assert.True(_mmu.TryFetchAdd(0x103eUL, 0x10001, out int _, out fault));
        Assert.Equal(1, _memory.Read<short>(0x20_7040));
    }

    [Fact]
    public void Device_GetsAReadAndAWrite_AndRomDropsIt()
    {
        var device = new Recorder();
        _memory.MapDevice(0xfed0_0000, 4 * KiB, device);
        Assert.True(_mmu.TryFetchAdd(0x9000UL, 3, out int original, out _));
        Assert.Equal(40, original);
        Assert.True(_mmu.TryCompareExchange(0x9004UL, 1, 2, out original, out _));
        Assert.Equal(["R0+4", "W0+4=43", "R4+4", "W4+4=40"], device.Log);
        _memory.SetKind(0x20_7000, 4 * KiB, MemoryKind.Rom);
        Assert.True(_mmu.TryFetchAdd(0x1000UL, 3, out original, out _));
        Assert.Equal(0, original);
        Assert.Equal(0, _memory.Read<int>(0x20_7000));
    }

    [Fact]
    public void WatchesAndMarks_HearOfAReadAndThenOfAWrite()
    {
        var told = new List<string>();
        using CodeTracker code = _memory.TrackCode(range => told.Add($"code {range}"));
        code.Mark(0x20_7000, 4);
        bool drop = false;
        using Watch watch = _mmu.Watch(new LinearRange(0x1002, 2), WatchKinds.All, (ref WatchedAccess access) =>
        {
            told.Add($"{access.Kind} {access.Value:x}");
            access.Dropped = drop && access.Kind == Access.Write;
        });
        Assert.True(_mmu.TryFetchAdd(0x1000UL, 0x1_0001, out int _, out _));
        drop = true;
        Assert.True(_mmu.TryFetchAdd(0x1000UL, 0x1_0001, out int _, out _));
        Assert.Equal(["Read 0", "Write 1", "code 207000-207004", "Read 1", "Write 2", "code 207000-207004"], told);
        Assert.Equal(0x1_0002, _memory.Read<int>(0x20_7000));
        using Watch refusing = _mmu.Watch(new LinearRange(0x1000, 1), WatchKinds.Read, (ref WatchedAccess access) =>
            access.Fault = MmuFault.GeneralProtection(0, FaultReason.Watch));
        Assert.False(_mmu.TryFetchAdd(0x1000UL, 1, out int original, out MmuFault fault));
        Assert.Equal(FaultReason.Watch, fault.Reason);
    }

    [Theory]
    [InlineData(0x1000, 0x1000, 0x1000)] // one number of eight bytes
    [InlineData(0x1001, 0x1001, 0x1001)] // across two words
    [InlineData(0x1ffd, 0x1ffd, 0x1ffd)] // across pages
    [InlineData(0x1000, 0x1008, 0x1010)]
    public void Increments_OfManyThreads_AreNeverLost(ulong first, ulong second, ulong third)
    {
        ulong[] places = [first, second, third];
        OnThreads((mmu, thread) =>
        {
            for (int i = 0; i < Rounds; i++) Assert.True(mmu.TryFetchAdd(places[thread], 1UL, out ulong _, out _));
        });
        foreach (ulong place in places.Distinct())
        {
            Assert.True(_mmu.TryRead(place, out ulong sum, out _));
            Assert.Equal((ulong)(Rounds * places.Count(p => p == place)), sum);
        }
    }

    [Fact]
    public void NeighboursInOneWord_DoNotDisturbEachOther()
    {
        OnThreads((mmu, thread) =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                if (thread == 0) mmu.TryFetchAdd(0x1000UL, (byte)1, out byte _, out _);
                if (thread == 1) mmu.TryFetchAdd(0x1001UL, 1, out int _, out _);
                if (thread == 2) mmu.TryFetchXor(0x1006UL, (ushort)0xffff, out ushort _, out _);
            }
        });
        Assert.Equal(unchecked((byte)Rounds), _memory.Read<byte>(0x20_7000));
        Assert.Equal(Rounds, _memory.Read<int>(0x20_7001));
        Assert.Equal(0, _memory.Read<ushort>(0x20_7006));
    }

    [Fact]
    public void WideCompareExchange_OfManyThreads_CountsBothHalvesTogether()
    {
        OnThreads((mmu, _) =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                mmu.TryRead(0x1010UL, out UInt128 seen, out MmuFault _);
                while (true)
                {
                    mmu.TryCompareExchange(0x1010UL, seen + new UInt128(1, 1), seen, out UInt128 before, out MmuFault _);
                    if (before == seen) break;
                    seen = before;
                }
            }
        });
        Assert.Equal(new UInt128(Threads * Rounds, Threads * Rounds), _memory.Read<UInt128>(0x20_7010));
    }

    [Fact]
    public unsafe void WideReplacementUnderALock_OfManyThreads_CountsBothHalvesTogether()
    {
        byte* host = (byte*)NativeMemory.AlignedAlloc(16, 16);
        NativeMemory.Clear(host, 16);
        nint at = (nint)host;
        var shared = new Lock();
        Parallel.For(0, Threads, _ =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                UInt128 seen;
                do seen = new(Volatile.Read(ref *(ulong*)(at + 8)), Volatile.Read(ref *(ulong*)at));
                while (!WideAtomic.TryReplaceLocked((byte*)at, seen, seen + new UInt128(1, 1), shared));
            }
        });
        Assert.Equal((ulong)(Threads * Rounds), *(ulong*)host);
        Assert.Equal((ulong)(Threads * Rounds), *(ulong*)(host + 8));
        NativeMemory.AlignedFree(host);
    }

    private void Check<T>(byte[] model, Random random) where T : unmanaged, IBinaryInteger<T>
    {
        int size = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        int place = random.Next(3) == 0 ? (random.Next(1, 7) << 12) - random.Next(size) : random.Next(model.Length - size);
        if (size == 16) place &= ~15;
        byte[] operandBytes = new byte[size];
        random.NextBytes(operandBytes);
        Span<byte> there = model.AsSpan(place, size);
        T operand = MemoryMarshal.Read<T>(operandBytes), found = MemoryMarshal.Read<T>(there), original;
        ulong linear = 0x1000 + (ulong)place;
        T comparand = random.Next(2) == 0 ? found : operand;
        (bool done, T result) = random.Next(6) switch
        {
            0 => (_mmu.TryFetchAdd(linear, operand, out original, out _), unchecked(found + operand)),
            1 => (_mmu.TryFetchAnd(linear, operand, out original, out _), found & operand),
            2 => (_mmu.TryFetchOr(linear, operand, out original, out _), found | operand),
            3 => (_mmu.TryFetchXor(linear, operand, out original, out _), found ^ operand),
            4 => (_mmu.TryExchange(linear, operand, out original, out _), operand),
            _ => (_mmu.TryCompareExchange(linear, operand, comparand, out original, out _), comparand == found ? operand : found),
        };
        Assert.True(done);
        Assert.Equal(found, original);
        MemoryMarshal.Write(there, in result);
    }

    private void OnThreads(Action<Mmu, int> body)
    {
        Task[] tasks = [.. Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                using Mmu mmu = Create();
                body(mmu, thread);
            },
            TaskCreationOptions.LongRunning))];
        Task.WaitAll(tasks);
    }

    private Mmu Create(MmuOptions? options = null)
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, options);
        mmu.EnablePaging(_space.Root);
        mmu.SetCpl(3);
        return mmu;
    }

    private sealed class Recorder : IMemoryDevice
    {
        internal List<string> Log { get; } = [];

        public ulong Read(in DeviceAccess access)
        {
            Log.Add($"R{access.Offset}+{access.Size}");
            return 40;
        }

        public void Write(in DeviceAccess access, ulong value) => Log.Add($"W{access.Offset}+{access.Size}={value}");
    }
}
