using System.Numerics;
using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <content>Atomic and exclusive accesses, at the current privilege.</content>
public sealed unsafe partial class SoftTlb
{
    private ExclusiveMonitor _exclusive;

    /// <summary>What atomic accesses do that cross a line of 64 bytes: with <see cref="SplitLocks.AlignmentCheck"/> they are refused, and the translator is not asked.</summary>
    public SplitLocks SplitLocks { get; set; }

    /// <summary>Replaces a value if it is what it is compared with, in one step.</summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes, compared by its bits.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned, or the access is refused and the translator is not asked.</param>
    /// <param name="value">What is put there.</param>
    /// <param name="comparand">What must be there.</param>
    /// <param name="original">What was there: the exchange took place if it equals <paramref name="comparand"/>. Default if the access is refused.</param>
    /// <returns>Whether the access, which is a write in any case, was allowed.</returns>
    /// <remarks>
    /// <para>Within eight aligned bytes of RAM it is atomic against every access of other virtual CPUs; what crosses a multiple of eight bytes, as <see cref="SplitLocks.Emulate"/> says,
    /// or it is refused where it crosses a line (<see cref="SplitLocks"/>). Of 16 bytes, <see cref="Mmu.HasWideAtomics"/> tells. Devices get a read and a write, ROM drops the write.</para>
    /// <para>Where the guest's architecture wants accesses to be aligned, ask before: <c>linear % size</c>.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryCompareExchange(0x1234, 43, 42, out int original));        // True
    /// Console.WriteLine($"{original}, {memory.Read&lt;int&gt;(0x10_1234)}");         // 42, 43
    /// </code></example>
    public bool TryCompareExchange<T>(ulong linear, T value, T comparand, out T original) where T : unmanaged =>
        TryUpdate<T, CompareExchangeOperation>(linear, value, comparand, out original);

    /// <summary>Replaces a value in one step.</summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned, or the access is refused and the translator is not asked.</param>
    /// <param name="value">What is put there.</param>
    /// <param name="original">What was there; default if the access is refused.</param>
    /// <returns>Whether the access was allowed.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// tlb.TryExchange(0x1234, (byte)1, out byte wasLocked);
    /// Console.WriteLine(wasLocked);                           // 42
    /// </code></example>
    public bool TryExchange<T>(ulong linear, T value, out T original) where T : unmanaged => TryUpdate<T, ExchangeOperation>(linear, value, default, out original);

    /// <summary>Adds to a number in one step, and round its end.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned, or the access is refused and the translator is not asked.</param>
    /// <param name="addend">What is added.</param>
    /// <param name="original">What was there; default if the access is refused.</param>
    /// <returns>Whether the access was allowed.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// tlb.TryFetchAdd(0x1234, -2, out int original);
    /// Console.WriteLine($"{original}, {memory.Read&lt;int&gt;(0x10_1234)}");     // 42, 40
    /// </code></example>
    public bool TryFetchAdd<T>(ulong linear, T addend, out T original) where T : unmanaged, IBinaryInteger<T> => TryUpdate<T, AddOperation>(linear, addend, default, out original);

    /// <summary>Clears bits of a number in one step.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned, or the access is refused and the translator is not asked.</param>
    /// <param name="mask">The bits that stay.</param>
    /// <param name="original">What was there; default if the access is refused.</param>
    /// <returns>Whether the access was allowed.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// tlb.TryFetchAnd(0x1234, 0x0f, out int original);
    /// Console.WriteLine($"{original:x}, {memory.Read&lt;int&gt;(0x10_1234):x}");     // 2a, a
    /// </code></example>
    public bool TryFetchAnd<T>(ulong linear, T mask, out T original) where T : unmanaged, IBinaryInteger<T> => TryUpdate<T, AndOperation>(linear, mask, default, out original);

    /// <summary>Sets bits of a number in one step.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned, or the access is refused and the translator is not asked.</param>
    /// <param name="bits">The bits that are set.</param>
    /// <param name="original">What was there; default if the access is refused.</param>
    /// <returns>Whether the access was allowed.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// tlb.TryFetchOr(0x1234, 0x11, out int original);
    /// Console.WriteLine($"{original:x}, {memory.Read&lt;int&gt;(0x10_1234):x}");     // 2a, 3b
    /// </code></example>
    public bool TryFetchOr<T>(ulong linear, T bits, out T original) where T : unmanaged, IBinaryInteger<T> => TryUpdate<T, OrOperation>(linear, bits, default, out original);

    /// <summary>Turns bits of a number over in one step.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned, or the access is refused and the translator is not asked.</param>
    /// <param name="bits">The bits that are turned over.</param>
    /// <param name="original">What was there; default if the access is refused.</param>
    /// <returns>Whether the access was allowed.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// tlb.TryFetchXor(0x1234, 0x0f, out int original);
    /// Console.WriteLine($"{original:x}, {memory.Read&lt;int&gt;(0x10_1234):x}");     // 2a, 25
    /// </code></example>
    public bool TryFetchXor<T>(ulong linear, T bits, out T original) where T : unmanaged, IBinaryInteger<T> => TryUpdate<T, XorOperation>(linear, bits, default, out original);

