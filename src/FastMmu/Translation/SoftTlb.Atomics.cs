using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu;

/// <content>Atomic and exclusive accesses, at the current privilege.</content>
public sealed unsafe partial class SoftTlb
{
    private ExclusiveMonitor _exclusive;

    /// <summary>Replaces a value if it is what it is compared with, in one step.</summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes, compared by its bits.</typeparam>
    /// <param name="linear">First byte; a multiple of the size, or the access is refused and the translator is not asked.</param>
    /// <param name="value">What is put there.</param>
    /// <param name="comparand">What must be there.</param>
    /// <param name="original">What was there: the exchange took place if it equals <paramref name="comparand"/>. Default if the access is refused.</param>
    /// <returns>Whether the access, which is a write in any case, was allowed.</returns>
    /// <remarks>Atomic as <see cref="Mmu.TryCompareExchange"/> is. Devices get a read and a write, ROM drops the write.</remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryCompareExchange(0x1234, 43, 42, out int original));        // True
    /// Console.WriteLine($"{original}, {memory.Read&lt;int&gt;(0x10_1234)}");         // 42, 43
    /// </code></example>
    public bool TryCompareExchange<T>(ulong linear, T value, T comparand, out T original) where T : unmanaged
    {
        original = default;
        if (!TryTranslateExclusive(linear, sizeof(T), Access.Write, out PhysicalAddress physical)) return false;
        while (true)
        {
            original = _memory.Read<T>(physical);
            T result = HostAtomic.BitsOf(original) == HostAtomic.BitsOf(comparand) ? value : original;
            byte* host = _memory.FindForWrite(physical.Value, sizeof(T));
            if (host == null)
            {
                _memory.Write(physical, result);
                return true;
            }

            if (HostAtomic.TryReplace(host, original, result, _memory.SplitLock)) return true;
        }
    }

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

    private bool TryTranslateExclusive(ulong linear, int size, Access access, out PhysicalAddress physical)
    {
        HostAtomic.CheckSize(size);
        physical = default;
        return (linear & (ulong)(size - 1)) == 0 && TryTranslate(linear, access, Privilege, out physical);
    }
}
