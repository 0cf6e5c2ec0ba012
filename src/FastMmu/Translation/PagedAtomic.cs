using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu;

/// <summary>Read-modify-writes of guest memory that may be anything and lie on two pages, and the rules of where they may lie.</summary>
internal static unsafe class PagedAtomic
{
    private const int PageBytes = 4096;
    private const int LineBytes = 64;
    private const int WideBytes = 16;

    /// <summary>Whether an access is one of 16 bytes that are not aligned, which is refused everywhere.</summary>
    internal static bool IsMisaligned(ulong linear, int size) => size == WideBytes && (linear & (WideBytes - 1)) != 0;

    /// <summary>Whether an access crosses a line: a split lock.</summary>
    internal static bool IsSplit(ulong linear, int size) => (linear & (LineBytes - 1)) + (ulong)size > LineBytes;

    /// <summary>Reads a value.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="physical">Where it begins, and where it goes on if it crosses into another page.</param>
    internal static T Read<T>(PhysicalMemory memory, ReadOnlySpan<ulong> physical) where T : unmanaged
    {
        int count = CountInFirst<T>(physical);
        if (count == sizeof(T)) return memory.Read<T>(PhysicalAddress.Truncate(physical[0]));
        T value = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        memory.Read(PhysicalAddress.Truncate(physical[0]), bytes[..count]);
        memory.Read(PhysicalAddress.Truncate(physical[1]), bytes[count..]);
        return value;
    }

    /// <summary>Replaces a value if it is as it was found.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="physical">Where it begins, and where it goes on if it crosses into another page.</param>
    /// <param name="found">What must be there.</param>
    /// <param name="result">What is put there.</param>
    /// <returns>Whether it was replaced.</returns>
    /// <remarks>
    /// Handlers of code and guards are asked before any lock is taken. What is not all RAM is written without a comparison: nobody else can hold it still either.
    /// </remarks>
    internal static bool TryReplace<T>(PhysicalMemory memory, ReadOnlySpan<ulong> physical, T found, T result) where T : unmanaged
    {
        Span<byte> foundBytes = MemoryMarshal.AsBytes(new Span<T>(ref found)), resultBytes = MemoryMarshal.AsBytes(new Span<T>(ref result));
        int count = CountInFirst<T>(physical);
        byte* first, second = null;
        bool isRam = count == sizeof(T)
            ? (first = memory.FindForWrite(physical[0], count)) != null
            : memory.TryFindForWrite(physical[0], count, physical[1], sizeof(T) - count, out first, out second);
        if (!isRam)
        {
            memory.Write(PhysicalAddress.Truncate(physical[0]), resultBytes[..count]);
            if (count < sizeof(T)) memory.Write(PhysicalAddress.Truncate(physical[1]), resultBytes[count..]);
            return true;
        }

        if (HostAtomic.IsOneStep(first, sizeof(T))) return HostAtomic.TryReplace(first, found, result, memory.SplitLock);
        // On one page the parts lie side by side.
        if (second == null) second = first + count;
        lock (memory.SplitLock)
        {
            Span<byte> low = new(first, count), high = new(second, sizeof(T) - count);
            if (!low.SequenceEqual(foundBytes[..count]) || !high.SequenceEqual(foundBytes[count..])) return false;
            resultBytes[..count].CopyTo(low);
            resultBytes[count..].CopyTo(high);
            return true;
        }
    }

    private static int CountInFirst<T>(ReadOnlySpan<ulong> physical) where T : unmanaged =>
        Math.Min(sizeof(T), PageBytes - (int)(physical[0] & (PageBytes - 1)));
}
