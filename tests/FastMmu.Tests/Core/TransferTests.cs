using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

/// <summary>Transfers with somebody who resolves faults, and the shapes that random machines seldom take.</summary>
public sealed class TransferTests : IDisposable
{
    private const ulong Heap = 0x40_0000;
    private const ulong Frames = 0x100_0000;

    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 64 * MiB), new MemoryRange(0xff00_0000, 1 * MiB, MemoryKind.Rom)]);
    private readonly PageMapper _space;
    private readonly Mmu _mmu;

    public TransferTests()
    {
        _space = PageMapper.Create<Paging4Level>(_memory, new BitmapFrameAllocator(_memory));
        _mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        _mmu.EnablePaging(_space.Root);
    }

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Write_WithDemandPages_BringsEachInOnce(bool allOrNothing)
    {
        var pages = new DemandPages(_space, mostPages: 300);
        byte[] bytes = [.. Enumerable.Range(0, 200 * 4096).Select(i => (byte)(i >> 6))];
        Assert.Equal(new TransferResult(bytes.Length, MmuFault.None), _mmu.WriteBytes(Heap + 0x123, bytes, new(allOrNothing, pages)));
        Assert.Equal(201, pages.Asked);
        byte[] read = new byte[bytes.Length];
        Assert.True(_mmu.TryRead(Heap + 0x123, read, out _));
        Assert.Equal(bytes, read);
    }

    [Fact]
    public void Write_AllOrNothing_WhereTheHandlerRefuses_WritesNothing()
    {
        var pages = new DemandPages(_space, mostPages: 2);
        TransferResult result = _mmu.WriteBytes(Heap + 8, Ones(3 * 4096), new(AllOrNothing: true, pages));
        Assert.Equal(0, result.Bytes);
        Assert.Equal(Heap + 0x2000, result.Fault.Address);
        Assert.True(_mmu.TryRead(Heap + 8, out ulong first, out _));
        Assert.Equal(0UL, first);
        Assert.Equal(0x2000 - 8, _mmu.WriteBytes(Heap + 8, Ones(3 * 4096), new(FaultHandler: pages)).Bytes);
    }

    // Two frames for whatever is mapped: three pages at once never are, and nobody waits for it for ever.
    [Fact]
    public void Write_AllOrNothing_WhereAPageTakesAnothersPlace_EndsWithAFault()
    {
        var pages = new DemandPages(_space, mostPages: int.MaxValue) { Resident = 2, Mmu = _mmu };
        TransferResult refused = _mmu.WriteBytes(Heap, Ones(3 * 4096), new(AllOrNothing: true, pages));
        Assert.Equal(0, refused.Bytes);
        Assert.Equal(FaultReason.NotPresent, refused.Fault.Reason);
        Assert.Equal(new TransferResult(2 * 4096, MmuFault.None), _mmu.WriteBytes(Heap, Ones(2 * 4096), new(AllOrNothing: true, pages)));
        Assert.Equal(new TransferResult(9 * 4096, MmuFault.None), _mmu.WriteBytes(Heap, Ones(9 * 4096), new(FaultHandler: pages)));
        Assert.Equal(refused.Bytes, _mmu.CopyTo(Heap, _mmu, Heap + 0x10_0000, 2 * 4096, new(AllOrNothing: true, pages)).Bytes);
    }

    [Fact]
    public void Handler_ThatSaysResolvedForNothing_IsAskedEightTimes()
    {
        var liar = new Counter(_ => true);
        TransferResult result = _mmu.ReadBytes(Heap, new byte[10], new(FaultHandler: liar));
        Assert.Equal((0, Heap), (result.Bytes, result.Fault.Address));
        Assert.Equal(8, liar.Asked);
    }

    [Fact]
    public void Handler_ThatThrows_LeavesWhatWasDone()
    {
        _space.Map(Heap, Frames, 4096, Rights.UserReadWrite);
        var failing = new Counter(_ => throw new InvalidOperationException("out of disk"));
        var options = new TransferOptions(FaultHandler: failing);
        Assert.Throws<InvalidOperationException>(() => _mmu.WriteBytes(Heap + 0xffc, Ones(8), options));
        Assert.Equal(0xffff_ffffU, _memory.Read<uint>(Frames + 0xffc));
        Assert.Throws<InvalidOperationException>(() => _mmu.WriteBytes(Heap, new byte[5000], options with { AllOrNothing = true }));
        Assert.Throws<InvalidOperationException>(() => _mmu.CopyTo(Heap, _mmu, Heap + 0x1000, 8, options));
        Assert.Equal(0xffff_ffffU, _memory.Read<uint>(Frames + 0xffc));
        Assert.Equal(4, _mmu.ReadBytes(Heap + 0xffc, new byte[8]).Bytes);
    }

    [Fact]
    public void Handler_ThatTransfersItself_IsDoneFirst()
    {
        _space.Map(Heap, Frames, 4096, Rights.UserReadWrite);
        _memory.Write(Frames, "template"u8);
        var copying = new Counter(fault =>
        {
            _space.Map(Heap + 0x1000, Frames + 0x1000, 4096, Rights.UserReadWrite);
            return _mmu.CopyTo(Heap, _mmu, Heap + 0x1000, 8).IsComplete;
        });
        byte[] bytes = new byte[12];
        Assert.True(_mmu.ReadBytes(Heap + 0xffc, bytes, new(FaultHandler: copying)).IsComplete);
        Assert.Equal("template"u8.ToArray(), bytes[4..]);
        Assert.Equal(1, copying.Asked);
    }

    [Fact]
    public void Copy_BetweenMemories_GoesThroughBothMmus()
    {
        using var memory = PhysicalMemory.Create(8 * MiB);
        PageMapper space = PageMapper.Create<PagingPae>(memory, new BitmapFrameAllocator(memory));
        using var other = new Mmu(memory, ProcessorFeatures.Zen4);
        other.EnablePaging(space.Root, PagingMode.Pae);
        space.Map(0x8000, 0x40_0000, 3 * 4096, Rights.UserReadWrite);
        _space.Map(Heap, Frames, 4 * 4096, Rights.UserReadWrite);
        for (ulong i = 0; i < 0x4000; i += 4) _memory.Write(Frames + i, (uint)i);
        Assert.Equal(new TransferResult(0x2800, MmuFault.None), _mmu.CopyTo(Heap + 0x7fe, other, 0x8004, 0x2800));
        Assert.True(memory.Span(0x40_0004, 0x2800).SequenceEqual(_memory.Span(Frames + 0x7fe, 0x2800)));
        TransferResult refused = _mmu.CopyTo(Heap, other, 0xa000, 0x2000, new(AllOrNothing: true));
        Assert.Equal((0, 0xb000UL), (refused.Bytes, refused.Fault.Address));
        Assert.Equal(0x1000, other.CopyTo(0xa000, _mmu, Heap, 0x2000).Bytes);
    }

    [Fact]
    public void Copy_FromRomAndHoles_IsWhatTheyReadAs()
    {
        _space.Map(Heap, 0xff00_0000UL, 4096, Rights.UserReadWrite);
        _space.Map(Heap + 0x1000, 0xe000_0000UL, 4096, Rights.UserReadWrite);
        _space.Map(Heap + 0x2000, Frames, 2 * 4096, Rights.UserReadWrite);
        _memory.LoadRom(0xff00_0ffcUL, [1, 2, 3, 4]);
        Assert.True(_mmu.CopyTo(Heap + 0xffc, _mmu, Heap + 0x2000, 8).IsComplete);
        Assert.Equal(0xffff_ffff_0403_0201, _memory.Read<ulong>(Frames));
        // Dropped, as any write there.
        Assert.True(_mmu.CopyTo(Heap + 0x2000, _mmu, Heap, 8).IsComplete);
        Assert.Equal(0UL, _memory.Read<ulong>(0xff00_0000));
    }

    // Hundreds of pages, so that frames are sorted: shifted up and down by pages and by bytes, and one frame under many pages.
    [Theory]
    [InlineData(0x1000, false)]
    [InlineData(-0x1000, false)]
    [InlineData(0x2345, false)]
    [InlineData(-0x2345, false)]
    [InlineData(0x12345, true)]
    [InlineData(-0x777, true)]
    public void Copy_OverManyPages_IsAsThroughABuffer(int shift, bool twice)
    {
        const int length = 100 * 4096;
        for (ulong page = 0; page < 160; page++) _space.Map(Heap + (page << 12), Frames + ((twice ? page * 7 % 50 : page * 31 % 160) << 12), 4096, Rights.UserReadWrite);
        for (ulong i = 0; i < 160 * 4096; i += 4) _memory.Write(Frames + i, (uint)i * 0x9e37_79b9U);
        ulong from = Heap + (20 << 12) + 0x88, to = from + (ulong)shift;
        byte[] source = new byte[length];
        Assert.True(_mmu.TryRead(from, source, out _));
        byte[] before = _memory.Span(Frames, 160 * 4096).ToArray();
        Assert.True(_mmu.TryWrite(to, source, out _));
        byte[] expected = _memory.Span(Frames, 160 * 4096).ToArray();
        before.CopyTo(_memory.Span(Frames, 160 * 4096));
        Assert.Equal(new TransferResult(length, MmuFault.None), _mmu.CopyTo(from, _mmu, to, length));
        Assert.True(_memory.Span(Frames, 160 * 4096).SequenceEqual(expected));
    }

    [Fact]
    public void String_LongerThanAnyBuffer_IsReadOnce()
    {
        string text = string.Concat(Enumerable.Range(0, 9000).Select(i => (char)('α' + (i % 20))));
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text);
        _space.Map(Heap, Frames, 8 * 4096, Rights.UserReadWrite);
        Assert.True(_mmu.TryWrite(Heap + 5, bytes, out _));
        Assert.Equal(new StringResult(18000, true, MmuFault.None), _mmu.ReadString(Heap + 5, int.MaxValue, out string read));
        Assert.Equal(text, read);
        Assert.Equal(new StringResult(17999, false, MmuFault.None), _mmu.ReadString(Heap + 5, 17999, out read));
        Assert.Equal(text[..^1] + "\ufffd", read);
        Assert.Equal(default, _mmu.ReadString(Heap + 5, 0, out read));
        _memory.Span(Frames, 8 * 4096).Replace((byte)0, (byte)'x');
        StringResult cut = _mmu.ReadString(Heap, int.MaxValue, out read);
        Assert.Equal((8 * 4096, Heap + 0x8000), (cut.Bytes, cut.Fault.Address));
        Assert.Equal(0, _mmu.ReadString(Heap, int.MaxValue, out _, new(AllOrNothing: true)).Bytes);
    }

    // The letters of a register file, each of which counts its reads.
    [Fact]
    public void Devices_AreReadNoFurtherThanNeeded()
    {
        var device = new Letters();
        _memory.MapDevice(0xf000_0000UL, 4096, device);
        _space.Map(Heap, 0xf000_0000UL, 4096, Rights.UserReadWrite);
        _space.Map(Heap + 0x1000, Frames, 4096, Rights.UserReadWrite);
        Assert.Equal(6, _mmu.ReadString(Heap + 4, 100, out string text).Bytes);
        Assert.Equal("efghij", text);
        Assert.Equal(7, device.BytesRead);
        Assert.Empty(_mmu.Search(new LinearRange(Heap, 0x2000), "fgh"u8.ToArray()));
        Assert.Equal(7, device.BytesRead);
        Assert.True(_mmu.CopyTo(Heap + 1, _mmu, Heap + 0x1000, 5).IsComplete);
        Assert.Equal("bcdef"u8.ToArray(), _memory.Span(Frames, 5).ToArray());
        Assert.Equal(12, device.BytesRead);
        Assert.True(_mmu.CopyTo(Heap + 0x1000, _mmu, Heap + 3, 5).IsComplete);
        Assert.Equal(5, device.BytesWritten);
        Assert.Equal([Heap + 0x1001], _mmu.Search(new LinearRange(Heap, 0x2000), "cde"u8.ToArray()).Select(a => a.Value));
    }

    // Copying reads no page for somebody who asks what was written.
    [Fact]
    public void Copy_UnderADirtyLog_WritesItsTargetAlone()
    {
        _space.Map(Heap, Frames, 4 * 4096, Rights.UserReadWrite);
        using DirtyLog log = _memory.StartDirtyLog();
        Assert.True(_mmu.CopyTo(Heap + 8, _mmu, Heap + 0x2008, 4096).IsComplete);
        ulong[] written = [.. log.Take().Select(p => p.Value).Where(p => p is >= Frames and < Frames + 0x4000)];
        Assert.Equal([Frames + 0x2000, Frames + 0x3000], written.Order());
        Assert.True(_mmu.ReadBytes(Heap, new byte[0x4000]).IsComplete);
        Assert.Empty(_mmu.Search(new LinearRange(Heap, 0x4000), "x"u8.ToArray()));
        Assert.Empty(log.Take());
    }

    [Fact]
    public void Transfers_OfNothing_TouchNothing()
    {
        Assert.Equal(default, _mmu.ReadBytes(Heap + 1, []));
        Assert.Equal(default, _mmu.WriteBytes(Heap + 1, [], new(AllOrNothing: true)));
        Assert.Equal(default, _mmu.CopyTo(Heap + 1, _mmu, Heap + 2, 0));
        Assert.Equal(default, _mmu.ReadString(Heap + 1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => _mmu.CopyTo(Heap, _mmu, Heap, -1));
    }

    [Fact]
    public void Transfers_AfterWarmUp_AllocateNothing()
    {
        _space.Map(Heap, Frames, 512 * 4096, Rights.UserReadWrite);
        byte[] bytes = new byte[100 * 4096];
        for (int i = 0; i < 3; i++) Transfer();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Transfer();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Transfer()
        {
            Assert.True(_mmu.ReadBytes(Heap, bytes).IsComplete);
            Assert.True(_mmu.WriteBytes(Heap + 0x10, bytes, new(AllOrNothing: true)).IsComplete);
            Assert.True(_mmu.CopyTo(Heap, _mmu, Heap + 0x10_0001, bytes.Length).IsComplete);
            Assert.True(_mmu.CopyTo(Heap, _mmu, Heap + 0x1001, bytes.Length).IsComplete);
        }
    }

    private static byte[] Ones(int length)
    {
        byte[] bytes = new byte[length];
        Array.Fill(bytes, (byte)0xff);
        return bytes;
    }

    private sealed class Letters : IMemoryDevice
    {
        public int BytesRead { get; private set; }

        public int BytesWritten { get; private set; }

        public ulong Read(in DeviceAccess access)
        {
            BytesRead += access.Size;
            ulong value = 0;
            for (int i = access.Size - 1; i >= 0; i--) value = (value << 8) | (access.Offset + (ulong)i < 10 ? 'a' + access.Offset + (ulong)i : 0);
            return value;
        }

        public void Write(in DeviceAccess access, ulong value) => BytesWritten += access.Size;
    }

    private sealed class Counter(Func<MmuFault, bool> resolve) : IFaultHandler
    {
        public int Asked { get; private set; }

        public bool TryResolve(Mmu mmu, MmuFault fault)
        {
            Asked++;
            return resolve(fault);
        }
    }

    /// <summary>Maps what is asked for, and takes the oldest page away where there are too many.</summary>
    private sealed class DemandPages(PageMapper space, int mostPages) : IFaultHandler
    {
        private readonly Queue<ulong> _resident = [];

        public int Asked { get; private set; }

        public int Resident { get; init; } = int.MaxValue;

        public Mmu? Mmu { get; init; }

        public bool TryResolve(Mmu mmu, MmuFault fault)
        {
            if (Asked++ >= mostPages) return false;
            ulong page = fault.Address & ~0xfffUL;
            if (_resident.Count == Resident)
            {
                ulong oldest = _resident.Dequeue();
                space.Unmap(oldest, 4096);
                Mmu!.InvalidatePage(oldest);
            }

            _resident.Enqueue(page);
            return space.Map(page, Frames + (page - Heap), 4096, Rights.UserReadWrite).Ok;
        }
    }
}
