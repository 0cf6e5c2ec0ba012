using System.Runtime.InteropServices;

namespace FastMmu.Tests.Properties;

/// <summary>Native memory with inaccessible pages on both sides: whoever reads or writes one byte too many does not survive it.</summary>
internal sealed unsafe partial class GuardedBuffer : IDisposable
{
    private static readonly bool s_unix = OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    private readonly nuint _guard = (nuint)Environment.SystemPageSize;
    private readonly nuint _length;
    private readonly byte* _reservation;

    /// <param name="bytes">Room for at least so many bytes.</param>
    public GuardedBuffer(int bytes)
    {
        _length = ((nuint)bytes + _guard - 1) / _guard * _guard;
        nuint total = _length + (2 * _guard);
        if (s_unix)
        {
            const int privateAnonymousOnLinux = 0x22, privateAnonymousOnMac = 0x1002, readWrite = 3;
            nint at = MMap(0, total, 0, OperatingSystem.IsMacOS() ? privateAnonymousOnMac : privateAnonymousOnLinux, -1, 0);
            if (at == -1 || MProtect(at + (nint)_guard, _length, readWrite) != 0) throw new InsufficientMemoryException();
            _reservation = (byte*)at;
        }
        else
        {
            const uint reserve = 0x2000, commit = 0x1000, noAccess = 1, readWrite = 4;
            nint at = VirtualAlloc(0, total, reserve, noAccess);
            if (at == 0 || VirtualAlloc(at + (nint)_guard, _length, commit, readWrite) == 0) throw new InsufficientMemoryException();
            _reservation = (byte*)at;
        }
    }

    /// <summary>Numbers that end <paramref name="gap"/> bytes before the inaccessible page.</summary>
    public Span<ulong> AtEnd(int count, int gap) => new(_reservation + _guard + _length - gap - (8 * (nuint)count), count);

    /// <summary>Numbers that begin <paramref name="gap"/> bytes behind the inaccessible page.</summary>
    public Span<ulong> AtStart(int count, int gap) => new(_reservation + _guard + gap, count);

    public void Dispose()
    {
        if (s_unix) _ = MUnmap((nint)_reservation, _length + (2 * _guard));
        else _ = VirtualFree((nint)_reservation, 0, 0x8000);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MMap(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(nint address, nuint length);

    [LibraryImport("kernel32", EntryPoint = "VirtualAlloc")]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", EntryPoint = "VirtualFree")]
    private static partial int VirtualFree(nint address, nuint size, uint type);
}
