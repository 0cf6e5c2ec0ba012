using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class SearchTests : IDisposable
{
    private const ulong Start = 0x3f_d000;
    private const int Pages = 8;
    private const ulong Frames = 0x100_0000;

    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 64 * MiB), new MemoryRange(0xff00_0000, 1 * MiB, MemoryKind.Rom)]);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void ADeviceWithinAPage_IsNeverRead_AndEndsMatches()
    {
        var device = new Untouched();
        _memory.MapDevice(0x1100, 16, device);
        _memory.SetKind(0x1200, 16, MemoryKind.Rom);
        _memory.SetKind(0x1300, 16, MemoryKind.Hole);
        foreach (ulong at in new ulong[] { 0x10fd, 0x10fe, 0x1110, 0x11fe, 0x120f, 0x12fd, 0x1310 }) _memory.LoadRom(at, "abc"u8[..(at is 0x10fe ? 2 : 3)]);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);

        IEnumerable<LinearAddress> matches = mmu.Search(new LinearRange(0x1000, 0x1000), "abc"u8.ToArray());
        Assert.Equal("0x1110 0x11fe 0x120f 0x12fd 0x1310", string.Join(' ', matches));
    }

    /// <summary>Whatever is mapped, mapped twice, absent or refused: the matches are those of every address tried alone.</summary>
    [Fact]
    public void SearchFindsWhatByteByByteReadsMatch() => Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
    {
        var random = new Random(seed);
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, new BitmapFrameAllocator(_memory, new PhysicalRange(0UL, Frames)));
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        mmu.SetCpl(random.Next(2) * 3);
        for (ulong page = 0; page < Pages; page++)
        {
            if (random.Next(5) == 0) continue;
            ulong frame = random.Next(6) switch { 0 => 0xff00_0000, 1 => 0xe000_0000, _ => Frames + ((ulong)random.Next(4) << 12) };
            space.Map(Start + (page << 12), frame, 4096, random.Next(4) == 0 ? Rights.Read : Rights.UserRead);
        }

        Span<byte> bytes = _memory.Span(Frames, 4 * 4096);
        random.NextBytes(bytes);
        // Few different bytes, fewer in some pages, so that patterns are found, and over borders.
        for (int i = 0; i < bytes.Length; i++) bytes[i] &= (byte)((i >> 12) == 0 ? 0 : 1);
        byte[] pattern = new byte[random.Next(3) == 0 ? random.Next(1, 9000) : random.Next(1, 12)];
        if (random.Next(2) == 0) for (int i = 0; i < pattern.Length; i++) pattern[i] = (byte)random.Next(2);
        var range = new LinearRange(Start + (ulong)random.Next(5000), (ulong)random.Next(Pages * 4096));
        Assert.Equal(Naive(mmu, range, pattern), mmu.Search(range, pattern).Select(a => a.Value));
    }).Holds(60);

    [Fact]
    public void Search_OfTheWholeAddressSpace_PassesOverWhatIsAbsent()
    {
        PageMapper space = PageMapper.Create<Paging5Level>(_memory, new BitmapFrameAllocator(_memory));
        using var mmu = new Mmu(_memory, new ProcessorFeatures { La57 = true });
        mmu.EnablePaging(space.Root, PagingMode.FiveLevel);
        ulong[] places = [0x1000, 0x7fff_ffff_f000, 0xff_ffff_ffff_f000, 0xff00_0000_0000_0000, 0xffff_ffff_ffff_e000];
        foreach (ulong place in places) space.Map(place, Frames, 4096, Rights.Read | Rights.Write);
        _memory.Write(Frames + 0x800, "needle"u8);
        Assert.Equal(places.Select(p => p + 0x800), mmu.Search(new LinearRange(0UL, ulong.MaxValue), "needle"u8.ToArray()).Select(a => a.Value));
        Assert.Equal(places[0] + 0x800, mmu.Search(new LinearRange(0UL, ulong.MaxValue), "needle"u8.ToArray()).First().Value);
    }

    [Fact]
    public void Search_WithAHandler_AsksForEveryAbsentPage()
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, new BitmapFrameAllocator(_memory, new PhysicalRange(0UL, Frames)));
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        _memory.Write(Frames + 0x3ffe, "needle"u8);
        var handler = new Odd(space);
        Assert.Equal([], mmu.Search(new LinearRange(Start, Pages * 4096), "needle"u8.ToArray(), new(FaultHandler: handler)));
        Assert.Equal(Pages, handler.Asked);
        handler.All = true;
        Assert.Equal([Start + 0x3ffe], mmu.Search(new LinearRange(Start, Pages * 4096), "needle"u8.ToArray(), new(FaultHandler: handler)).Select(a => a.Value));
    }

    [Fact]
    public void Search_ForNothing_IsRefusedAtOnce()
    {
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        Assert.Throws<ArgumentException>(() => mmu.Search(new LinearRange(0UL, 100), default));
    }

    private List<ulong> Naive(Mmu mmu, LinearRange range, byte[] pattern)
    {
        var bytes = new int[range.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            ulong at = range.Start.Value + (ulong)i;
            bool memory = mmu.Translate(at) is { Ok: true } translation && _memory.KindOf(translation.Physical) != MemoryKind.Hole;
            bytes[i] = memory && mmu.TryRead(at, out byte value, out _) ? value : -1;
        }

        var matches = new List<ulong>();
        for (int i = 0; i + pattern.Length <= bytes.Length; i++)
        {
            int same = 0;
            while (same < pattern.Length && bytes[i + same] == pattern[same]) same++;
            if (same == pattern.Length) matches.Add(range.Start.Value + (ulong)i);
        }

        return matches;
    }

    /// <summary>Maps every other page first.</summary>
    private sealed class Odd(PageMapper space) : IFaultHandler
    {
        public int Asked { get; private set; }

        public bool All { get; set; }

        public bool TryResolve(Mmu mmu, MmuFault fault)
        {
            Asked++;
            ulong page = fault.Address & ~0xfffUL;
            return (All || ((page >> 12) & 1) != 0) && space.Map(page, Frames + (page - Start), 4096, Rights.UserReadWrite).Ok;
        }
    }

    private sealed class Untouched : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => throw new InvalidOperationException("A search has read a device.");

        public void Write(in DeviceAccess access, ulong value) => throw new InvalidOperationException("A search has written a device.");
    }
}
