using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <content>
/// Many values at many addresses. A gather translates a block of addresses as a batch, then reads; a scatter probes a few lanes at once and stores
/// in order. Lanes that are not plain RAM within one page are done as <see cref="TryRead{T}(LinearAddress, out T, out MmuFault)"/> and
/// <see cref="TryWrite{T}(LinearAddress, T, out MmuFault)"/> do them.
/// </content>
public sealed unsafe partial class Mmu
{
    private const int GatherBlock = 256;
    private const int ScatterGroup = 8;

    /// <summary>Reads a value at each of many addresses, for the running program.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte of each value; any alignment, pages may be crossed.</param>
    /// <param name="values">
    /// Receives the values; default where the lane faults. Same length as <paramref name="linear"/>; it must not overlap with it, unless both begin
    /// at the same place and <typeparamref name="T"/> has eight bytes.
    /// </param>
    /// <param name="faults">
    /// Receives the fault of each lane, or <see cref="MmuFault.None"/>. Same length as <paramref name="linear"/>, or empty where nobody wants to know.
    /// </param>
    /// <returns>How many lanes were read and how many faulted. No fault is delivered: CR2 is not touched.</returns>
    /// <remarks>
    /// Each lane is what <see cref="TryRead{T}(LinearAddress, out T, out MmuFault)"/> would give for it. The lanes are independent accesses in no
    /// particular order: one that reads a page table may see the accessed bits that others set. Allocates nothing.
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length, or overlap; nothing was read or written.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// for (int i = 0; i &lt; 512; i++) memory.Write(0x20_0000 + (8 * (ulong)i), i);
    /// ulong[] linear = { 0x1008, 0x1ff8, 0x3000, 0x1ffe };    // the third is not mapped, the last one crosses into the next page
    /// int[] values = new int[4];
    /// MmuFault[] faults = new MmuFault[4];
    /// BatchResult result = mmu.GatherRead&lt;int&gt;(linear, values, faults);
    /// Console.WriteLine(result);                              // BatchResult { Translated = 3, Faulted = 1, FirstFault = 2 }
    /// Console.WriteLine(string.Join(", ", values));           // 1, 511, 0, 0
    /// Console.WriteLine(faults[2]);                           // #PF(0) at 0x3000: not present at level 1
    /// </code></example>
    [SkipLocalsInit]
    public BatchResult GatherRead<T>(ReadOnlySpan<ulong> linear, Span<T> values, Span<MmuFault> faults = default) where T : unmanaged
    {
        CheckLanes<T>(linear, values, faults);
        Privilege privilege = CurrentPrivilege;
        int last = PageBytes - sizeof(T);
        Span<ulong> physical = stackalloc ulong[GatherBlock];
        int faulted = 0, first = -1;
        faults.Clear();
        if (AlignmentChecks)
        {
            // A lane that is refused for its alignment marks no entry.
            for (int lane = 0; lane < linear.Length; lane++) ReadLane(linear, values, faults, lane, privilege, ref faulted, ref first);
            return new(linear.Length - faulted, faulted, first);
        }

        for (int start = 0; start < linear.Length; start += GatherBlock)
        {
            int count = Math.Min(GatherBlock, linear.Length - start);
            ReadOnlySpan<ulong> lanes = linear.Slice(start, count);
            Span<T> read = values.Slice(start, count);
            _batchMissed = false;
            TranslateBatch(lanes, physical[..count], Access.Read, privilege);
            // What the fast table knows is RAM in the window, of pages without a watch.
            bool plain = !_batchMissed;
            WatchMap? watches = plain ? null : WatchesOfLanes(lanes);
            for (int i = 0; i < count; i++)
            {
                if (plain && (i += LaneSpans.ReadPlain(_base, physical[i..count], read[i..], last)) == count) break;
                ulong at = physical[i];
                // A lane that faulted holds all ones, which is the last byte of a page.
                if ((int)(at & (PageBytes - 1)) > last || at == BatchResult.FaultedLane)
                {
                    ReadLane(linear, values, faults, start + i, privilege, ref faulted, ref first);
                    continue;
                }

                // Before the value is stored, which may be where the address is.
                ulong address = lanes[i];
                read[i] = _memory.Read<T>(PhysicalAddress.Truncate(at));
                if (watches is not null) TellLane(address, values, faults, start + i, privilege, at, ref faulted, ref first);
            }
        }

        return new(linear.Length - faulted, faulted, first);
    }

