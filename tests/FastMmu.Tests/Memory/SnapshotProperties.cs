using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tlb;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

/// <summary>Random programs over a machine, and a model that copies all of its memory for every snapshot.</summary>
public sealed class SnapshotProperties
{
    private const ulong High = 1UL << 40;
    private const ulong Rom = 0xf_0000_0000;
    private const int Pages = 48;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void ARestoredMachine_IsWhatItWas(int seed)
    {
        for (int i = 0; i < 4; i++)
        {
            using var program = new RandomProgram((seed * 1000) + i);
            if (i % 2 == 1) program.Reserve();
            program.Run(400);
            // From the first snapshot on once more: what the last one left behind must not matter.
            program.Run(100);
        }
    }

    private sealed record Moment(Snapshot Snapshot, byte[] Bytes, string Layout, ProcessorRegisters[] Registers);

    private sealed class RandomProgram : IDisposable
    {
        private static readonly MemoryRange[] Ranges = [new(0UL, 4 * MiB), new(Rom, 64 * KiB, MemoryKind.Rom), new(High, 64 * KiB)];

        private readonly Random _random;
        private readonly PhysicalMemory _memory = new(Ranges, hugePages: false);
        private readonly Mmu[] _mmus;
        private readonly PageMapper _space;
        private readonly Machine _machine;
        private readonly List<Moment> _moments = [];
        private DirtyLog? _log;
        private byte[] _logged = [];

