using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Linux.Pages;

/// <summary>Host addresses of page frames: a compare and an add for the RAM that begins at 0 and for the RAM behind a PC's hole.</summary>
/// <remarks>
/// Only frames that are RAM are looked up in the window, so that a table entry that somebody has damaged is an exception and not a crash.
/// Native memory does not move, so a pointer into it stays right until the memory is disposed; then the window is closed and every use
/// throws <see cref="ObjectDisposedException"/>.
/// </remarks>
internal sealed unsafe class FrameMemory
{
    internal const int PageBytes = 4096;

    private readonly PhysicalMemory _memory;
    private byte* _base;
    private ulong _low;
    private ulong _high;
    private ulong _highFrames;

    // One for each memory, however many machines are started on it one after the other.
    private static readonly ConditionalWeakTable<PhysicalMemory, FrameMemory> Windows = [];

    private FrameMemory(PhysicalMemory memory)
    {
        _memory = memory;
        _base = memory.WindowBase;
        foreach (MemoryRange range in memory.Ranges)
        {
            // Below 1 TiB a host address is the base plus the physical address.
            if (range.End > 1UL << 40)
            {
                break;
            }

            if (range.Start.Value >> 12 == _low)
            {
                _low = range.End >> 12;
            }
            else if ((range.End - range.Start.Value) >> 12 > _highFrames)
            {
                _high = range.Start.Value >> 12;
                _highFrames = (range.End - range.Start.Value) >> 12;
            }
        }

        memory.Disposing += Close;
    }

    /// <summary>The window to a memory.</summary>
    internal static FrameMemory Of(PhysicalMemory memory) => Windows.GetValue(memory, static m => new FrameMemory(m));

    /// <summary>The first byte of a frame. Before it is written through, say so: <see cref="BeforeWrite"/>.</summary>
    internal byte* this[ulong frame]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => frame < _low || frame - _high < _highFrames ? _base + (frame << 12) : Outside(frame);
    }

    /// <summary>The bytes of a frame, to be written now.</summary>
    internal Span<byte> Bytes(ulong frame) => new(Writable(frame), PageBytes);

    /// <summary>The bytes of a frame, to be read only.</summary>
    internal ReadOnlySpan<byte> Contents(ulong frame) => new(this[frame], PageBytes);

    /// <summary>As <see cref="Contents"/>, for who has one name for what is read and what is written.</summary>
    internal Span<byte> Unwritten(ulong frame) => new(this[frame], PageBytes);

    /// <summary>Fills a frame with zeros.</summary>
    internal void Clear(ulong frame) => NativeMemory.Clear(Writable(frame), PageBytes);

    /// <summary>Copies a frame.</summary>
    internal void Copy(ulong from, ulong to) => NativeMemory.Copy(this[from], Writable(to), PageBytes);

    /// <summary>Tells whoever logs writes, or keeps what is overwritten, that a frame changes: costs nothing worth speaking of while nobody does.</summary>
    /// <param name="at">Any host address in the frame.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void BeforeWrite(void* at) => _memory.BeforeHostWrite((void*)((nuint)at & ~(nuint)(PageBytes - 1)), PageBytes);

    private byte* Writable(ulong frame)
    {
        byte* bytes = this[frame];
        BeforeWrite(bytes);
        return bytes;
    }

    private byte* Outside(ulong frame)
    {
        var address = new PhysicalAddress(frame << 12);
        // The other call knows how to refuse.
        if (!_memory.TryGetReadOnlySpan(address, PageBytes, out ReadOnlySpan<byte> bytes))
        {
            bytes = _memory.Span(address, PageBytes);
        }

        return (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(bytes));
    }

    private void Close()
    {
        _base = null;
        _low = _highFrames = 0;
    }
}