    /// <summary>Writes a value at each of many addresses, for the running program.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte of each value; any alignment, pages may be crossed.</param>
    /// <param name="values">The values. Same length as <paramref name="linear"/>.</param>
    /// <param name="faults">
    /// Receives the fault of each lane, or <see cref="MmuFault.None"/>. Same length as <paramref name="linear"/>, or empty where nobody wants to know.
    /// </param>
    /// <returns>How many lanes were written and how many faulted. No fault is delivered: CR2 is not touched.</returns>
    /// <remarks>
    /// The lanes are written one after another, exactly as <see cref="TryWrite{T}(LinearAddress, T, out MmuFault)"/> would write each: of several
    /// stores to one address the last one stays, a lane that faults changes no byte and the next ones are written all the same, and a store into
    /// a page table is in force for the lanes behind it, unless they use a translation that is cached. Allocates nothing.
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length, or overlap; nothing was written.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// mmu.SetCpl(3);
    /// ulong[] linear = { 0x1010, 0x2010, 0x1018, 0x1010 };    // the second may only be read, the last one is the first again
    /// int[] values = { 1, 2, 3, 4 };
    /// Console.WriteLine(mmu.ScatterWrite&lt;int&gt;(linear, values));     // BatchResult { Translated = 3, Faulted = 1, FirstFault = 1 }
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x20_0010));             // 4
    /// Console.WriteLine(memory.Read&lt;int&gt;(0x20_1010));             // 0
    /// </code></example>
    [SkipLocalsInit]
    public BatchResult ScatterWrite<T>(ReadOnlySpan<ulong> linear, ReadOnlySpan<T> values, Span<MmuFault> faults = default) where T : unmanaged
    {
        CheckLanes(linear, values, faults);
        Privilege privilege = CurrentPrivilege;
        int row = PermissionTable.RowOf(Access.Write, privilege);
        int faulted = 0, first = -1, lane = 0;
        byte** hosts = stackalloc byte*[ScatterGroup];
        ref ulong addresses = ref MemoryMarshal.GetReference(linear);
        ref T sources = ref MemoryMarshal.GetReference(values);
        faults.Clear();
        for (; lane <= linear.Length - ScatterGroup; lane += ScatterGroup)
        {
            // Probes change nothing, and stores change nothing that a probe looks at: lanes that all hit may be probed before the first is stored.
            bool all = true;
            for (int i = 0; i < ScatterGroup; i++) all &= TryFindHost(Unsafe.Add(ref addresses, lane + i), sizeof(T), row, out hosts[i]);
            if (all)
            {
                for (int i = 0; i < ScatterGroup; i++) Unsafe.WriteUnaligned(hosts[i], Unsafe.Add(ref sources, lane + i));
            }
            else
            {
                for (int i = lane; i < lane + ScatterGroup; i++) WriteLane(linear, values, faults, i, privilege, ref faulted, ref first);
            }
        }

        for (; lane < linear.Length; lane++) WriteLane(linear, values, faults, lane, privilege, ref faulted, ref first);
        return new(linear.Length - faulted, faulted, first);
    }

    // The watches that lanes may have to ask, or null.
    private WatchMap? WatchesOfLanes(ReadOnlySpan<ulong> linear) =>
        _watches is { } watches && !_inWatchHandler && (!_leavesUsable || watches.MayHold(linear, WatchKinds.Read)) ? watches : null;

    // After a lane was read.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TellLane<T>(
        ulong linear, Span<T> values, Span<MmuFault> faults, int lane, Privilege privilege, ulong physical, ref int faulted, ref int first)
        where T : unmanaged
    {
        WatchMap? watches = WatchesOf(linear, sizeof(T), Access.Read, privilege);
        if (watches is null || TellRead(watches, linear, privilege, physical, ref values[lane], out MmuFault fault)) return;
        NoteFault(faults, lane, in fault, ref faulted, ref first);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReadLane<T>(
        ReadOnlySpan<ulong> linear, Span<T> values, Span<MmuFault> faults, int lane, Privilege privilege, ref int faulted, ref int first)
        where T : unmanaged
    {
        ulong cr2 = Cr2;
        if (TryReadAs(linear[lane], privilege, stack: false, out values[lane], out MmuFault fault)) return;
        Cr2 = cr2;
        NoteFault(faults, lane, in fault, ref faulted, ref first);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteLane<T>(
        ReadOnlySpan<ulong> linear, ReadOnlySpan<T> values, Span<MmuFault> faults, int lane, Privilege privilege, ref int faulted, ref int first)
        where T : unmanaged
    {
        ulong cr2 = Cr2;
        if (TryWriteAs(linear[lane], values[lane], privilege, stack: false, out MmuFault fault)) return;
        Cr2 = cr2;
        NoteFault(faults, lane, in fault, ref faulted, ref first);
    }

    private static void NoteFault(Span<MmuFault> faults, int lane, in MmuFault fault, ref int faulted, ref int first)
    {
        if (!faults.IsEmpty) faults[lane] = fault;
        if (faulted++ == 0) first = lane;
    }

    private void CheckLanes<T>(ReadOnlySpan<ulong> linear, ReadOnlySpan<T> values, ReadOnlySpan<MmuFault> faults) where T : unmanaged
    {
        LaneSpans.Check(linear, values, faults, nameof(faults));
        ObjectDisposedException.ThrowIf(_memory.IsDisposed, _memory);
    }
}
