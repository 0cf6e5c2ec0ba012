using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <content>
/// Many values at many addresses, at the current privilege. A gather translates a block of addresses as a batch, then reads; a scatter probes a few lanes at once and stores in
/// order. What is not plain RAM within one page is done as single accesses are.
/// </content>
public sealed unsafe partial class SoftTlb
{
    private const int GatherBlock = 256;
    private const int ScatterGroup = 8;

    /// <summary>Reads a value at each of many addresses.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte of each value; any alignment, pages may be crossed.</param>
    /// <param name="values">
    /// Receives the values; default where the lane is refused. Same length as <paramref name="linear"/>; it must not overlap with it, unless both begin at the same place and
    /// <typeparamref name="T"/> has eight bytes.
    /// </param>
    /// <param name="refused">Receives whether each lane was refused. Same length as <paramref name="linear"/>, or empty where nobody wants to know.</param>
    /// <returns>How many lanes were read and how many were refused.</returns>
    /// <remarks>
    /// Each lane is what <see cref="TryRead{T}(ulong, out T)"/> would give for it. The lanes are independent accesses in no particular order, as those of
    /// <see cref="TranslateBatch"/>. Allocates nothing.
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length, or overlap; nothing was read or written.</exception>
    /// <exception cref="InvalidOperationException">An answer of the translator is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x10_2008, 7);
    /// ulong[] linear = { 0x1234, 0x1_0010, 0x2008, 0xfffe };  // the second is not allowed, and the last one crosses into what is not
    /// int[] values = new int[4];
    /// bool[] refused = new bool[4];
    /// Console.WriteLine(tlb.GatherRead&lt;int&gt;(linear, values, refused));       // BatchResult { Translated = 2, Faulted = 2, FirstFault = 1 }
    /// Console.WriteLine(string.Join(", ", values));           // 42, 0, 7, 0
    /// Console.WriteLine(string.Join(", ", refused));          // False, True, False, True
    /// </code></example>
    [SkipLocalsInit]
    public BatchResult GatherRead<T>(ReadOnlySpan<ulong> linear, Span<T> values, Span<bool> refused = default) where T : unmanaged
    {
        CheckLanes<T>(linear, values, refused);
        Privilege privilege = Privilege;
        int last = PageBytes - sizeof(T), count = 0, first = -1;
        Span<ulong> physical = stackalloc ulong[GatherBlock];
        refused.Clear();
        for (int start = 0; start < linear.Length; start += GatherBlock)
        {
            int lanes = Math.Min(GatherBlock, linear.Length - start);
            Span<T> read = values.Slice(start, lanes);
            ulong misses = Misses;
            TranslateBatch(linear.Slice(start, lanes), physical[..lanes], Access.Read, privilege);
            for (int i = 0; i < lanes; i++)
            {
                // What the table knows is RAM in the window, and stays it as long as nobody is asked.
                if (misses == Misses && (i += LaneSpans.ReadPlain(_base, physical[i..lanes], read[i..], last)) == lanes) break;
                ulong at = physical[i];
                bool done = at != BatchResult.FaultedLane;
                if (!done) read[i] = default;
                else if ((int)(at & (PageBytes - 1)) <= last) read[i] = _memory.Read<T>(PhysicalAddress.Truncate(at));
                else done = TryReadSlowly(linear[start + i], out read[i]);
                if (done) continue;
                if (!refused.IsEmpty) refused[start + i] = true;
                if (count++ == 0) first = start + i;
            }
        }

        return new(linear.Length - count, count, first);
    }

    /// <summary>Writes a value at each of many addresses.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="linear">First byte of each value; any alignment, pages may be crossed.</param>
    /// <param name="values">The values. Same length as <paramref name="linear"/>.</param>
    /// <param name="refused">Receives whether each lane was refused. Same length as <paramref name="linear"/>, or empty where nobody wants to know.</param>
    /// <returns>How many lanes were written and how many were refused.</returns>
    /// <remarks>
    /// The lanes are written one after another, exactly as <see cref="TryWrite{T}(ulong, T)"/> would write each: of several stores to one address the last one stays, and a lane
    /// that is refused changes no byte, and the next ones are written all the same. Allocates nothing.
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length, or overlap; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">An answer of the translator is no page.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <example><code>
    /// ulong[] linear = { 0x3000, 0x1_0010, 0x3004, 0x3000 };  // the second is not allowed, the last one is the first again
    /// int[] values = { 1, 2, 3, 4 };
    /// Console.WriteLine(tlb.ScatterWrite&lt;int&gt;(linear, values));         // BatchResult { Translated = 3, Faulted = 1, FirstFault = 1 }
    /// Console.WriteLine($"{memory.Read&lt;int&gt;(0x10_3000)}, {memory.Read&lt;int&gt;(0x10_3004)}");      // 4, 3
    /// </code></example>
    [SkipLocalsInit]
    public BatchResult ScatterWrite<T>(ReadOnlySpan<ulong> linear, ReadOnlySpan<T> values, Span<bool> refused = default) where T : unmanaged
    {
        CheckLanes(linear, values, refused);
        int row = PermissionTable.RowOf(Access.Write, Privilege), count = 0, first = -1, lane = 0;
        ulong* physical = stackalloc ulong[ScatterGroup];
        ref ulong addresses = ref MemoryMarshal.GetReference(linear);
        ref T sources = ref MemoryMarshal.GetReference(values);
        refused.Clear();
        for (; lane <= linear.Length - ScatterGroup; lane += ScatterGroup)
        {
            // Probes change nothing, and stores change nothing that a probe looks at: lanes that all hit may be probed before the first is stored.
            bool all = true;
            for (int i = 0; i < ScatterGroup; i++) all &= _view->TryFind(Unsafe.Add(ref addresses, lane + i), sizeof(T), row, out physical[i]);
            if (all)
            {
                for (int i = 0; i < ScatterGroup; i++) Unsafe.WriteUnaligned(_base + physical[i], Unsafe.Add(ref sources, lane + i));
            }
            else
            {
                for (int i = lane; i < lane + ScatterGroup; i++) WriteLane(linear, values, refused, i, ref count, ref first);
            }
        }

        for (; lane < linear.Length; lane++) WriteLane(linear, values, refused, lane, ref count, ref first);
        return new(linear.Length - count, count, first);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteLane<T>(ReadOnlySpan<ulong> linear, ReadOnlySpan<T> values, Span<bool> refused, int lane, ref int count, ref int first) where T : unmanaged
    {
        if (TryWrite(linear[lane], values[lane])) return;
        if (!refused.IsEmpty) refused[lane] = true;
        if (count++ == 0) first = lane;
    }

    private void CheckLanes<T>(ReadOnlySpan<ulong> linear, ReadOnlySpan<T> values, ReadOnlySpan<bool> refused) where T : unmanaged
    {
        LaneSpans.Check(linear, values, refused, nameof(refused));
        ObjectDisposedException.ThrowIf(_memory.IsDisposed, _memory);
    }
}
