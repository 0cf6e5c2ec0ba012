using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Linux.Pages;

/// <summary>Host addresses of page frames: one compare and one add for those in the window of the memory's region.</summary>
/// <remarks>
/// Native memory does not move, so a pointer into it stays right until the memory is disposed; then the window is closed and every use
/// throws <see cref="ObjectDisposedException"/>.
/// </remarks>
internal sealed unsafe class FrameMemory
{
    internal const int PageBytes = 4096;

    private readonly PhysicalMemory _memory;
    private byte* _base;
    private ulong _window;

    internal FrameMemory(PhysicalMemory memory)
    {
        _memory = memory;
        _base = memory.WindowBase;
        foreach (MemoryRange range in memory.Ranges)
        {
            if (range.Start.Value >> 12 == _window && range.End <= 1UL << 40)
            {
                _window = range.End >> 12;
            }
        }

        memory.Disposing += Close;
    }

    /// <summary>The first byte of a frame.</summary>
    internal byte* this[ulong frame]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => frame < _window ? _base + (frame << 12) : Outside(frame);
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
        _window = 0;
    }
}
