using FastMmu.Addresses;
using FastMmu.Memory;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

public sealed class FrameAllocatorTests : IDisposable
{
    private readonly PhysicalMemory _memory = new(
        [new MemoryRange(0UL, 640 * KiB), new MemoryRange(640 * KiB, 384 * KiB, MemoryKind.Rom), new MemoryRange(4 * GiB, 1 * MiB)], hugePages: false);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Bitmap_AllFrames_AreThoseOfRamButTheFirst()
    {
        var frames = new BitmapFrameAllocator(_memory);
        Assert.Equal(159 + 256, frames.TotalFrames);
        var taken = new List<ulong>();
        while (frames.TryAllocate(out PhysicalAddress frame)) taken.Add(frame.Value);
        IEnumerable<ulong> expected = Enumerable.Range(1, 159).Select(i => (ulong)i * 4096).Concat(Enumerable.Range(0, 256).Select(i => (4 * GiB) + ((ulong)i * 4096)));
        Assert.Equal(expected, taken);
        Assert.Equal(0, frames.FreeFrames);
        foreach (ulong frame in taken) frames.Free(frame);
        Assert.Equal(0, frames.UsedFrames);
    }

    [Fact]
    public void Bitmap_Limit_HandsOutNoFrameThatEndsAbove()
    {
        var frames = new BitmapFrameAllocator(_memory);
        frames.Reserve(new PhysicalRange(0UL, 636 * KiB));
        Assert.False(frames.TryAllocate(out _, 639 * KiB));
        Assert.True(frames.TryAllocate(out PhysicalAddress frame, 640 * KiB));
        Assert.Equal(636 * KiB, frame.Value);
        Assert.False(frames.TryAllocate(out frame, 4 * GiB));
        Assert.Equal(0UL, frame.Value);
        Assert.True(frames.TryAllocate(out frame));
        Assert.Equal(4 * GiB, frame.Value);
    }

    [Fact]
    public void Bitmap_FrameFreedAndTakenAgain_IsZero()
    {
        var frames = new BitmapFrameAllocator(_memory);
        Assert.True(frames.TryAllocate(out PhysicalAddress first));
        Assert.True(frames.TryAllocate(out PhysicalAddress second));
        _memory.Span(first, 4096).Fill(0xa5);
        frames.Free(first);
        Assert.False(frames.Owns(first));
        Assert.True(frames.Owns(second));
        Assert.True(frames.TryAllocate(out PhysicalAddress again));
        Assert.Equal(first, again);
        Assert.False(_memory.Span(first, 4096).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Bitmap_FreeOfWhatIsNotHandedOut_Throws()
    {
        var frames = new BitmapFrameAllocator(_memory);
        Assert.True(frames.TryAllocate(out PhysicalAddress frame));
        Assert.Throws<ArgumentException>(() => frames.Free(frame + 4096));
        Assert.Throws<ArgumentException>(() => frames.Free(frame + 8));
        Assert.Throws<ArgumentException>(() => frames.Free(0UL));
        Assert.Throws<ArgumentException>(() => frames.Free(700 * KiB));
        frames.Free(frame);
        Assert.Throws<ArgumentException>(() => frames.Free(frame));
        Assert.Equal(frames.TotalFrames, frames.FreeFrames);
    }

    [Fact]
    public void Bitmap_Reserve_CountsOnlyFramesThatWereFree()
    {
        var frames = new BitmapFrameAllocator(_memory);
        Assert.Equal(0, frames.Reserve(new PhysicalRange(0UL, 4096)));
        Assert.Equal(2, frames.Reserve(new PhysicalRange(0x1fff, 2)));
        Assert.Equal(1, frames.Reserve(new PhysicalRange(0x1000, 0x3000)));
        Assert.Equal(0, frames.Reserve(new PhysicalRange(0x5000, 0)));
        Assert.Equal(frames.TotalFrames - 3, frames.Reserve(new PhysicalRange(0UL, 1UL << 52)));
        Assert.False(frames.TryAllocate(out _));
    }

    [Fact]
    public void Bitmap_WithinARange_StaysInside()
    {
        var frames = new BitmapFrameAllocator(_memory, new PhysicalRange(0x1800, 0x2800));
        Assert.Equal(2, frames.TotalFrames);
        Assert.True(frames.TryAllocate(out PhysicalAddress frame));
        Assert.Equal(0x2000UL, frame.Value);
        Assert.Throws<ArgumentException>(() => new BitmapFrameAllocator(_memory, new PhysicalRange(640 * KiB, 384 * KiB)));
    }

    [Fact]
    public void Bump_FramesFreedInReverse_LeaveNoTrace()
    {
        var frames = new BumpFrameAllocator(_memory, new PhysicalRange(4 * GiB, 16 * KiB));
        _memory.Span(4 * GiB, 4096).Fill(0xff);
        var taken = new Stack<PhysicalAddress>();
        while (frames.TryAllocate(out PhysicalAddress frame)) taken.Push(frame);
        Assert.Equal(4, taken.Count);
        Assert.Equal(0UL, _memory.Read<ulong>(4 * GiB));
        Assert.Throws<ArgumentException>(() => frames.Free((4 * GiB) + 8));
        foreach (PhysicalAddress frame in taken) frames.Free(frame);
        Assert.Equal(4, frames.FreeFrames);
        Assert.False(frames.TryAllocate(out _, 4 * GiB));
        Assert.True(frames.TryAllocate(out PhysicalAddress first));
        Assert.True(frames.TryAllocate(out _));
        frames.Free(first);
        Assert.Equal(2, frames.UsedFrames);
        frames.Reset();
        Assert.Equal(0, frames.UsedFrames);
    }

    [Fact]
    public void Bump_RangeThatIsNotRam_Throws()
    {
        Assert.Throws<ArgumentException>(() => new BumpFrameAllocator(_memory, new PhysicalRange(636 * KiB, 8 * KiB)));
        Assert.Throws<ArgumentException>(() => new BumpFrameAllocator(_memory, new PhysicalRange(0x800, 4 * KiB)));
        Assert.Throws<ArgumentException>(() => new BumpFrameAllocator(_memory, new PhysicalRange(2 * GiB, 4 * KiB)));
    }
}