    /// <summary>Load-linked: reads a value and remembers it for the next <see cref="TryWriteExclusive"/>, as <see cref="Mmu.TryReadExclusive"/> does.</summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; a multiple of the size, or the access is refused and the translator is not asked.</param>
    /// <param name="value">The value; default if the access is refused.</param>
    /// <returns>Whether it was read. If not, the monitor is as it was.</returns>
    /// <remarks>The monitor is cleared by the write, <see cref="ClearExclusive"/>, a snapshot's restore, and a change of what stands behind physical addresses.</remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// bool stored;
    /// do
    /// {
    ///     tlb.TryReadExclusive(0x1234, out int value);
    ///     tlb.TryWriteExclusive(0x1234, value + 1, out stored);
    /// }
    /// while (!stored);
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x10_1234));        // 43
    /// </code></example>
    public bool TryReadExclusive<T>(ulong linear, out T value) where T : unmanaged
    {
        if (TryFindExclusive(linear, sizeof(T), Access.Read, out ulong found))
        {
            value = *(T*)(_base + found);
            _exclusive.Set(found, value);
            return true;
        }

        value = default;
        if (!TryTranslateExclusive(linear, sizeof(T), Access.Read, out PhysicalAddress physical)) return false;
        value = _memory.Read<T>(physical);
        _exclusive.Set(physical.Value, value);
        return true;
    }

    /// <summary>
    /// Store-conditional: writes a value if the monitor is set for the same physical bytes and they are what <see cref="TryReadExclusive"/> found there, as
    /// <see cref="Mmu.TryWriteExclusive"/> does. Clears the monitor, whether it stores or not.
    /// </summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; a multiple of the size, or the access is refused and the translator is not asked.</param>
    /// <param name="value">The value.</param>
    /// <param name="stored">Whether it was stored; never in devices and ROM.</param>
    /// <returns>Whether the access was allowed. If not, the monitor is as it was.</returns>
    /// <remarks>Bytes that others have changed and changed back are taken for unchanged.</remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// tlb.TryReadExclusive(0x1234, out int value);
    /// memory.Write(0x10_1234, 7);                             // another processor
    /// tlb.TryWriteExclusive(0x1234, value + 1, out bool stored);
    /// Console.WriteLine(stored);                              // False
    /// </code></example>
    public bool TryWriteExclusive<T>(ulong linear, T value, out bool stored) where T : unmanaged
    {
        if (TryFindExclusive(linear, sizeof(T), Access.Write, out ulong found))
        {
            stored = _exclusive.TryStore(found, _base + found, value);
            return true;
        }

        stored = false;
        if (!TryTranslateExclusive(linear, sizeof(T), Access.Write, out PhysicalAddress physical)) return false;
        if (_exclusive.Holds(_memory, physical.Value, out T held)) stored = _exclusive.TryStore(_memory, physical.Value, held, value);
        else _exclusive.Clear();
        return true;
    }

    /// <summary>Clears the monitor: the next <see cref="TryWriteExclusive"/> stores nothing.</summary>
    /// <example><code>
    /// tlb.TryReadExclusive(0x1234, out int value);
    /// tlb.ClearExclusive();
    /// tlb.TryWriteExclusive(0x1234, value + 1, out bool stored);
    /// Console.WriteLine(stored);                              // False
    /// </code></example>
    public void ClearExclusive() => _exclusive.Clear();

    private bool TryUpdate<T, TOperation>(ulong linear, T operand, T comparand, out T original)
        where T : unmanaged
        where TOperation : struct, IAtomicOperation
    {
        HostAtomic.CheckSize(sizeof(T));
        if (sizeof(T) <= sizeof(ulong) && (linear & 7) + (ulong)sizeof(T) <= sizeof(ulong)
            && _view->TryFind(linear, sizeof(T), PermissionTable.RowOf(Access.Write, Privilege), out ulong physical))
        {
            original = HostAtomic.UpdateWord<T, TOperation>(_base + physical, operand, comparand);
            return true;
        }

        return TryUpdateSlowly<T, TOperation>(linear, operand, comparand, out original);
    }

    // Replaces what was read if it is there still, until it is.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryUpdateSlowly<T, TOperation>(ulong linear, T operand, T comparand, out T original)
        where T : unmanaged
        where TOperation : struct, IAtomicOperation
    {
        original = default;
        if (PagedAtomic.IsMisaligned(linear, sizeof(T)) || (SplitLocks == SplitLocks.AlignmentCheck && PagedAtomic.IsSplit(linear, sizeof(T)))) return false;
        Span<ulong> physical = stackalloc ulong[2];
        ulong last = linear + (ulong)(sizeof(T) - 1);
        if (!TryTranslate(linear, Access.Write, Privilege, out PhysicalAddress first)) return false;
        physical[0] = first.Value;
        if ((linear ^ last) >> 12 != 0)
        {
            if (!TryTranslate(last & ~(ulong)(PageBytes - 1), Access.Write, Privilege, out PhysicalAddress second)) return false;
            physical[1] = second.Value;
        }

        T result;
        do
        {
            original = PagedAtomic.Read<T>(_memory, physical);
            UInt128 bits = TOperation.Apply(HostAtomic.BitsOf(original), HostAtomic.BitsOf(operand), HostAtomic.BitsOf(comparand));
            result = Unsafe.ReadUnaligned<T>(ref Unsafe.As<UInt128, byte>(ref bits));
        }
        while (!PagedAtomic.TryReplace(_memory, physical, original, result));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindExclusive(ulong linear, int size, Access access, out ulong physical)
    {
        HostAtomic.CheckSize(size);
        physical = 0;
        return size <= sizeof(ulong) && (linear & (ulong)(size - 1)) == 0 && _view->TryFind(linear, size, PermissionTable.RowOf(access, Privilege), out physical);
    }

    private bool TryTranslateExclusive(ulong linear, int size, Access access, out PhysicalAddress physical)
    {
        physical = default;
        return (linear & (ulong)(size - 1)) == 0 && TryTranslate(linear, access, Privilege, out physical);
    }
}
