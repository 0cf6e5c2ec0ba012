using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tlb;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class WatchTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(16 * MiB);
    private readonly Mmu _mmu;
    private readonly List<string> _told = [];

    // Linear 0 to 16 pages lead to 0x200000 and on, the pages in reverse order; 0x20000 to a device.
    public WatchTests()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(0x1000, 1 * MiB)));
        for (ulong page = 0; page < 16; page++) space.Map(page << 12, 0x20_f000 - (page << 12), 4 * KiB, Rights.SupervisorAll);
        space.Map(0x2_0000, 0xfed0_0000, 4 * KiB, Rights.SupervisorAll);
        _mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        _mmu.EnablePaging(space.Root);
    }

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void AccessOverTwoPages_TellsEachPartOnce_WithItsBytes()
    {
        using Watch watch = _mmu.Watch(new LinearRange(0x1ffe, 4), WatchKinds.All, Note);
        Assert.True(_mmu.TryWrite(0x1ffcUL, 0x8877_6655_4433_2211, out _));
        Assert.True(_mmu.TryRead(0x1fffUL, out int value, out _));
        Assert.Equal(0x7766_5544, value);
        Assert.Equal(8, _mmu.Fetch(0x1ffeUL, new byte[8], out _));
        Assert.True(_mmu.TryRead(0x1ff0UL, out long _, out _));
        Assert.Equal(
            ["Write 1ffe 20effe 4433 1ffc+8", "Write 2000 20d000 6655 1ffc+8", "Read 1fff 20efff 44 1fff+4", "Read 2000 20d000 6655 1fff+4",
                "Execute 1ffe 20effe 4433 1ffe+8", "Execute 2000 20d000 6655 1ffe+8"],
            _told);
    }

    [Fact]
    public void ReadForUpdate_IsARead_AndTheWriteBehindItAWrite()
    {
        using Watch watch = _mmu.Watch(new LinearRange(0x1000, 4), WatchKinds.All, Note);
        Assert.True(_mmu.TryReadForUpdate(0x1000UL, out int value, out _));
        Assert.True(_mmu.TryWrite(0x1000UL, value + 1, out _));
        Assert.Equal(["Read 1000 20e000 0 1000+4", "Write 1000 20e000 1 1000+4"], _told);
    }

    [Fact]
    public void Handler_GivesOtherBytes()
    {
        using Watch watch = _mmu.Watch(new LinearRange(0x1002, 2), WatchKinds.All, (ref WatchedAccess access) => access.Value = 0xbbaa);
        Assert.True(_mmu.TryRead(0x1000UL, out int value, out _));
        Assert.Equal(0xbbaa_0000, (uint)value);
        byte[] bytes = new byte[6];
        Assert.True(_mmu.TryRead(0xfffUL, bytes, out _));
        Assert.Equal("000000AABB00", Convert.ToHexString(bytes));
        Assert.Equal(6, _mmu.Fetch(0xfffUL, bytes, out _));
        Assert.Equal("000000AABB00", Convert.ToHexString(bytes));
        int[] values = new int[2];
        _mmu.GatherRead<int>([0x1000, 0x1004], values);
        Assert.Equal([unchecked((int)0xbbaa_0000), 0], values);
        Assert.Equal(0, _memory.Read<int>(0x20_e000));
        Assert.True(_mmu.TryWrite(0x1000UL, -1, out _));
        Assert.True(_mmu.TryWrite(0x1001UL, -1L, out _));
        Assert.Equal(0xbbaa_ffff, _memory.Read<uint>(0x20_e000));
    }

    [Fact]
    public void Handler_DropsItsPartOfAWrite()
    {
        using Watch first = _mmu.Watch(new LinearRange(0x1001, 1), WatchKinds.Write, (ref WatchedAccess access) => access.Dropped = true);
        using Watch second = _mmu.Watch(new LinearRange(0x1ffe, 4), WatchKinds.Write, (ref WatchedAccess access) => access.Dropped = true);
        Assert.True(_mmu.TryWrite(0x1000UL, -1, out _));
        Assert.Equal(0xffff_00ff, _memory.Read<uint>(0x20_e000));
        Assert.True(_mmu.TryWrite(0x1ffcUL, -1L, out _));
        Assert.Equal(0x0000_ffffU, _memory.Read<uint>(0x20_effc));
        Assert.Equal(0xffff_0000_0000UL >> 16, _memory.Read<ulong>(0x20_d000));
        _mmu.ScatterWrite<int>([0x1000, 0x1100], [0, 0x1234]);
        Assert.Equal(0x0000_0000U, _memory.Read<uint>(0x20_e000));
        Assert.Equal(0x1234, _memory.Read<int>(0x20_e100));
    }

    [Fact]
    public void Handler_RaisesAFault_AndNothingHasHappened()
    {
        MmuFault raised = MmuFault.PageFault(PageFaultError.Present | PageFaultError.Write, 0x2000, FaultReason.Watch);
        using Watch watch = _mmu.Watch(new LinearRange(0x2000, 1), WatchKinds.All, (ref WatchedAccess access) => access.Fault = raised);
        Assert.False(_mmu.TryWrite(0x1ffeUL, -1, out MmuFault fault));
        Assert.Equal(raised, fault);
        Assert.Equal(0x2000UL, _mmu.Cr2);
        Assert.Equal(0, _memory.Read<short>(0x20_effe));
        byte[] bytes = [1, 2, 3, 4];
        _mmu.Cr2 = 0;
        Assert.False(_mmu.TryRead(0x1ffeUL, bytes, out fault));
        Assert.Equal([1, 2, 3, 4], bytes);
        Assert.False(_mmu.TryRead(0x2000UL, out int value, out fault));
        Assert.Equal(0x2000UL, _mmu.Cr2);
        _mmu.Cr2 = 0;
        Assert.Equal(2, _mmu.Fetch(0x1ffeUL, bytes, out fault));
        Assert.Equal(raised, fault);
        int[] values = [7, 7];
        MmuFault[] faults = new MmuFault[2];
        Assert.Equal(new BatchResult(1, 1, 1), _mmu.GatherRead([0x1000, 0x2000], values, faults));
        Assert.Equal([MmuFault.None, raised], faults);
        Assert.Equal([0, 0], values);
        Assert.Equal(new BatchResult(1, 1, 1), _mmu.ScatterWrite<int>([0x1000, 0x2000], [5, 5], faults));
        Assert.Equal(0UL, _mmu.Cr2);
        Assert.Equal("#PF(P|W) at 0x2000: raised by the handler of a watch", fault.ToString());
    }

    // The first lane's value is stored where the addresses are before a watch is asked about it.
    [Fact]
    public void Gather_InPlace_TellsTheAddressesThatWereThere()
    {
        ulong[] lanes = [.. Enumerable.Range(0, 20).Select(i => 0x1000UL + (8 * (ulong)i))];
        _memory.Write(0x20_e000 + 16, 0x5555UL);
        using Watch watch = _mmu.Watch(new LinearRange(0x1010, 16), WatchKinds.Read, Note);
        Assert.Equal(new BatchResult(20, 0, -1), _mmu.GatherRead<ulong>(lanes, lanes));
        Assert.Equal(["Read 1010 20e010 5555 1010+8", "Read 1018 20e018 0 1018+8"], _told);
        Assert.Equal(0x5555UL, lanes[2]);
    }

    [Fact]
    public void AccessesOfAHandler_CallNobody()
    {
        using Watch watch = _mmu.Watch(new LinearRange(0x1000, 8), WatchKinds.All, (ref WatchedAccess access) =>
        {
            Note(ref access);
            Assert.True(_mmu.TryRead(0x1000UL, out int value, out _));
            Assert.True(_mmu.TryWrite(0x1004UL, value + 1, out _));
            _mmu.GatherRead<int>([0x1000], new int[1]);
        });
        Assert.True(_mmu.TryWrite(0x1000UL, 1, out _));
        Assert.True(_mmu.TryRead(0x1000UL, out int _, out _));
        Assert.Equal(["Write 1000 20e000 1 1000+4", "Read 1000 20e000 1 1000+4"], _told);
        Assert.Equal(2, _memory.Read<int>(0x20_e004));
    }

    [Fact]
    public void Handler_ThatThrows_ComesOutOfTheAccess_AndTheNextOneIsWatched()
    {
        bool broken = true;
        using Watch watch = _mmu.Watch(new LinearRange(0x2000, 1), WatchKinds.Write, (ref WatchedAccess access) =>
        {
            Note(ref access);
            if (broken) throw new InvalidOperationException("broken");
        });
        Assert.Throws<InvalidOperationException>(() => _mmu.TryWrite(0x1ffeUL, -1, out _));
        Assert.Throws<InvalidOperationException>(() => _mmu.TryWrite(0x2000UL, (byte)1, out _));
        Assert.Equal(0, _memory.Read<short>(0x20_effe));
        Assert.Equal(0, _memory.Read<byte>(0x20_d000));
        broken = false;
        Assert.True(_mmu.TryWrite(0x2000UL, (byte)1, out _));
        Assert.Equal(3, _told.Count);
    }

    [Fact]
    public void Watches_MadeAndEndedByAHandler_CountFromTheNextAccess_AndAtOnce()
    {
        var second = _mmu.Watch(new LinearRange(0x1002, 1), WatchKinds.Read, Note);
        Watch? third = null;
        using Watch first = _mmu.Watch(new LinearRange(0x1000, 1), WatchKinds.Read, (ref WatchedAccess access) =>
        {
            Note(ref access);
            second.Dispose();
            third ??= _mmu.Watch(new LinearRange(0x1003, 1), WatchKinds.Read, Note);
        });
        Assert.True(_mmu.TryRead(0x1000UL, out int _, out _));
        Assert.Equal(["Read 1000 20e000 0 1000+4"], _told);
        Assert.True(_mmu.TryRead(0x1000UL, out int _, out _));
        Assert.Equal(["Read 1000 20e000 0 1000+4", "Read 1000 20e000 0 1000+4", "Read 1003 20e003 0 1000+4"], _told);
        first.Dispose();
        third!.Dispose();
        Assert.True(_mmu.TryRead(0x1000UL, out int _, out _));
        Assert.Equal(3, _told.Count);
    }

    [Fact]
    public void Translations_CallNobody_AndAreAsWithout()
    {
        using Watch watch = _mmu.Watch(new LinearRange(0, 16 * 4 * KiB), WatchKinds.All, Note);
        Assert.Equal(0x20_e123UL, _mmu.Translate(0x1123UL, Access.Write, Privilege.Supervisor).Physical.Value);
        Assert.True(_mmu.TryTranslate(0x1123UL, Access.Read, Privilege.Supervisor, out _));
        Assert.Equal(new BatchResult(2, 0, -1), _mmu.TranslateBatch([0x1000, 0x2000], new ulong[2], Access.Read, Privilege.Supervisor));
        Assert.Equal(8, _mmu.ReadBytes(0x1000UL, new byte[8]).Bytes);
        Assert.Empty(_told);
        Assert.True(_mmu.TryRead(0x1000UL, out int _, out _));
        Assert.Single(_told);
    }

    [Fact]
    public void Device_BehindAWatchedPage_IsAskedOnceAsWithout()
    {
        var device = new Counter();
        _memory.MapDevice(0xfed0_0000, 4 * KiB, device);
        using Watch watch = _mmu.Watch(new LinearRange(0x2_0000, 8), WatchKinds.All, Note);
        Assert.True(_mmu.TryRead(0x2_0000UL, out uint value, out _));
        Assert.Equal(1U, value);
        Assert.True(_mmu.TryWrite(0x2_0000UL, 5U, out _));
        Assert.Equal(5UL, device.Value);
        Assert.Equal(["Read 20000 fed00000 1 20000+4", "Write 20000 fed00000 5 20000+4"], _told);
    }

    [Theory]
    [InlineData(0x1000, 0, WatchKinds.Read)]
    [InlineData(ulong.MaxValue, 2, WatchKinds.Read)]
    [InlineData(0x1000, 1, WatchKinds.None)]
    [InlineData(0x1000, 1, (WatchKinds)8)]
    public void Watch_OfNothing_IsRefused(ulong start, ulong length, WatchKinds kinds) =>
        Assert.Throws<ArgumentException>(() => _mmu.Watch(new LinearRange(start, length), kinds, Note));

    [Theory]
    [InlineData(false, TlbPreset.Zen4)]
    [InlineData(true, TlbPreset.Zen4)]
    [InlineData(false, TlbPreset.None)]
    public void RandomAccessesUnderRandomWatches_TellExactlyWhatBothHold(bool statistics, TlbPreset tlb)
    {
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, new MmuOptions { Statistics = statistics, Tlb = tlb });
        mmu.EnablePaging(_mmu.State.Cr3.Value);
        var random = new Random(3);
        var watches = new List<(Watch Watch, List<(ulong, int)> Told)>();
        for (int round = 0; round < 4000; round++)
        {
            if (random.Next(20) == 0)
            {
                var told = new List<(ulong, int)>();
                int start = random.Next(0xf000);
                watches.Add((mmu.Watch(
                    new LinearRange((ulong)start, (ulong)random.Next(1, random.Next(2) == 0 ? 10 : 0x10000 - start)),
                    (WatchKinds)random.Next(1, 8),
                    (ref WatchedAccess access) => told.Add((access.Linear.Value, access.Size))), told));
            }

            if (watches.Count > 6)
            {
                int index = random.Next(watches.Count);
                watches[index].Watch.Dispose();
                watches.RemoveAt(index);
            }

            int length = random.Next(4) switch { 0 => 8, 1 => 4, _ => random.Next(1, random.Next(3) == 0 ? 9000 : 20) };
            ulong at = (ulong)random.Next(0x10000 - length);
            byte[] bytes = new byte[length];
            WatchKinds kind = (WatchKinds)(1 << random.Next(3));
            switch (kind)
            {
                case WatchKinds.Execute: mmu.Fetch(at, bytes, out _); break;
                case WatchKinds.Read when length == 8: mmu.TryRead(at, out ulong _, out _); break;
                case WatchKinds.Read when length == 4: mmu.GatherRead<int>([at], new int[1]); break;
                case WatchKinds.Read: mmu.TryRead(at, bytes, out _); break;
                case WatchKinds.Write when length == 8: mmu.TryWrite(at, 0UL, out _); break;
                case WatchKinds.Write when length == 4: mmu.ScatterWrite<int>([at], new int[1]); break;
                default: mmu.TryWrite(at, bytes, out _); break;
            }

            foreach ((Watch watch, List<(ulong, int)> told) in watches)
            {
                var expected = new List<(ulong, int)>();
                for (ulong page = at & ~0xfffUL; page < at + (ulong)length; page += 0x1000)
                {
                    ulong first = Math.Max(Math.Max(at, page), watch.Range.Start.Value);
                    ulong end = Math.Min(Math.Min(at + (ulong)length, page + 0x1000), watch.Range.Start.Value + watch.Range.Length);
                    if (first < end && (watch.Kinds & kind) != 0) expected.Add((first, (int)(end - first)));
                }

                Assert.Equal(expected, told);
                told.Clear();
            }
        }
    }

    private void Note(ref WatchedAccess access) =>
        _told.Add($"{access.Kind} {access.Linear.Value:x} {access.Physical.Value:x} {access.Value:x} {access.AccessStart.Value:x}+{access.AccessLength}");

    private sealed class Counter : IMemoryDevice
    {
        internal ulong Value { get; private set; }

        public ulong Read(in DeviceAccess access) => ++Value;

        public void Write(in DeviceAccess access, ulong value) => Value = value;
    }
}
