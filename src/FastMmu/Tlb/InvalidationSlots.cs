using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <summary>Slots that begin with a cache line each: in native memory, since arrays begin anywhere.</summary>
internal sealed unsafe class InvalidationSlots
{
    private readonly InvalidationSlot* _slots;

    /// <param name="count">How many.</param>
    internal InvalidationSlots(int count)
    {
        nuint bytes = (nuint)count * InvalidationSlot.Bytes;
        _slots = (InvalidationSlot*)NativeMemory.AlignedAlloc(bytes, InvalidationSlot.Bytes);
        NativeMemory.Clear(_slots, bytes);
    }

    ~InvalidationSlots() => NativeMemory.AlignedFree(_slots);

    /// <summary>A slot. The index is not checked; the reference is valid as long as this object is alive.</summary>
    internal ref InvalidationSlot this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _slots[index];
    }
}
