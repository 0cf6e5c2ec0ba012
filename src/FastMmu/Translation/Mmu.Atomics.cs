using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <content>
/// Atomic read-modify-writes, as LOCK makes them. Within eight aligned bytes of RAM they are a compare-and-swap of these on the host, so that they are
/// atomic against whatever any virtual CPU does there. What crosses a multiple of eight bytes is done under a lock of the memory.
/// </content>
public sealed unsafe partial class Mmu
{
    /// <summary>
    /// Whether an atomic access of 16 bytes is one step on this host, so that it is atomic against every other access; it takes GCC's libatomic. Where not, it is
    /// atomic against other accesses of 16 bytes and against those that cross a multiple of eight bytes; others may see one half before the other.
    /// </summary>
    public static bool HasWideAtomics => WideAtomic.IsAvailable;

    /// <summary>LOCK CMPXCHG: replaces a value if it is what it is compared with, in one step.</summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes, compared by its bits.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned.</param>
    /// <param name="value">What is put there.</param>
    /// <param name="comparand">What must be there.</param>
    /// <param name="original">What was there: the exchange took place if it equals <paramref name="comparand"/>. Default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault.</returns>
    /// <remarks>
    /// <para>The right to write is checked, dirty is set and the error code says write in any case, and where the comparison fails the old value is written back, as
    /// processors do. Devices get a read and a write, ROM drops the write; watches hear of a read, then of a write, and once more if another processor came between.</para>
    /// <para>Within eight aligned bytes of RAM it is atomic against every access of other virtual CPUs; what crosses a multiple of eight bytes, as
    /// <see cref="SplitLocks.Emulate"/> says, or it faults where it crosses a line (<see cref="MmuOptions.SplitLocks"/>). Of 16 bytes, <see cref="HasWideAtomics"/> tells. 16 bytes that are not aligned
    /// are #GP(0), as for CMPXCHG16B.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <example><code>
    /// Console.WriteLine(mmu.TryCompareExchange(0x1010UL, 1, 0, out int original, out MmuFault fault));    // True
    /// Console.WriteLine(original);                                                                        // 0
    /// mmu.TryCompareExchange(0x1010UL, 2, 0, out original, out fault);
    /// Console.WriteLine($"{original}, {memory.Read&lt;int&gt;(0x20_0010)}");                                    // 1, 1
    /// </code></example>
    public bool TryCompareExchange<T>(LinearAddress linear, T value, T comparand, out T original, out MmuFault fault) where T : unmanaged =>
        TryUpdate<T, CompareExchangeOperation>(linear.Value, value, comparand, out original, out fault);

    /// <summary>XCHG: replaces a value in one step.</summary>
    /// <typeparam name="T">A blittable type of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned.</param>
    /// <param name="value">What is put there.</param>
    /// <param name="original">What was there; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <exception cref="ArgumentException">The type has another size.</exception>
    /// <example><code>
    /// mmu.TryExchange(0x1010UL, (byte)1, out byte wasLocked, out MmuFault fault);
    /// Console.WriteLine(wasLocked);                           // 0
    /// </code></example>
    public bool TryExchange<T>(LinearAddress linear, T value, out T original, out MmuFault fault) where T : unmanaged =>
        TryUpdate<T, ExchangeOperation>(linear.Value, value, default, out original, out fault);

    /// <summary>LOCK XADD: adds to a number in one step, and round its end.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned.</param>
    /// <param name="addend">What is added.</param>
    /// <param name="original">What was there; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <example><code>
    /// mmu.TryFetchAdd(0x1010UL, 5, out int original, out MmuFault fault);
    /// mmu.TryFetchAdd(0x1010UL, -2, out original, out fault);
    /// Console.WriteLine($"{original}, {memory.Read&lt;int&gt;(0x20_0010)}");     // 5, 3
    /// </code></example>
    public bool TryFetchAdd<T>(LinearAddress linear, T addend, out T original, out MmuFault fault) where T : unmanaged, IBinaryInteger<T> =>
        TryUpdate<T, AddOperation>(linear.Value, addend, default, out original, out fault);

    /// <summary>LOCK AND: clears bits of a number in one step.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned.</param>
    /// <param name="mask">The bits that stay.</param>
    /// <param name="original">What was there; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <example><code>
    /// memory.Write(0x20_0010, 0xff);
    /// mmu.TryFetchAnd(0x1010UL, 0x0f, out int original, out MmuFault fault);
    /// Console.WriteLine($"{original:x}, {memory.Read&lt;int&gt;(0x20_0010):x}");   // ff, f
    /// </code></example>
    public bool TryFetchAnd<T>(LinearAddress linear, T mask, out T original, out MmuFault fault) where T : unmanaged, IBinaryInteger<T> =>
        TryUpdate<T, AndOperation>(linear.Value, mask, default, out original, out fault);

    /// <summary>LOCK OR: sets bits of a number in one step.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned.</param>
    /// <param name="bits">The bits that are set.</param>
    /// <param name="original">What was there; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <example><code>
    /// mmu.TryFetchOr(0x1010UL, 0x10, out int original, out MmuFault fault);
    /// Console.WriteLine($"{original:x}, {memory.Read&lt;int&gt;(0x20_0010):x}");   // 0, 10
    /// </code></example>
    public bool TryFetchOr<T>(LinearAddress linear, T bits, out T original, out MmuFault fault) where T : unmanaged, IBinaryInteger<T> =>
        TryUpdate<T, OrOperation>(linear.Value, bits, default, out original, out fault);

