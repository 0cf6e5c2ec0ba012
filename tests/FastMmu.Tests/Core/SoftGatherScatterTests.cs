using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Memory;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class SoftGatherScatterTests : IDisposable
{
    // What is written must be comparable afterwards: two memories, one for each way.
    private readonly PhysicalMemory _memory = Create(), _twin = Create();

    public static TheoryData<BatchKernel> Kernels => [.. Enum.GetValues<BatchKernel>().Where(BatchKernels.IsAvailable)];

    public void Dispose()
    {
        _memory.Dispose();
        _twin.Dispose();
    }

    /// <summary>Lanes at any place, across pages, refused and in what is not RAM: a gather reads and a scatter leaves behind what single accesses do.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void LanesAreSingleAccesses(BatchKernel kernel) => Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
    {
        var random = new Random(seed);
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages) { Kernel = kernel, ProbeBudget = random.Next(2) == 0 ? 1 : 8192 };
        using var twin = new SoftTlb(_twin, pages);
        for (int step = 0; step < 40; step++)
        {
            if (random.Next(2) == 0)
            {
                pages.Map(random, random.Next(1, 3), tlb, twin);
                continue;
            }

            int space = random.Next(1, 3);
            tlb.Enter(space);
            twin.Enter(space);
            tlb.Privilege = twin.Privilege = (FastMmu.Processor.Privilege)random.Next(2);
            switch (random.Next(4))
            {
                case 0: Check<byte>(tlb, twin, random); break;
                case 1: Check<ulong>(tlb, twin, random); break;
                case 2: Check<UInt128>(tlb, twin, random); break;
                default: Check<Twelve>(tlb, twin, random); break;
            }
        }
    }).Holds(30);

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Lanes_OfRomDevicesAndNothing_AreReadAndNotKept(BatchKernel kernel)
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages) { Kernel = kernel };
        _memory.MapDevice(0xfed0_0000, 4 * KiB, new Forty());
        pages.Add(0, 0x5000, new(0xff00_0000));
        pages.Add(0, 0x6000, new(0x8000_0000));
        pages.Add(0, 0x7000, new(0xfed0_0000));
        pages.Add(0, 0x8000, new(0x10_0000));
        _memory.LoadRom(0xff00_0010UL, [7]);
        ulong[] linear = [.. Enumerable.Repeat(new ulong[] { 0x5010, 0x6010, 0x7010, 0x8010, 0x9010, 0x7ffe }, 4).SelectMany(lanes => lanes)];
        var values = new uint[linear.Length];
        var refused = new bool[linear.Length];
        Assert.Equal(new BatchResult(20, 4, 4), tlb.ScatterWrite<uint>(linear, [.. Enumerable.Range(0, linear.Length).Select(i => (uint)i)], refused));
        Assert.Equal([4, 10, 16, 22], Enumerable.Range(0, linear.Length).Where(i => refused[i]));
        Assert.Equal(new BatchResult(20, 4, 4), tlb.GatherRead(linear, values, refused));
        Assert.Equal([4, 10, 16, 22], Enumerable.Range(0, linear.Length).Where(i => refused[i]));
        Assert.Equal([7, uint.MaxValue, 40, 21, 0], values[..5]);
        Assert.All(tlb.Entries(), entry => Assert.Equal(0x8000UL, entry.Linear.Value));
    }

    [Fact]
    public void Spans_OfDifferentLengthOrOverlapping_AreRefusedAndNothingIsWritten()
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages);
        pages.Add(0, 0, new(0x10_0000));
        int[] values = [7, 7];
        var refused = new bool[2];
        var lanes = new ulong[8];
        Assert.Throws<ArgumentException>("values", () => tlb.GatherRead<int>([0], values));
        Assert.Throws<ArgumentException>("refused", () => tlb.GatherRead<int>([0], values.AsSpan(1), refused));
        Assert.Throws<ArgumentException>("values", () => tlb.ScatterWrite<int>([0], values));
        Assert.Throws<ArgumentException>("refused", () => tlb.ScatterWrite<int>([0], values.AsSpan(1), refused));
        Assert.Throws<ArgumentException>("values", () => tlb.GatherRead(lanes.AsSpan(0, 4), lanes.AsSpan(1, 4)));
        Assert.Throws<ArgumentException>("refused", () => tlb.GatherRead(lanes.AsSpan(0, 2), new int[2], MemoryMarshal.Cast<ulong, bool>(lanes.AsSpan())[..2]));
        Assert.Equal(8, tlb.GatherRead<ulong>(lanes, lanes).Translated);
        Assert.Equal([7, 7], values);
        Assert.Equal(0, _memory.Read<int>(0x10_0000));
        PhysicalMemory gone = PhysicalMemory.Create(16 * MiB);
        using var late = new SoftTlb(gone, pages);
        late.GatherRead<ulong>(lanes, new ulong[8]);
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => late.GatherRead<ulong>(lanes, new ulong[8]));
        Assert.Throws<ObjectDisposedException>(() => late.ScatterWrite<ulong>(lanes, new ulong[8]));
    }

    [Fact]
    public void GatherAndScatter_Allocate_Nothing()
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages);
        for (ulong page = 0; page < 8; page++) pages.Add(0, page << 12, new(page << 12));
        ulong[] linear = [.. Enumerable.Range(0, 1000).Select(i => (ulong)i * 24)], values = new ulong[1000];
        tlb.GatherRead<ulong>(linear, values);
        tlb.ScatterWrite<ulong>(linear, values);
        long before = GC.GetAllocatedBytesForCurrentThread();
        tlb.GatherRead<ulong>(linear, values);
        tlb.ScatterWrite<ulong>(linear, values);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static PhysicalMemory Create() => new([new MemoryRange(0UL, 16 * MiB), new MemoryRange(0xff00_0000, 1 * MiB, MemoryKind.Rom)]);

    private static void Check<T>(SoftTlb tlb, SoftTlb twin, Random random) where T : unmanaged
    {
        int length = random.Next(3) == 0 ? random.Next(12) : random.Next(600);
        var linear = new ulong[length];
        ulong place = RandomPages.Place(random);
        for (int lane = 0; lane < length; lane++)
        {
            if (random.Next(20) == 0) place = RandomPages.Place(random);
            linear[lane] = place + (ulong)(random.Next(30) == 0 ? 0xff0 + random.Next(16) : random.Next(0x1000));
        }

        var values = new T[length];
        random.NextBytes(MemoryMarshal.AsBytes(values.AsSpan()));
        bool[] refused = new bool[random.Next(2) * length], expected = new bool[length];
        bool read = random.Next(2) == 0;
        for (int lane = 0; lane < length; lane++)
        {
            T value = default;
            expected[lane] = !(read ? twin.TryRead(linear[lane], out value) : twin.TryWrite(linear[lane], values[lane]));
            if (read) values[lane] = value;
        }

        int count = expected.Count(e => e);
        var result = new BatchResult(length - count, count, Array.IndexOf(expected, true));
        if (read)
        {
            var found = new T[length];
            Assert.Equal(result, tlb.GatherRead<T>(linear, found, refused));
            for (int lane = 0; lane < length; lane++)
            {
                if (!values[lane].Equals(found[lane])) Assert.Fail($"lane {lane} of {length} at {linear[lane]:x}: {found[lane]}, not {values[lane]}");
            }
        }
        else
        {
            Assert.Equal(result, tlb.ScatterWrite<T>(linear, values, refused));
            Assert.True(tlb.Memory.Span(0, (int)(16 * MiB)).SequenceEqual(twin.Memory.Span(0, (int)(16 * MiB))));
        }

        if (refused.Length > 0) Assert.Equal(expected, refused);
    }

    // Without bytes that belong to no field, which need not be copied.
    private readonly record struct Twelve(int First, int Second, int Third);

    private sealed class Forty : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => 40;

        public void Write(in DeviceAccess access, ulong value)
        {
        }
    }
}
