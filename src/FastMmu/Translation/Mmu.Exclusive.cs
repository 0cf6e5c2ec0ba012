using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <content>Exclusive accesses, which x86 has not: load-linked and store-conditional, for guests of other architectures and for locks that are emulated.</content>
public sealed unsafe partial class Mmu
{
    private ExclusiveMonitor _exclusive;

    /// <summary>Load-linked: reads a value and remembers it, its physical address and its size for the next <see cref="TryWriteExclusive"/>.</summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; a multiple of the size, or the access is #AC(0), before anything else is looked at.</param>
    /// <param name="value">The value; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault. A fault leaves the monitor as it was.</returns>
    /// <remarks>
    /// <para>A virtual CPU has one monitor: what it was set for before is forgotten. Besides the write, these clear it: <see cref="ClearExclusive"/>, a snapshot's restore, a change of what
    /// stands behind physical addresses, and whatever drops all that is cached (<see cref="InvalidateAll"/>, some writes of registers). In an <see cref="MmuGroup"/> that of others is heard of at the next <see cref="MmuMember.Poll"/>.</para>
    /// <para>Of 16 bytes two halves may have been read at different times; then the write stores nothing, unless memory has come to hold just that.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <example><code>
    /// // An atomic increment, as ARM, RISC-V, MIPS and POWER write it.
    /// bool stored;
    /// do
    /// {
    ///     mmu.TryReadExclusive(0x1010UL, out int value, out MmuFault fault);
    ///     mmu.TryWriteExclusive(0x1010UL, value + 1, out stored, out fault);
    /// }
    /// while (!stored);
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x20_0010));         // 1
    /// </code></example>
    public bool TryReadExclusive<T>(LinearAddress linear, out T value, out MmuFault fault) where T : unmanaged
    {
        Privilege privilege = CurrentPrivilege;
        if (TryFindExclusive(linear.Value, sizeof(T), Access.Read, privilege, out byte* host))
        {
            value = *(T*)host;
            _exclusive.Set((ulong)(host - _base), value);
            fault = MmuFault.None;
            return true;
        }

        value = default;
        if (!TryTranslateExclusive(linear.Value, sizeof(T), Access.Read, privilege, out ulong physical, out fault)) return false;
        T held = value = _memory.Read<T>(PhysicalAddress.Truncate(physical));
        WatchMap? watches = WatchesOf(linear.Value, sizeof(T), Access.Read, privilege);
        if (watches is not null && !TellRead(watches, linear.Value, privilege, physical, ref value, out fault))
        {
            NoteFault(fault);
            return false;
        }

        _exclusive.Set(physical, held);
        return true;
    }

    /// <summary>
    /// Store-conditional: writes a value if the monitor is set for the same physical bytes, all of them and no more, and they are what
    /// <see cref="TryReadExclusive"/> found there; in one step. Clears the monitor, whether it stores or not.
    /// </summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; a multiple of the size, or the access is #AC(0). Need not be the address that was read, if it leads to the same bytes.</param>
    /// <param name="value">The value.</param>
    /// <param name="stored">Whether it was stored.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault. A fault leaves the monitor as it was, so that the write may be tried again when it is resolved.</returns>
    /// <remarks>
    /// <para>The right to write is checked and dirty is set even where nothing is stored. Within RAM only: in devices and ROM nothing is ever stored. Watches hear of the write when all
    /// seems well, and it may yet fail if another processor comes between; what they drop counts as stored. Atomic as <see cref="TryCompareExchange"/> is.</para>
    /// <para>What is compared is the value, not whether somebody wrote: when others have changed the bytes and put the old value back, it is stored, which the monitors of real processors
    /// refuse. Guests whose locks and counters use these accesses do not see the difference; lists that rely on it to be safe against ABA do. QEMU does the same.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <example><code>
    /// mmu.TryReadExclusive(0x1010UL, out int value, out MmuFault fault);
    /// memory.Write(0x20_0010, 7);                             // another processor
    /// Console.WriteLine(mmu.TryWriteExclusive(0x1010UL, value + 1, out bool stored, out fault));      // True
    /// Console.WriteLine(stored);                              // False
    /// mmu.TryReadExclusive(0x1010UL, out value, out fault);
    /// mmu.TryWriteExclusive(0x1010UL, value + 1, out stored, out fault);
    /// Console.WriteLine($"{stored}, {memory.Read&lt;int&gt;(0x20_0010)}");        // True, 8
    /// </code></example>
    public bool TryWriteExclusive<T>(LinearAddress linear, T value, out bool stored, out MmuFault fault) where T : unmanaged
    {
        Privilege privilege = CurrentPrivilege;
        if (TryFindExclusive(linear.Value, sizeof(T), Access.Write, privilege, out byte* host))
        {
            stored = _exclusive.TryStore((ulong)(host - _base), host, value);
            fault = MmuFault.None;
            return true;
        }

        stored = false;
        if (!TryTranslateExclusive(linear.Value, sizeof(T), Access.Write, privilege, out ulong physical, out fault)) return false;
        if (!_exclusive.Holds(_memory, physical, out T held))
        {
            _exclusive.Clear();
            return true;
        }

        WatchMap? watches = WatchesOf(linear.Value, sizeof(T), Access.Write, privilege);
        if (watches is not null && !TellExclusive(watches, linear.Value, privilege, physical, held, ref value, out fault))
        {
            NoteFault(fault);
            return false;
        }

        stored = _exclusive.TryStore(_memory, physical, held, value);
        return true;
    }

    /// <summary>
    /// Clears the monitor: the next <see cref="TryWriteExclusive"/> stores nothing. For where the guest's architecture says so: its instruction for it, exceptions and returns from them.
    /// </summary>
    /// <example><code>
    /// mmu.TryReadExclusive(0x1010UL, out int value, out MmuFault fault);
    /// mmu.ClearExclusive();
    /// mmu.TryWriteExclusive(0x1010UL, value + 1, out bool stored, out fault);
    /// Console.WriteLine(stored);                              // False
    /// </code></example>
    public void ClearExclusive() => _exclusive.Clear();

    // What the fast table has is RAM, and nobody watches this kind of access to it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindExclusive(ulong linear, int size, Access access, Privilege privilege, out byte* host)
    {
        HostAtomic.CheckSize(size);
        host = null;
        return size <= sizeof(ulong) && (linear & (ulong)(size - 1)) == 0 && TryFindHost(linear, size, PermissionTable.RowOf(access, privilege), out host);
    }

    private bool TryTranslateExclusive(ulong linear, int size, Access access, Privilege privilege, out ulong physical, out MmuFault fault)
    {
        physical = 0;
        if ((linear & (ulong)(size - 1)) != 0)
        {
            fault = new MmuFault(ExceptionVector.AlignmentCheck, 0, linear, FaultReason.Misaligned);
            return false;
        }

        Translation translation = TranslateCore(linear, access, privilege, stack: false);
        fault = translation.Fault;
        if (fault.IsFault)
        {
            NoteFault(fault);
            return false;
        }

        physical = translation.Physical.Value;
        return true;
    }

    // What handlers drop stays what it was.
    private bool TellExclusive<T>(WatchMap watches, ulong linear, Privilege privilege, ulong physical, T held, ref T value, out MmuFault fault) where T : unmanaged
    {
        Span<byte> data = MemoryMarshal.AsBytes(new Span<T>(ref value)), dropped = stackalloc byte[sizeof(T)];
        ReadOnlySpan<byte> heldBytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in held));
        var piece = new WatchedPiece(Access.Write, Prepared(linear, Access.Write, privilege), physical, linear, sizeof(T));
        dropped.Clear();
        if (!Tell(watches, in piece, data, dropped, out _, out fault)) return false;
        for (int i = 0; i < dropped.Length; i++)
        {
            if (dropped[i] != 0) data[i] = heldBytes[i];
        }

        return true;
    }
}
