using System.Runtime.InteropServices;

namespace FastMmu;

/// <summary>What the spans of a gather or a scatter must be.</summary>
internal static unsafe class LaneSpans
{
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
}
