using System.Numerics;
using System.Runtime.CompilerServices;
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

public sealed class SoftAtomicTests : IDisposable
{
    private const int Threads = 3;
    private const int Rounds = 4000;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(16 * MiB);
    private readonly SoftTlb _tlb;
    private int _asked;

    // Linear 0x1000 to 0x8000 lead to 0x200000 and on in reverse order; 0x8000 may only be read; 0x9000 is a device; nothing is behind.
    public SoftAtomicTests() => _tlb = Create();

    public void Dispose()
    {
        _tlb.Dispose();
        _memory.Dispose();
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

            if (round % 100 == 0) _tlb.InvalidateAll();
        }

        byte[] bytes = new byte[model.Length];
        Assert.True(_tlb.TryRead(0x1000UL, bytes));
        Assert.Equal(model, bytes);
    }

    [Fact]
    public void Refusals_AreThoseOfWrites_AndNothingHasChanged()
    {
        Assert.True(_tlb.TryRead(0x8000, out int _));
        Assert.False(_tlb.TryFetchAdd(0x8000, 1, out int original));
        Assert.False(_tlb.TryCompareExchange(0x7ffe, -1, 0, out original));
        Assert.Equal(0, _memory.Read<ushort>(0x20_1ffe));
        Assert.False(_tlb.TryExchange(0xa000, (byte)1, out byte _));
        Assert.Throws<ArgumentException>(() => _tlb.TryExchange(0x1000, (1L, 2L, 3L), out _));
        int asked = _asked;
        Assert.False(_tlb.TryExchange(0x1008, UInt128.One, out UInt128 _));
        _tlb.SplitLocks = SplitLocks.AlignmentCheck;
        Assert.False(_tlb.TryFetchAdd(0x2ffe, 1, out original));
        Assert.False(_tlb.TryFetchAdd(0x203d, 1, out original));
        Assert.Equal(asked, _asked);
        Assert.True(_tlb.TryFetchAdd(0x203c, 1, out original));
        Assert.True(_tlb.TryFetchAdd(0x2039, 1, out original));
        _tlb.SplitLocks = SplitLocks.Emulate;
        Assert.True(_tlb.TryFetchAdd(0x203d, 1, out original));
    }

    [Fact]
    public void Device_GetsAReadAndAWrite_AndRomDropsIt()
    {
        var device = new Recorder();
        _memory.MapDevice(0xfed0_0000, 4 * KiB, device);
        Assert.True(_tlb.TryFetchAdd(0x9000, 3, out int original));
        Assert.Equal(40, original);
        Assert.True(_tlb.TryCompareExchange(0x9004, 1, 2, out original));
        Assert.Equal(["R0+4", "W0+4=43", "R4+4", "W4+4=40"], device.Log);
        _memory.SetKind(0x20_7000, 4 * KiB, MemoryKind.Rom);
        Assert.True(_tlb.TryFetchAdd(0x1000, 3, out original));
        Assert.Equal((0, 0), (original, _memory.Read<int>(0x20_7000)));
    }

    [Fact]
    public void MarkedCode_HearsOfEachBeforeItLands()
    {
        var told = new List<string>();
        using CodeTracker code = _memory.TrackCode(range => told.Add($"{range} {_memory.Read<int>(0x20_7000)}"));
        code.Mark(0x20_7000, 4);
        for (int i = 0; i < 2; i++) Assert.True(_tlb.TryFetchAdd(0x1000, 1, out int _));
        Assert.Equal(["207000-207004 0", "207000-207004 1"], told);
    }

    /// <summary>Threads with an MMU and threads with a TLB add to the same numbers, within words, across them, across lines and pages.</summary>
    [Theory]
    [InlineData(0x1000, 0x1000, 0x1000)]
    [InlineData(0x1001, 0x1001, 0x1001)]
    [InlineData(0x103d, 0x103d, 0x103d)]
    [InlineData(0x1ffd, 0x1ffd, 0x1ffd)]
    [InlineData(0x1000, 0x1008, 0x1008)]
    public void Increments_OfManyThreads_AreNeverLost(ulong first, ulong second, ulong third)
    {
        ulong[] places = [first, second, third];
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(0x1000, 1 * MiB)));
        for (ulong page = 1; page < 8; page++) space.Map(page << 12, 0x20_8000 - (page << 12), 4 * KiB, Rights.UserReadWrite);
        OnThreads(thread =>
        {
            if (thread == 0)
            {
                using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
                mmu.EnablePaging(space.Root);
                for (int i = 0; i < Rounds; i++) Assert.True(mmu.TryFetchAdd(places[thread], 1UL, out ulong _, out _));
                return;
            }

            using SoftTlb tlb = Create();
            for (int i = 0; i < Rounds; i++) Assert.True(tlb.TryFetchAdd(places[thread], 1UL, out ulong _));
        });
        foreach (ulong place in places.Distinct())
        {
            Assert.True(_tlb.TryRead(place, out ulong sum));
            Assert.Equal((ulong)(Rounds * places.Count(p => p == place)), sum);
        }
    }

    [Fact]
    public void NeighboursInOneWord_DoNotDisturbEachOther()
    {
        OnThreads(thread =>
        {
            using SoftTlb tlb = Create();
            for (int i = 0; i < Rounds; i++)
            {
                if (thread == 0) tlb.TryFetchAdd(0x1000, (byte)1, out byte _);
                if (thread == 1) tlb.TryFetchAdd(0x1001, 1, out int _);
                if (thread == 2) tlb.TryFetchXor(0x1006, (ushort)0xffff, out ushort _);
            }
        });
        Assert.Equal(unchecked((byte)Rounds), _memory.Read<byte>(0x20_7000));
        Assert.Equal(Rounds, _memory.Read<int>(0x20_7001));
        Assert.Equal(0, _memory.Read<ushort>(0x20_7006));
    }

    [Fact]
    public void WideAddition_OfManyThreads_CountsBothHalvesTogether()
    {
        OnThreads(_ =>
        {
            using SoftTlb tlb = Create();
            for (int i = 0; i < Rounds; i++) Assert.True(tlb.TryFetchAdd(0x1010, new UInt128(1, 1), out UInt128 _));
        });
        Assert.Equal(new UInt128(Threads * Rounds, Threads * Rounds), _memory.Read<UInt128>(0x20_7010));
    }

    private void Check<T>(byte[] model, Random random) where T : unmanaged, IBinaryInteger<T>
    {
        int size = Unsafe.SizeOf<T>();
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
            0 => (_tlb.TryFetchAdd(linear, operand, out original), unchecked(found + operand)),
            1 => (_tlb.TryFetchAnd(linear, operand, out original), found & operand),
            2 => (_tlb.TryFetchOr(linear, operand, out original), found | operand),
            3 => (_tlb.TryFetchXor(linear, operand, out original), found ^ operand),
            4 => (_tlb.TryExchange(linear, operand, out original), operand),
            _ => (_tlb.TryCompareExchange(linear, operand, comparand, out original), comparand == found ? operand : found),
        };
        Assert.True(done);
        Assert.Equal(found, original);
        MemoryMarshal.Write(there, in result);
    }

    private static void OnThreads(Action<int> body)
    {
        Task[] tasks = [.. Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(() => body(thread), TaskCreationOptions.LongRunning))];
        Task.WaitAll(tasks);
    }

    private SoftTlb Create() => new(_memory, (SoftTlb _, ulong linear, Access access, Privilege _, out SoftPage page) =>
    {
        Interlocked.Increment(ref _asked);
        ulong number = linear >> 12, frame = number switch { 0 or > 9 => 0, 8 => 0x30_0000, 9 => 0xfed0_0000, _ => 0x20_8000 - (number << 12) };
        page = new(frame | (linear & 0xfff));
        return frame != 0 && (number != 8 || access == Access.Read);
    });

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