        internal RandomProgram(int seed)
        {
            _random = new Random(seed);
            _space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(0x1000, 1 * MiB)));
            for (ulong page = 0; page < Pages; page++) _space.Map(page << 12, FrameOf(page), 4096, Rights.SupervisorReadWrite);
            _mmus = [new Mmu(_memory, ProcessorFeatures.Zen4), new Mmu(_memory, ProcessorFeatures.SapphireRapids, new MmuOptions { Statistics = true })];
            foreach (Mmu mmu in _mmus) mmu.EnablePaging(_space.Root);
            _machine = new Machine(_memory, _mmus);
        }

        public void Dispose()
        {
            foreach (Mmu mmu in _mmus) mmu.Dispose();
            _memory.Dispose();
        }

        internal void Reserve() => _machine.ReserveCopies(_random.Next(2000));

        internal void Run(int steps)
        {
            for (int i = 0; i < steps; i++)
            {
                int what = _random.Next(100);
                if (what < 70) Change();
                else if (what < 78) Take();
                else if (what < 90) Restore();
                else if (what < 94) DisposeOne();
                else Log();
            }

            while (_moments.Count > 0)
            {
                Restore();
                DisposeOne();
            }

            Assert.Equal(0, _machine.WrittenPages);
            Assert.Equal(0, _memory.VersionCopies);
        }

        // RAM in the window, RAM above it, ROM.
        private static ulong FrameOf(ulong page) => page < 32 ? (2 * MiB) + (page << 12) : page < 40 ? High + ((page - 32) << 12) : Rom + ((page - 40) << 12);

        private void Change()
        {
            Mmu mmu = _mmus[_random.Next(_mmus.Length)];
            ulong linear = (ulong)_random.Next(Pages * 4096);
            ulong physical = FrameOf(linear >> 12) | (linear & 0xfff);
            switch (_random.Next(16))
            {
                case 0 or 1 or 2:
                    mmu.TryWrite(linear, _random.NextInt64(), out _);
                    break;
                case 3:
                    byte[] bytes = new byte[_random.Next(9000)];
                    _random.NextBytes(bytes);
                    mmu.TryWrite(linear, bytes, out _);
                    break;
                case 4:
                    ulong[] lanes = [.. Enumerable.Range(0, 20).Select(_ => (ulong)_random.Next(Pages * 4096))];
                    mmu.ScatterWrite<int>(lanes, [.. lanes.Select(l => (int)l)]);
                    break;
                case 5:
                    mmu.TranslateBatch([linear, linear ^ 0x1000, linear ^ 0x2000], new ulong[3], (Access)_random.Next(2), Privilege.Supervisor);
                    break;
                case 6:
                    mmu.Translate(linear, Access.Read);
                    break;
                case 7:
                    _memory.Write(physical, _random.NextInt64());
                    break;
                case 8:
                    if (_memory.TryGetSpan(physical & ~0xfffUL, 4096, out Span<byte> span)) _random.NextBytes(span[_random.Next(4096)..]);
                    break;
                case 9:
                    if (_memory.TryGetReadOnlySpan(physical, 1, out _)) _memory.LoadRom(physical, [(byte)_random.Next()]);
                    break;
                case 10:
                    MapOutcome outcome = _random.Next(2) == 0 ? _space.Unmap(linear & ~0xfffUL, 4096) : _space.Protect(linear & ~0xfffUL, 4096, Rights.SupervisorRead);
                    foreach (Mmu each in _mmus) each.Invalidate(Invalidation.OfPages(outcome.Invalidate));
                    break;
                case 11:
                    _space.Map(linear & ~0xfffUL, FrameOf((ulong)_random.Next(Pages)), 4096, Rights.SupervisorReadWrite);
                    break;
                case 12:
                    mmu.WriteCr4(mmu.State.Cr4.Value ^ (_random.Next(2) == 0 ? Cr4.PcideBit : Cr4.SmepBit));
                    mmu.WritePkru((uint)_random.Next());
                    mmu.Cr2 = (ulong)_random.Next();
                    mmu.SetCpl(_random.Next(20) == 0 ? 3 : 0);
                    break;
                case 13:
                    _memory.MapDevice(physical & ~0xfUL, (ulong)_random.Next(1, 300), new Ones());
                    break;
                case 14:
                    _memory.SetKind(physical & ~0xfffUL, 4096, (MemoryKind)_random.Next(3));
                    break;
                default:
                    _memory.Unmap(0UL, 1UL << 50);
                    break;
            }
        }

        private void Take() => _moments.Add(new(_machine.TakeSnapshot(), Bytes(), Layout(), Registers()));

        private void Restore()
        {
            if (_moments.Count == 0) return;
            Moment moment = _moments[_random.Next(_moments.Count)];
            _machine.Restore(moment.Snapshot);
            byte[] bytes = Bytes();
            int at = bytes.AsSpan().CommonPrefixLength(moment.Bytes);
            Assert.True(at == bytes.Length, $"differs at byte {at:x}");
            Assert.Equal(moment.Layout, Layout());
            ProcessorRegisters[] registers = Registers();
            for (int i = 0; i < registers.Length; i++) SnapshotTests.AssertSame(moment.Registers[i], registers[i]);
            // What was cached since does not answer any more.
            for (ulong page = 0; page < Pages; page += 5)
            {
                foreach (Mmu mmu in _mmus)
                {
                    Translation probed = mmu.Probe(page << 12, Access.Write);
                    Translation translated = mmu.Translate(page << 12, Access.Write, Privilege.Supervisor);
                    Assert.Equal(probed.ToString(), translated.ToString());
                }
            }
        }

        private void DisposeOne()
        {
            if (_moments.Count == 0) return;
            int index = _random.Next(_moments.Count);
            _moments[index].Snapshot.Dispose();
            _moments.RemoveAt(index);
        }

        // Every page that differs from what it was when the log was last taken must be in it.
        private void Log()
        {
            if (_log is not null)
            {
                HashSet<ulong> taken = [.. _log.Take().Select(p => p.Value)];
                byte[] now = Bytes();
                for (int at = 0; at < now.Length; at += 4096)
                {
                    if (!now.AsSpan(at, 4096).SequenceEqual(_logged.AsSpan(at, 4096))) Assert.Contains(AddressOf(at), taken);
                }

                if (_random.Next(4) == 0)
                {
                    _log.Dispose();
                    _log = null;
                    return;
                }
            }

            _log ??= _memory.StartDirtyLog();
            _logged = Bytes();
        }

        private static ulong AddressOf(int at) => at < 4 * (int)MiB ? (ulong)at : at < (4 * (int)MiB) + (64 * (int)KiB) ? Rom + (ulong)at - (4 * MiB) : High + (ulong)at - (4 * MiB) - (64 * KiB);

        private byte[] Bytes() => [.. _memory.BackingOf(0, 4 * (int)MiB), .. _memory.BackingOf(Rom, 64 * (int)KiB), .. _memory.BackingOf(High, 64 * (int)KiB)];

        private string Layout() => string.Join(", ", _memory.Layout);

        private ProcessorRegisters[] Registers() => [.. _mmus.Select(m => m.CaptureRegisters())];
    }

    private sealed class Ones : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => 1;

        public void Write(in DeviceAccess access, ulong value)
        {
        }
    }
}
