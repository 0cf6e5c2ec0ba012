using System.Numerics;
using System.Runtime.CompilerServices;

namespace FastMmu;

/// <summary>Read-modify-writes of RAM at host addresses, where the host has them as one step.</summary>
internal static unsafe class HostAtomic
{
    private const int WideBytes = 16;

    /// <summary>Refuses types that no atomic access has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CheckSize(int size)
    {
        if (size > WideBytes || !BitOperations.IsPow2(size)) throw new ArgumentException($"An atomic access has 1, 2, 4, 8 or 16 bytes, not {size}.");
    }

    /// <summary>Whether <see cref="TryReplace"/> may be used: within eight aligned bytes, or 16 of them, which are aligned.</summary>
    internal static bool IsOneStep(byte* host, int size) => size == WideBytes || ((nuint)host & 7) + (nuint)size <= sizeof(ulong);

    /// <summary>Replaces bytes if they are as expected.</summary>
    /// <param name="host">The bytes; <see cref="IsOneStep"/> holds.</param>
    /// <param name="expected">What must be there.</param>
    /// <param name="wanted">What is put there.</param>
    /// <param name="shared">The lock for 16 bytes on hosts that do not have these as one step.</param>
    internal static bool TryReplace<T>(byte* host, T expected, T wanted, Lock shared) where T : unmanaged
    {
        if (sizeof(T) != WideBytes) return BitsOf(UpdateWord<T, CompareExchangeOperation>(host, wanted, expected)) == BitsOf(expected);
        return WideAtomic.IsAvailable
            ? WideAtomic.TryReplace(host, BitsOf(expected), BitsOf(wanted))
            : WideAtomic.TryReplaceLocked(host, BitsOf(expected), BitsOf(wanted), shared);
    }

    /// <summary>Does an operation within eight aligned bytes, and returns what was there.</summary>
    internal static T UpdateWord<T, TOperation>(byte* host, T operand, T comparand)
        where T : unmanaged
        where TOperation : struct, IAtomicOperation
    {
        ref ulong word = ref *(ulong*)((nuint)host & ~(nuint)7);
        int shift = 8 * (int)((nuint)host & 7);
        ulong bits = ulong.MaxValue >> (64 - (8 * sizeof(T))), found = Volatile.Read(ref word);
        while (true)
        {
            ulong original = found >> shift & bits;
            ulong result = TOperation.Apply(original, WordOf(operand), WordOf(comparand)) & bits;
            ulong before = Interlocked.CompareExchange(ref word, (found & ~(bits << shift)) | (result << shift), found);
            if (before == found) return Unsafe.ReadUnaligned<T>(ref Unsafe.As<ulong, byte>(ref original));
            found = before;
        }
    }

    /// <summary>The bits of a value, with zeros above.</summary>
    internal static UInt128 BitsOf<T>(T value) where T : unmanaged
    {
        UInt128 bits = 0;
        Unsafe.WriteUnaligned(ref Unsafe.As<UInt128, byte>(ref bits), value);
        return bits;
    }

    private static ulong WordOf<T>(T value) where T : unmanaged
    {
        ulong bits = 0;
        Unsafe.WriteUnaligned(ref Unsafe.As<ulong, byte>(ref bits), value);
        return bits;
    }
}
