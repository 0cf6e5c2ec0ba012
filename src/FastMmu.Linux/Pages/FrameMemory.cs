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

    internal FrameMemory(PhysicalMemory memory)
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

    /// <summary>The first byte of a frame.</summary>
    internal byte* this[ulong frame]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => frame < _low || frame - _high < _highFrames ? _base + (frame << 12) : Outside(frame);
    }

    /// <summary>The bytes of a frame.</summary>
    internal Span<byte> Bytes(ulong frame) => new(this[frame], PageBytes);

    /// <summary>Fills a frame with zeros.</summary>
    internal void Clear(ulong frame) => NativeMemory.Clear(this[frame], PageBytes);

    /// <summary>Copies a frame.</summary>
    internal void Copy(ulong from, ulong to) => NativeMemory.Copy(this[from], this[to], PageBytes);

    private byte* Outside(ulong frame) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_memory.Span(new PhysicalAddress(frame << 12), PageBytes)));

    private void Close()
    {
        _base = null;
        _low = _highFrames = 0;
    }
}
