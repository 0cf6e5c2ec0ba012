using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu;

/// <summary>The spans of a gather or a scatter: what they must be, and the plain case.</summary>
internal static unsafe class LaneSpans
{
    private const int PageBytes = 4096;

    /// <summary>Refuses spans that differ in length or overlap, but for values of eight bytes in place of their addresses.</summary>
    /// <param name="linear">The addresses.</param>
    /// <param name="values">The values.</param>
    /// <param name="answers">What became of each lane; empty where nobody wants to know.</param>
    /// <param name="answersName">What the caller calls it.</param>
    internal static void Check<T, TAnswer>(ReadOnlySpan<ulong> linear, ReadOnlySpan<T> values, ReadOnlySpan<TAnswer> answers, string answersName)
        where T : unmanaged
        where TAnswer : struct
    {
        if (linear.Length != values.Length) throw new ArgumentException("The spans differ in length.", nameof(values));
        if (!answers.IsEmpty && answers.Length != linear.Length) throw new ArgumentException("The spans differ in length.", answersName);
        ReadOnlySpan<byte> lanes = MemoryMarshal.AsBytes(linear), data = MemoryMarshal.AsBytes(values), told = MemoryMarshal.AsBytes(answers);
        if (lanes.Overlaps(data, out int distance) && (distance != 0 || sizeof(T) != sizeof(ulong)))
        {
            throw new ArgumentException("The spans overlap.", nameof(values));
        }

        if (told.Overlaps(lanes) || told.Overlaps(data)) throw new ArgumentException("The spans overlap.", answersName);
    }

    /// <summary>Reads lanes of RAM, up to one whose value may leave its page.</summary>
    /// <param name="window">Where physical address 0 would be in the host.</param>
    /// <param name="physical">Where the lanes are: RAM in the window, all of them.</param>
    /// <param name="values">Receives the values.</param>
    /// <param name="last">The last offset in a page at which a value ends in it.</param>
    /// <returns>How many were read.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ReadPlain<T>(byte* window, ReadOnlySpan<ulong> physical, Span<T> values, int last) where T : unmanaged
    {
        ref ulong addresses = ref MemoryMarshal.GetReference(physical);
        ref T destination = ref MemoryMarshal.GetReference(values);
        int i = 0;
        for (; i < physical.Length; i++)
        {
            ulong at = Unsafe.Add(ref addresses, i);
            if ((int)(at & (PageBytes - 1)) > last) break;
            Unsafe.Add(ref destination, i) = Unsafe.ReadUnaligned<T>(window + at);
        }

        return i;
    }
}
