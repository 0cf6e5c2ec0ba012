using System.Runtime.CompilerServices;
using FastMmu.Memory;

namespace FastMmu;

/// <summary>What an exclusive read remembers for the exclusive write: where, how much, and what was there.</summary>
internal unsafe struct ExclusiveMonitor
{
    private UInt128 _held;
    private ulong _physical;

    // Bytes; 0 while it is not set.
    private int _size;

    /// <summary>Sets it, whatever it was set for.</summary>
    internal void Set<T>(ulong physical, T held) where T : unmanaged
    {
        _held = HostAtomic.BitsOf(held);
        _physical = physical;
        _size = sizeof(T);
    }

    internal void Clear() => _size = 0;

    /// <summary>Whether a write may be stored: it is set for these bytes, and they are RAM and what they were.</summary>
    internal readonly bool Holds<T>(PhysicalMemory memory, ulong physical, out T held) where T : unmanaged
    {
        held = default;
        if (_size != sizeof(T) || _physical != physical) return false;
        byte* host = memory.Find(physical, sizeof(T));
        if (host == null) return false;
        held = *(T*)host;
        return HostAtomic.BitsOf(held) == _held;
    }

    /// <summary>Stores if nobody has changed the bytes meanwhile, and clears.</summary>
    internal bool TryStore<T>(PhysicalMemory memory, ulong physical, T held, T value) where T : unmanaged
    {
        // Handlers of code may run here, and whatever they do may have changed the map or cleared the monitor.
        byte* host = memory.FindForWrite(physical, sizeof(T));
        bool may = host != null && _size == sizeof(T) && _physical == physical;
        Clear();
        return may && HostAtomic.TryReplace(host, held, value, memory.SplitLock);
    }

    /// <summary>
    /// Stores in one step if it is set for these bytes and they are what they were, and clears: where they are RAM whose writes nobody hears of, at most eight of them, aligned.
    /// </summary>
    internal bool TryStore<T>(ulong physical, byte* host, T value) where T : unmanaged
    {
        bool set = _size == sizeof(T) && _physical == physical;
        Clear();
        if (!set) return false;
        UInt128 held = _held;
        T expected = Unsafe.ReadUnaligned<T>(ref Unsafe.As<UInt128, byte>(ref held));
        return HostAtomic.BitsOf(HostAtomic.UpdateWord<T, CompareExchangeOperation>(host, value, expected)) == held;
    }
}
