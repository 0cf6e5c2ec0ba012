using System.Runtime.InteropServices;

namespace FastMmu;

/// <summary>
/// Compare-exchange of 16 aligned bytes. .NET has no intrinsic for it; where the host has GCC's libatomic, that does it by the processor's instruction.
/// </summary>
internal static unsafe partial class WideAtomic
{
    private const int SequentiallyConsistent = 5;

    /// <summary>Whether it is one atomic operation here.</summary>
    internal static bool IsAvailable { get; } = IsWorking();

    /// <summary>Replaces 16 bytes if they are as expected, in one step.</summary>
    internal static bool TryReplace(byte* host, UInt128 expected, UInt128 wanted) =>
        CompareExchange(host, &expected, (ulong)wanted, (ulong)(wanted >> 64), SequentiallyConsistent, SequentiallyConsistent) != 0;

    /// <summary>
    /// The same under a lock that all who do this share. Each half is compared when it is replaced; what is put into a half by others between the two is seen by
    /// the second compare, and then the first half is put back.
    /// </summary>
    internal static bool TryReplaceLocked(byte* host, UInt128 expected, UInt128 wanted, Lock shared)
    {
        ref ulong low = ref *(ulong*)host, high = ref *(ulong*)(host + sizeof(ulong));
        ulong expectedLow = (ulong)expected, expectedHigh = (ulong)(expected >> 64), wantedLow = (ulong)wanted;
        lock (shared)
        {
            if (Volatile.Read(ref high) != expectedHigh || Interlocked.CompareExchange(ref low, wantedLow, expectedLow) != expectedLow) return false;
            if (Interlocked.CompareExchange(ref high, (ulong)(wanted >> 64), expectedHigh) == expectedHigh) return true;
            Interlocked.CompareExchange(ref low, expectedLow, wantedLow);
            return false;
        }
    }

    // Two registers are what the calling conventions of x86-64 and AArch64 but Windows' make of a 128-bit argument.
    private static bool IsWorking()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64)) return false;
        if (!NativeLibrary.TryLoad("libatomic.so.1", typeof(WideAtomic).Assembly, null, out nint library)) return false;
        if (!NativeLibrary.TryGetExport(library, "__atomic_compare_exchange_16", out _)) return false;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(16, 16);
        try
        {
            *(ulong*)memory = 1;
            *(ulong*)(memory + 8) = 2;
            UInt128 before = new(2, 1), after = new(4, 3);
            return TryReplace(memory, before, after) && !TryReplace(memory, before, after) && *(ulong*)memory == 3 && *(ulong*)(memory + 8) == 4;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    [LibraryImport("libatomic.so.1", EntryPoint = "__atomic_compare_exchange_16")]
    [SuppressGCTransition]
    private static partial byte CompareExchange(void* at, void* expected, ulong wantedLow, ulong wantedHigh, int success, int failure);
}
