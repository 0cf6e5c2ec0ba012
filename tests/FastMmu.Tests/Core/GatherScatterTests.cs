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

public sealed class GatherScatterTests : IDisposable
{
    private const ulong Data = 0x40_0000;
    private const ulong Rom = 0x50_0000;
    private const ulong Hole = 0x60_0000;
    private const ulong Tables = 0x70_0000;
    private const ulong Late = 0x80_0000;

    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 64 * MiB), new MemoryRange(0xff00_0000, 1 * MiB, MemoryKind.Rom)]);
    private readonly PageMapper _space;
    private readonly List<Mmu> _mmus = [];

    public GatherScatterTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BitmapFrameAllocator(_memory));
        _space.Map(Data, 0x200_0000UL, 64 * 4096, Rights.UserReadWrite);
        _space.Map(Rom, 0xff00_0000UL, 4096, Rights.UserReadWrite);
        _space.Map(Hole, 0xe000_0000UL, 4096, Rights.UserReadWrite);
        _space.Map(Late, 0x300_0000UL, 2 * 4096, Rights.UserReadWrite);
        _space.Map(Tables, TableOf(Late), 4096, Rights.UserReadWrite);
        _memory.LoadRom(0xff00_0010UL, [1, 2, 3, 4]);
    }

    public static TheoryData<BatchKernel> Kernels => [.. Enum.GetValues<BatchKernel>().Where(BatchKernels.IsAvailable)];

    public void Dispose()
    {
        foreach (Mmu mmu in _mmus) mmu.Dispose();
        _memory.Dispose();
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Lanes_OutsidePlainRam_AreDoneAsOneByOne(BatchKernel kernel)
    {
        Mmu mmu = Create(kernel);
        ulong[] linear = [Rom + 0x10, Hole, Data + 0xffe, Data + 0x1000 - 1, 0x9000_0000, 1UL << 60, Data];
        Assert.Equal(new BatchResult(5, 2, 4), mmu.ScatterWrite<uint>(linear, [9, 9, 0x4433_2211, 0x8877_6655, 9, 9, 7]));
        var values = new uint[linear.Length];
        var faults = new MmuFault[linear.Length];
        Assert.Equal(new BatchResult(5, 2, 4), mmu.GatherRead(linear, values, faults));
        Assert.Equal([0x0403_0201, uint.MaxValue, 0x7766_5511, 0x8877_6655, 0, 0, 7], values);
        Assert.Equal(ExceptionVector.PageFault, faults[4].Vector);
        Assert.Equal(ExceptionVector.GeneralProtection, faults[5].Vector);
        Assert.Equal(5, faults.Count(f => !f.IsFault));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Scatter_ToOneAddressAgain_KeepsTheLast(BatchKernel kernel)
    {
        Mmu mmu = Create(kernel);
        foreach (int count in new[] { 2, 8, 9, 300 })
        {
            ulong[] linear = [.. Enumerable.Repeat(Data + 0x20, count)];
            int[] values = [.. Enumerable.Range(1, count)];
            Assert.Equal(new BatchResult(count, 0, -1), mmu.ScatterWrite<int>(linear, values));
            Assert.Equal(count, _memory.Read<int>(0x200_0020));
        }
    }

    // Not cached: what one lane writes into the table, the next one finds there, in the same group of lanes or another.
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Scatter_IntoTheTableOfALaterLane_IsInForceForIt(BatchKernel kernel)
    {
        for (int between = 0; between < 20; between++)
        {
            Mmu mmu = Create(kernel);
            ulong entry = Tables + ((Late >> 9) & 0xff8);
            ulong absent = Late + 0x10;
            _memory.Write(TableOf(Late) + ((Late >> 9) & 0xff8), 0UL);
            ulong[] linear = [absent, entry, .. Enumerable.Repeat(Data, between), absent];
            ulong[] values = [1, 0x310_0007, .. Enumerable.Repeat(2UL, between), 3];
            Assert.Equal(new BatchResult(linear.Length - 1, 1, 0), mmu.ScatterWrite<ulong>(linear, values));
            Assert.Equal(3UL, _memory.Read<ulong>(0x310_0010));
            _memory.Write(0x310_0010, 0UL);
        }
    }

    // Cached: the translation stays until it is invalidated, as on a processor.
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Scatter_IntoTheTableOfACachedTranslation_LeavesItInForce(BatchKernel kernel)
    {
        Mmu mmu = Create(kernel);
        ulong entry = Tables + ((Late >> 9) & 0xff8);
        _memory.Write(TableOf(Late) + ((Late >> 9) & 0xff8), 0x300_0007UL);
        Assert.True(mmu.TryWrite(Late, 0UL, out _));
        Assert.Equal(new BatchResult(2, 0, -1), mmu.ScatterWrite<ulong>([entry, Late], [0x310_0007, 5]));
        Assert.Equal((5UL, 0UL), (_memory.Read<ulong>(0x300_0000), _memory.Read<ulong>(0x310_0000)));
        mmu.InvalidatePage(Late);
        Assert.Equal(new BatchResult(1, 0, -1), mmu.ScatterWrite<ulong>([Late], [6]));
        Assert.Equal((5UL, 6UL), (_memory.Read<ulong>(0x300_0000), _memory.Read<ulong>(0x310_0000)));
    }

    [Fact]
    public void Lanes_Misaligned_AreCheckedAsOneByOne()
    {
        Mmu mmu = Create(BatchKernels.Default);
        mmu.WriteCr0(mmu.State.Cr0.Value | Cr0.AmBit);
        mmu.SetRFlags(mmu.State.RFlags.Value | RFlags.AcBit);
        var faults = new MmuFault[2];
        Assert.Equal(new BatchResult(1, 1, 1), mmu.ScatterWrite<int>([Data, Data + 1], [1, 2], faults));
        Assert.Equal(ExceptionVector.AlignmentCheck, faults[1].Vector);
        Assert.Equal(new BatchResult(1, 1, 1), mmu.GatherRead<int>([Data, Data + 1], new int[2], faults));
        Assert.Equal(ExceptionVector.AlignmentCheck, faults[1].Vector);
        // One by one, an access that is refused for its alignment marks no entry.
        ulong entry = TableOf(Late) + ((Late >> 9) & 0xff8);
        Assert.False(mmu.TryRead(Late + 1, out int _, out _));
        Assert.Equal(0UL, _memory.Read<ulong>(entry) & 0x20);
        Assert.Equal(new BatchResult(1, 1, 1), mmu.GatherRead<int>([Data, Late + 1], new int[2], faults));
        Assert.Equal(0UL, _memory.Read<ulong>(entry) & 0x20);
    }

    [Fact]
    public void Spans_OfDifferentLengthOrOverlapping_AreRefusedAndNothingIsWritten()
    {
        Mmu mmu = Create(BatchKernels.Default);
        int[] values = [7, 7];
        var faults = new MmuFault[2];
        var lanes = new ulong[8];
        Assert.Throws<ArgumentException>(() => mmu.GatherRead<int>([Data], values));
        Assert.Throws<ArgumentException>(() => mmu.GatherRead<int>([Data], values.AsSpan(1), faults));
        Assert.Throws<ArgumentException>(() => mmu.ScatterWrite<int>([Data], values));
        Assert.Throws<ArgumentException>(() => mmu.ScatterWrite<int>([Data], values.AsSpan(1), faults));
        Assert.Throws<ArgumentException>(() => mmu.GatherRead(lanes.AsSpan(0, 4), lanes.AsSpan(1, 4)));
        Assert.Throws<ArgumentException>(() => mmu.GatherRead<int>(lanes.AsSpan(0, 4), System.Runtime.InteropServices.MemoryMarshal.Cast<ulong, int>(lanes.AsSpan())[..4]));
        Assert.Equal([7, 7], values);
        Assert.Equal(0, _memory.Read<int>(0x200_0000));
    }

    [Fact]
    public void Gather_InPlace_ReplacesAddressesByValues()
    {
        Mmu mmu = Create(BatchKernels.Default);
        for (ulong i = 0; i < 1000; i++) _memory.Write(0x200_0000 + (8 * i), 3 * i);
        ulong[] lanes = [.. Enumerable.Range(0, 1000).Select(i => Data + (8 * (ulong)(999 - i)))];
        Assert.Equal(1000, mmu.GatherRead<ulong>(lanes, lanes).Translated);
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => 3 * (ulong)(999 - i)), lanes);
    }

    [Fact]
    public void Memory_Disposed_IsRefused()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => mmu.GatherRead<int>([0UL], new int[1]));
        Assert.Throws<ObjectDisposedException>(() => mmu.ScatterWrite<int>([0UL], [1]));
        Assert.Throws<ObjectDisposedException>(() => mmu.ScatterWrite<int>([], []));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void GatherAndScatter_HitsMissesAndFaults_AllocateNothing(BatchKernel kernel)
    {
        Mmu mmu = Create(kernel);
        var random = new Random(3);
        ulong[] linear = [.. Enumerable.Range(0, 2000).Select(_ => Data + (ulong)random.Next(80 * 4096))];
        var values = new ulong[linear.Length];
        var faults = new MmuFault[linear.Length];
        for (int i = 0; i < 3; i++) Both();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Both();
        mmu.InvalidateAll();
        Both();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Both()
        {
            mmu.GatherRead(linear, values, faults);
            mmu.ScatterWrite<ulong>(linear, values, faults);
        }
    }

    private Mmu Create(BatchKernel kernel)
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, new MmuOptions { Kernel = kernel });
        _mmus.Add(mmu);
        Assert.Equal(MmuFault.None, mmu.EnablePaging(_space.Root));
        mmu.SetCpl(3);
        return mmu;
    }

    // The page table that maps an address.
    private ulong TableOf(ulong linear)
    {
        ulong table = _space.Root.Value;
        for (int shift = 39; shift > 12; shift -= 9) table = _memory.Read<ulong>(table + (((linear >> shift) & 511) * 8)) & 0xf_ffff_ffff_f000;
        return table;
    }
}
