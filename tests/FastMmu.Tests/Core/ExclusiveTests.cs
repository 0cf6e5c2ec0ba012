using System.Numerics;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class ExclusiveTests : IDisposable
{
    private const int Threads = 3;
    private const int Rounds = 3000;
    private const int Places = 32;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(16 * MiB);
    private readonly PageMapper _space;
    private readonly Mmu _mmu;
    private readonly SoftTlb _tlb;

    // 0x1000 and 0x2000 lead to the same frame, and so does 0x4000, which may only be read; 0x5000 is a device; nothing is behind.
    public ExclusiveTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(0x1000, 1 * MiB)));
        _space.Map(0x1000, 0x20_0000, 4 * KiB, Rights.UserReadWrite);
        _space.Map(0x2000, 0x20_0000, 4 * KiB, Rights.UserReadWrite);
        _space.Map(0x3000, 0x20_1000, 4 * KiB, Rights.UserReadWrite);
        _space.Map(0x4000, 0x20_0000, 4 * KiB, Rights.UserRead);
        _space.Map(0x5000, 0xfed0_0000, 4 * KiB, Rights.UserReadWrite);
        _mmu = CreateMmu();
        _tlb = CreateTlb();
    }

    private interface IProcessor : IDisposable
    {
        bool Read<T>(ulong linear, out T value) where T : unmanaged;

        bool Write<T>(ulong linear, T value, out bool stored) where T : unmanaged;

        void Clear();
    }

    public void Dispose()
    {
        _tlb.Dispose();
        _mmu.Dispose();
        _memory.Dispose();
    }

    /// <summary>
    /// Two processors read, write and clear, with any size and by any alias, while others write the same bytes, the map changes and snapshots are restored. A write
    /// is stored exactly if the monitor is set for its bytes and these are what was read.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void WriteIsStored_IfAndOnlyIfItsBytesAreWhatTheMonitorHolds(int seed)
    {
        var random = new Random(seed);
        IProcessor[] processors = [new OfMmu(_mmu), new OfTlb(_tlb)];
        var model = new Model(processors.Length);
        var machine = new Machine(_memory, _mmu);
        using Snapshot clean = machine.TakeSnapshot();
        for (int step = 0; step < 6000; step++)
        {
            int index = random.Next(processors.Length);
            switch (random.Next(20))
            {
                case 0:
                    processors[index].Clear();
                    model.Monitors[index] = null;
                    break;
                case 1:
                    _memory.SetKind(0x80_0000, 4 * KiB, step % 2 == 0 ? MemoryKind.Hole : MemoryKind.Ram);
                    model.Monitors.AsSpan().Clear();
                    break;
                case 2:
                    machine.Restore(clean);
                    model.Monitors.AsSpan().Clear();
                    model.Bytes.AsSpan().Clear();
                    break;
                case < 5:
                    // Few different values, so that what was changed is often changed back.
                    int place = random.Next(Places);
                    model.Bytes[place] = (byte)random.Next(2);
                    Assert.True(_mmu.TryWrite(0x1000 + (ulong)place, model.Bytes[place], out _));
                    break;
                default:
                    // Often what the monitor is set for, or it would seldom be met.
                    bool same = random.Next(4) != 0;
                    switch (same && model.Monitors[index] is { } set ? set.Held.Length : 1 << random.Next(5))
                    {
                        case 1: Step<byte>(processors, index, model, random, same); break;
                        case 2: Step<ushort>(processors, index, model, random, same); break;
                        case 4: Step<uint>(processors, index, model, random, same); break;
                        case 8: Step<ulong>(processors, index, model, random, same); break;
                        default: Step<UInt128>(processors, index, model, random, same); break;
                    }

                    break;
            }

            Assert.Equal(model.Bytes, _memory.Span(0x20_0000, Places).ToArray());
        }

        Assert.True(model.Stored > 200 && model.Refused > 200, $"{model.Stored} were stored and {model.Refused} were not.");
    }

    [Fact]
    public void Faults_AreThoseOfTheAccess_AndTheMonitorStays()
    {
        Assert.True(_mmu.TryReadExclusive(0x4008UL, out int value, out MmuFault fault));
        Assert.False(_mmu.TryWriteExclusive(0x4008UL, 5, out bool stored, out fault));
        Assert.Equal("#PF(P|W|U) at 0x4008: write-protected page", fault.ToString());
        Assert.Equal(0x4008UL, _mmu.Cr2);
        Assert.False(stored);
        Assert.False(_mmu.TryReadExclusive(0x6000UL, out value, out fault));
        Assert.Equal(FaultReason.NotPresent, fault.Reason);
        Assert.False(_mmu.TryWriteExclusive(0x6002UL, 5, out stored, out fault));
        Assert.Equal((ExceptionVector.AlignmentCheck, FaultReason.Misaligned), (fault.Vector, fault.Reason));
        Assert.Equal(0x6000UL, _mmu.Cr2);
        Assert.False(_mmu.TryReadExclusive(0x1008UL, out UInt128 _, out fault));
        Assert.Equal(ExceptionVector.AlignmentCheck, fault.Vector);
        Assert.Equal(0, _memory.Read<int>(0x20_0008));
        Assert.True(_mmu.TryWriteExclusive(0x2008UL, 5, out stored, out fault));
        Assert.True(stored);
        Assert.Equal(5, _memory.Read<int>(0x20_0008));
        Assert.Throws<ArgumentException>(() => _mmu.TryReadExclusive(0x1000UL, out (long, long, long) _, out _));
    }

    [Fact]
    public void WriteThatStoresNothing_SetsDirtyAllTheSame()
    {
        Assert.True(_mmu.TryReadExclusive(0x3000UL, out long _, out _));
        Assert.Equal(0UL, Dirty(0x3000));
        Assert.True(_mmu.TryWriteExclusive(0x3000UL, 1, out bool stored, out _));
        Assert.False(stored);
        Assert.NotEqual(0UL, Dirty(0x3000));
        Assert.Equal(0, _memory.Read<long>(0x20_1000));
    }

    [Fact]
    public void PageThatMoved_IsNotWritten()
    {
        Assert.True(_mmu.TryReadExclusive(0x1000UL, out int _, out _));
        _space.Unmap(0x1000, 4 * KiB);
        _space.Map(0x1000, 0x20_2000, 4 * KiB, Rights.UserReadWrite);
        _mmu.InvalidatePage(0x1000UL);
        Assert.True(_mmu.TryWriteExclusive(0x1000UL, 1, out bool stored, out _));
        Assert.False(stored);
        Assert.Equal((0, 0), (_memory.Read<int>(0x20_0000), _memory.Read<int>(0x20_2000)));
    }

    [Fact]
    public void DevicesAndRom_NeverTakeAStore()
    {
        var device = new Recorder();
        _memory.MapDevice(0xfed0_0000, 4 * KiB, device);
        _memory.SetKind(0x20_1000, 4 * KiB, MemoryKind.Rom);
        foreach (IProcessor processor in new IProcessor[] { new OfMmu(_mmu), new OfTlb(_tlb) })
        {
            device.Log.Clear();
            Assert.True(processor.Read(0x5004, out int value));
            Assert.Equal(40, value);
            Assert.True(processor.Write(0x5004, 41, out bool stored));
            Assert.False(stored);
            Assert.Equal(["R4+4"], device.Log);
            Assert.True(processor.Read(0x3000, out value));
            Assert.True(processor.Write(0x3000, 41, out stored));
            Assert.False(stored);
            Assert.Equal(0, _memory.Read<int>(0x20_1000));
        }
    }

    [Fact]
    public void Watches_ChangeWhatIsReadAndStored()
    {
        var told = new List<string>();
        Action<Access>? then = null;
        using Watch watch = _mmu.Watch(new LinearRange(0x1002, 2), WatchKinds.All, (ref WatchedAccess access) =>
        {
            told.Add($"{access.Kind} {access.Value:x}");
            if (access.Kind == Access.Read) access.Value = 0x77;
            else access.Dropped = true;
            then?.Invoke(access.Kind);
        });
        _memory.Write(0x20_0000, 0x11_2222);
        Assert.True(_mmu.TryReadExclusive(0x1000UL, out int value, out _));
        Assert.Equal(0x77_2222, value);
        Assert.True(_mmu.TryWriteExclusive(0x1000UL, 0x55_6666, out bool stored, out _));
        Assert.True(stored);
        Assert.Equal(0x11_6666, _memory.Read<int>(0x20_0000));
        // Nothing that is refused from the start is told of.
        Assert.True(_mmu.TryWriteExclusive(0x1000UL, 1, out stored, out _));
        Assert.False(stored);
        Assert.Equal(["Read 11", "Write 55"], told);
        then = kind => _memory.Write(0x20_0000, kind == Access.Write ? 9 : 8);
        Assert.True(_mmu.TryReadExclusive(0x1000UL, out value, out _));
        _memory.Write(0x20_0000, 0x11_6666);
        Assert.True(_mmu.TryWriteExclusive(0x1000UL, 1, out stored, out _));
        Assert.False(stored);
        Assert.Equal(9, _memory.Read<int>(0x20_0000));
    }

    [Fact]
    public void WatchThatRefuses_IsAFault_AndTheMonitorStays()
    {
        Assert.True(_mmu.TryReadExclusive(0x1000UL, out int _, out _));
        using (_mmu.Watch(new LinearRange(0x1000, 1), WatchKinds.Write, (ref WatchedAccess access) => access.Fault = MmuFault.GeneralProtection(0, FaultReason.Watch)))
        {
            Assert.False(_mmu.TryWriteExclusive(0x1000UL, 1, out bool refused, out MmuFault fault));
            Assert.Equal((false, FaultReason.Watch), (refused, fault.Reason));
        }

        Assert.True(_mmu.TryWriteExclusive(0x1000UL, 1, out bool stored, out _));
        Assert.True(stored);
    }

    [Fact]
    public void CodeHandlerThatClearsTheMonitor_KeepsTheWriteFromBeingStored()
    {
        int told = 0;
        using CodeTracker code = _memory.TrackCode(_ =>
        {
            if (told++ == 0) _mmu.ClearExclusive();
        });
        code.Mark(0x20_0000, 4);
        for (int round = 0; round < 2; round++)
        {
            Assert.True(_mmu.TryReadExclusive(0x1000UL, out int value, out _));
            Assert.True(_mmu.TryWriteExclusive(0x1000UL, value + 1, out bool stored, out _));
            Assert.Equal(round == 1, stored);
            code.Mark(0x20_0000, 4);
        }

        Assert.Equal((2, 1), (told, _memory.Read<int>(0x20_0000)));
    }

    [Fact]
    public void MemberOfAGroup_HearsOfTheMapAtItsPoll()
    {
        var group = new MmuGroup(_memory);
        using MmuMember member = group.Join(_mmu);
        member.Enter();
        Assert.True(_mmu.TryReadExclusive(0x1000UL, out int _, out _));
        _memory.SetKind(0x80_0000, 4 * KiB, MemoryKind.Hole);
        Assert.True(member.Poll());
        Assert.True(_mmu.TryWriteExclusive(0x1000UL, 1, out bool stored, out _));
        Assert.False(stored);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void IncrementsInLoops_OfManyThreads_AreNeverLost(bool soft)
    {
        OnThreads(thread =>
        {
            using IProcessor processor = soft ? new OfTlb(CreateTlb()) : new OfMmu(CreateMmu());
            for (int i = 0; i < Rounds; i++)
            {
                Increment<byte>(processor, 0x1000);
                Increment<ushort>(processor, 0x1002);
                Increment<uint>(processor, 0x1004);
                Increment<ulong>(processor, thread % 2 == 0 ? 0x1008UL : 0x2008UL);
                Increment(processor, 0x1010, new UInt128(1, 1));
            }
        });
        const int all = Threads * Rounds;
        Assert.Equal(unchecked((byte)all), _memory.Read<byte>(0x20_0000));
        Assert.Equal(0, _memory.Read<byte>(0x20_0001));
        Assert.Equal(all, _memory.Read<ushort>(0x20_0002));
        Assert.Equal(all, _memory.Read<int>(0x20_0004));
        Assert.Equal(all, _memory.Read<long>(0x20_0008));
        Assert.Equal(new UInt128(all, all), _memory.Read<UInt128>(0x20_0010));
    }

    [Fact]
    public void SoftCompareExchange_AmongThoseOfAnMmu_LosesNothing()
    {
        OnThreads(thread =>
        {
            using SoftTlb tlb = CreateTlb();
            using Mmu mmu = CreateMmu();
            for (int i = 0; i < Rounds; i++)
            {
                if (thread == 0)
                {
                    Assert.True(mmu.TryFetchAdd(0x1000UL, 1, out int _, out _));
                    continue;
                }

                Assert.True(tlb.TryRead(0x1000, out int seen));
                for (int before = seen; ; seen = before)
                {
                    Assert.True(tlb.TryCompareExchange(0x1000, seen + 1, seen, out before));
                    if (before == seen) break;
                }
            }
        });
        Assert.Equal(Threads * Rounds, _memory.Read<int>(0x20_0000));
    }

    [Fact]
    public void SoftCompareExchange_ReplacesWhatEquals_AndIsAWriteInAnyCase()
    {
        var wide = new UInt128(3, 4);
        Assert.True(_tlb.TryCompareExchange(0x1010, wide, UInt128.Zero, out UInt128 before));
        Assert.Equal(UInt128.Zero, before);
        Assert.True(_tlb.TryCompareExchange(0x1010, UInt128.One, UInt128.One, out before));
        Assert.Equal(wide, before);
        Assert.Equal(wide, _memory.Read<UInt128>(0x20_0010));
        Assert.False(_tlb.TryCompareExchange(0x1018, UInt128.One, UInt128.One, out before));
        Assert.False(_tlb.TryCompareExchange(0x4000, 1, 1, out int refused));
        Assert.Equal(0, refused);
        Assert.Throws<ArgumentException>(() => _tlb.TryCompareExchange(0x1000, (1L, 2L, 3L), default, out _));
        var device = new Recorder();
        _memory.MapDevice(0xfed0_0000, 4 * KiB, device);
        Assert.True(_tlb.TryCompareExchange(0x5000, 1, 40, out int old));
        Assert.True(_tlb.TryCompareExchange(0x5004, 1, 2, out old));
        Assert.Equal(40, old);
        Assert.Equal(["R0+4", "W0+4=1", "R4+4", "W4+4=40"], device.Log);
    }

    private static void OnThreads(Action<int> body)
    {
        Task[] tasks = [.. Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(() => body(thread), TaskCreationOptions.LongRunning))];
        Task.WaitAll(tasks);
    }

    private static void Increment<T>(IProcessor processor, ulong linear, T addend) where T : unmanaged, IBinaryInteger<T>
    {
        bool stored;
        do
        {
            Assert.True(processor.Read(linear, out T value));
            Assert.True(processor.Write(linear, unchecked(value + addend), out stored));
        }
        while (!stored);
    }

    private static void Increment<T>(IProcessor processor, ulong linear) where T : unmanaged, IBinaryInteger<T> => Increment(processor, linear, T.One);

    private static void Step<T>(IProcessor[] processors, int index, Model model, Random random, bool same) where T : unmanaged, IBinaryInteger<T>
    {
        int size = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        int place = random.Next(Places) & -size;
        if (same && model.Monitors[index] is { } set) place = set.Place;
        ulong linear = (random.Next(2) == 0 ? 0x1000UL : 0x2000UL) + (ulong)place;
        Span<byte> there = model.Bytes.AsSpan(place, size);
        if (random.Next(5) < 2)
        {
            Assert.True(processors[index].Read(linear, out T value));
            Assert.Equal(MemoryMarshal.Read<T>(there), value);
            model.Monitors[index] = (place, there.ToArray());
            return;
        }

        T written = T.CreateTruncating(random.Next(2));
        bool expected = model.Monitors[index] is { } monitor && monitor.Place == place && there.SequenceEqual(monitor.Held);
        Assert.True(processors[index].Write(linear, written, out bool stored));
        Assert.Equal(expected, stored);
        model.Monitors[index] = null;
        if (stored) MemoryMarshal.Write(there, in written);
        _ = stored ? model.Stored++ : model.Refused++;
    }

    private ulong Dirty(ulong linear)
    {
        _mmu.Probe(linear, Access.Read, Privilege.User, out WalkPath path);
        return path[path.Count - 1].Raw & 0x40;
    }

    private Mmu CreateMmu()
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(_space.Root);
        mmu.SetCpl(3);
        return mmu;
    }

    // The same pages.
    private SoftTlb CreateTlb() => new(_memory, (SoftTlb _, ulong linear, Access access, Privilege _, out SoftPage page) =>
    {
        ulong frame = (linear >> 12) switch { 1 or 2 or 4 => 0x20_0000UL, 3 => 0x20_1000, 5 => 0xfed0_0000, _ => 0 };
        page = new(PhysicalAddress.Truncate(frame | (linear & 0xfff)));
        return frame != 0 && (linear >> 12 != 4 || access == Access.Read);
    });

    private sealed class Model(int processors)
    {
        internal byte[] Bytes { get; } = new byte[Places];

        internal (int Place, byte[] Held)?[] Monitors { get; } = new (int, byte[])?[processors];

        internal int Stored { get; set; }

        internal int Refused { get; set; }
    }

    private sealed class OfMmu(Mmu mmu) : IProcessor
    {
        public bool Read<T>(ulong linear, out T value) where T : unmanaged => mmu.TryReadExclusive(linear, out value, out _);

        public bool Write<T>(ulong linear, T value, out bool stored) where T : unmanaged => mmu.TryWriteExclusive(linear, value, out stored, out _);

        public void Clear() => mmu.ClearExclusive();

        public void Dispose() => mmu.Dispose();
    }

    private sealed class OfTlb(SoftTlb tlb) : IProcessor
    {
        public bool Read<T>(ulong linear, out T value) where T : unmanaged => tlb.TryReadExclusive(linear, out value);

        public bool Write<T>(ulong linear, T value, out bool stored) where T : unmanaged => tlb.TryWriteExclusive(linear, value, out stored);

        public void Clear() => tlb.ClearExclusive();

        public void Dispose() => tlb.Dispose();
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