    /// <summary>LOCK XOR: turns bits of a number over in one step.</summary>
    /// <typeparam name="T">An integer of 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="linear">First byte; any alignment, but 16 bytes must be aligned.</param>
    /// <param name="bits">The bits that are turned over.</param>
    /// <param name="original">What was there; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether there was no fault.</returns>
    /// <remarks>Atomic as <see cref="TryCompareExchange"/> is.</remarks>
    /// <example><code>
    /// mmu.TryFetchXor(0x1010UL, 0x11, out int original, out MmuFault fault);
    /// mmu.TryFetchXor(0x1010UL, 0x10, out original, out fault);
    /// Console.WriteLine($"{original:x}, {memory.Read&lt;int&gt;(0x20_0010):x}");   // 11, 1
    /// </code></example>
    public bool TryFetchXor<T>(LinearAddress linear, T bits, out T original, out MmuFault fault) where T : unmanaged, IBinaryInteger<T> =>
        TryUpdate<T, XorOperation>(linear.Value, bits, default, out original, out fault);

    private bool TryUpdate<T, TOperation>(ulong linear, T operand, T comparand, out T original, out MmuFault fault)
        where T : unmanaged
        where TOperation : struct, IAtomicOperation
    {
        HostAtomic.CheckSize(sizeof(T));
        // A page of the rows of writes may be watched for reads.
        if (sizeof(T) <= sizeof(ulong) && (linear & 7) + (ulong)sizeof(T) <= sizeof(ulong)
            && TryFindHost(linear, sizeof(T), PermissionTable.RowOf(Access.Write, CurrentPrivilege), out byte* host)
            && !IsWatched(_context.State.Efer.Lma ? linear : (uint)linear, Access.Read))
        {
            original = HostAtomic.UpdateWord<T, TOperation>(host, operand, comparand);
            fault = MmuFault.None;
            return true;
        }

        return TryUpdateSlowly<T, TOperation>(linear, operand, comparand, out original, out fault);
    }

    // Reads, asks the watches, and replaces what was read if it is there still, until it is.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryUpdateSlowly<T, TOperation>(ulong linear, T operand, T comparand, out T original, out MmuFault fault)
        where T : unmanaged
        where TOperation : struct, IAtomicOperation
    {
        Privilege privilege = CurrentPrivilege;
        Span<ulong> physical = stackalloc ulong[PagesOf(linear, sizeof(T))];
        original = default;
        if (!TryTranslateUpdate(linear, sizeof(T), privilege, physical, out fault))
        {
            NoteFault(fault);
            return false;
        }

        WatchMap? watches = WatchesOf(linear, sizeof(T), Access.Read, privilege) ?? WatchesOf(linear, sizeof(T), Access.Write, privilege);
        T found = default, result = default, dropped = default;
        Span<byte> foundBytes = MemoryMarshal.AsBytes(new Span<T>(ref found)), resultBytes = MemoryMarshal.AsBytes(new Span<T>(ref result));
        Span<byte> droppedBytes = MemoryMarshal.AsBytes(new Span<T>(ref dropped));
        do
        {
            MovePages(physical, foundBytes, write: false, default);
            original = found;
            if (watches is not null
                && !TellPages(watches, Access.Read, linear, privilege, physical, MemoryMarshal.AsBytes(new Span<T>(ref original)), default, out fault))
            {
                NoteFault(fault);
                original = default;
                return false;
            }

            UInt128 bits = TOperation.Apply(HostAtomic.BitsOf(original), HostAtomic.BitsOf(operand), HostAtomic.BitsOf(comparand));
            result = Unsafe.ReadUnaligned<T>(ref Unsafe.As<UInt128, byte>(ref bits));
            if (watches is null) continue;
            droppedBytes.Clear();
            if (!TellPages(watches, Access.Write, linear, privilege, physical, resultBytes, droppedBytes, out fault))
            {
                NoteFault(fault);
                original = default;
                return false;
            }

            for (int i = 0; i < droppedBytes.Length; i++)
            {
                if (droppedBytes[i] != 0) resultBytes[i] = foundBytes[i];
            }
        }
        while (!PagedAtomic.TryReplace(_memory, physical, found, result));
        return true;
    }

    private bool TryTranslateUpdate(ulong linear, int size, Privilege privilege, Span<ulong> physical, out MmuFault fault)
    {
        bool wide = PagedAtomic.IsMisaligned(linear, size);
        if (wide)
        {
            fault = MmuFault.GeneralProtection(0, FaultReason.Misaligned, linear);
            return false;
        }

        bool split = Options.SplitLocks == SplitLocks.AlignmentCheck && PagedAtomic.IsSplit(linear, size);
        for (int page = 0; split && page < physical.Length; page++)
        {
            // The page fault is delivered rather than the alignment check, which leaves no trace in the tables.
            ulong at = page == 0 ? linear : (linear & ~(ulong)(PageBytes - 1)) + PageBytes;
            fault = Probe(at, Access.Write, privilege).Fault;
            if (!fault.IsFault) continue;
            if (fault.Vector == ExceptionVector.PageFault) DropFaulting(fault.Address);
            return false;
        }

        if (split)
        {
            fault = new MmuFault(ExceptionVector.AlignmentCheck, 0, linear, FaultReason.Misaligned);
            return false;
        }

        return TryTranslatePages(linear, size, Access.Write, privilege, stack: false, ulong.MaxValue, physical, out fault);
    }
}
