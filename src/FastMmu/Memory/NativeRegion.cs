using System.Runtime.InteropServices;

namespace FastMmu.Memory;

/// <summary>
/// One reservation of host address space, 2-MiB-aligned, with inaccessible guards on both sides; the whole boundary to the
/// operating system. Nothing is accessible until it is committed, and committed pages cost nothing until they are touched.
/// </summary>
/// <remarks>
/// Linux and macOS: <c>mmap(PROT_NONE, MAP_NORESERVE)</c>, then <c>mprotect</c>. Windows: <c>VirtualAlloc</c> reserve, then commit, which
/// counts against the page file at once. Elsewhere: zeroed <c>NativeMemory</c> without guards.
/// </remarks>
internal sealed unsafe partial class NativeRegion : IDisposable
{
    internal const ulong Alignment = 2UL << 20;
    internal const ulong GuardBytes = 2UL << 20;

    private const int ProtNone = 0;
    private const int ProtReadWrite = 3;
    private const int MapPrivate = 2;
    private const int AdviseHugePage = 14;
    private const int AdviseDontNeed = 4;
    private const uint MemReset = 0x80000;
    private const uint MemReserve = 0x2000;
    private const uint MemCommit = 0x1000;
    private const uint MemRelease = 0x8000;
    private const uint PageNoAccess = 1;
    private const uint PageReadWrite = 4;

    private static readonly bool Unix = OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();
    private void* _reservation;
    private readonly nuint _reservedBytes;

    /// <summary>Reserves <paramref name="length"/> bytes, which are inaccessible until committed.</summary>
    /// <exception cref="InsufficientMemoryException">The host has no address space of that size.</exception>
    internal NativeRegion(ulong length)
    {
        Length = (length + Alignment - 1) & ~(Alignment - 1);
        // One alignment more than needed, so that an aligned start with a full guard on both sides always fits.
        ulong total = Length + (2 * GuardBytes) + Alignment;
        if (total < length || total > long.MaxValue) throw new InsufficientMemoryException($"Cannot reserve {length} bytes of host address space.");
        _reservedBytes = (nuint)total;
        // Addresses of regions that nobody uses any more may wait for their finalizers.
        if (!TryReserve()) Reclaim();
        if (_reservation == null && !TryReserve()) throw new InsufficientMemoryException($"Cannot reserve {total} bytes of host address space.");
        Base = (byte*)(((ulong)_reservation + GuardBytes + Alignment - 1) & ~(Alignment - 1));
    }

    private bool TryReserve()
    {
        if (Unix)
        {
            bool mac = OperatingSystem.IsMacOS();
            int flags = MapPrivate | (mac ? 0x1000 : 0x20) | (mac ? 0x40 : 0x4000); // MAP_ANONYMOUS | MAP_NORESERVE
            void* at = MMap(null, _reservedBytes, ProtNone, flags, -1, 0);
            _reservation = at == (void*)-1 ? null : at;
        }
        else if (OperatingSystem.IsWindows())
        {
            _reservation = VirtualAlloc(null, _reservedBytes, MemReserve, PageNoAccess);
        }
        else
        {
            _reservation = NativeMemory.AllocZeroed(_reservedBytes);
        }

        return _reservation != null;
    }

    /// <summary>Frees a region that was retired, or whose owner was never disposed.</summary>
    ~NativeRegion() => Release();

    /// <summary>First byte between the guards; a multiple of 2 MiB.</summary>
    internal byte* Base { get; private set; }

    /// <summary>Bytes between the guards; a multiple of 2 MiB.</summary>
    internal ulong Length { get; }

    /// <summary>Makes a part readable and writable. It reads as zero.</summary>
    /// <param name="offset">Start in bytes, a multiple of the host's page.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="hugePages">Whether to advise huge pages for it (Linux).</param>
    internal void Commit(ulong offset, ulong length, bool hugePages)
    {
        if (offset > Length || length > Length - offset) throw new ArgumentOutOfRangeException(nameof(length));
        byte* at = Base + offset;
        if (Unix)
        {
            if (MProtect(at, (nuint)length, ProtReadWrite) != 0) Reclaim();
            if (MProtect(at, (nuint)length, ProtReadWrite) != 0) throw new InsufficientMemoryException($"The host refuses {length} bytes of memory.");
            // Advice only: a kernel without transparent huge pages says no, and nothing is lost.
            if (hugePages && OperatingSystem.IsLinux()) _ = MAdvise(at, (nuint)length, AdviseHugePage);
        }
        else if (OperatingSystem.IsWindows())
        {
            if (VirtualAlloc(at, (nuint)length, MemCommit, PageReadWrite) == null) throw new InsufficientMemoryException($"The host refuses {length} bytes of memory.");
        }
    }

    /// <summary>
    /// Gives the bytes back and keeps the addresses: who still reads and writes there finds bytes of no meaning, and harms nobody. The addresses go
    /// when nobody refers to this any more.
    /// </summary>
    internal void Retire()
    {
        if (Unix) _ = MAdvise(Base, (nuint)Length, AdviseDontNeed);
        else if (OperatingSystem.IsWindows()) _ = VirtualAlloc(Base, (nuint)Length, MemReset, PageReadWrite);
    }

    /// <summary>Returns the reservation to the operating system.</summary>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private static void Reclaim()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private void Release()
    {
        void* at = _reservation;
        _reservation = null;
        Base = null;
        if (at == null) return;
        if (Unix) _ = MUnmap(at, _reservedBytes);
        else if (OperatingSystem.IsWindows()) _ = VirtualFree(at, 0, MemRelease);
        else NativeMemory.Free(at);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* MMap(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MProtect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(void* address, nuint length, int advice);

    [LibraryImport("kernel32", EntryPoint = "VirtualAlloc")]
    private static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", EntryPoint = "VirtualFree")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(void* address, nuint size, uint type);
}
