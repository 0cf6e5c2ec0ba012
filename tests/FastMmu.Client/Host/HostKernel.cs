using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Host;

/// <summary>System calls of the kernel that the client itself runs on.</summary>
internal static unsafe class HostKernel
{
    private const int PollIn = 1;
    private const int PollOut = 4;

    /// <summary>Makes a call.</summary>
    /// <returns>Its value, or an error number negated.</returns>
    public static long Call(int number, nint a = 0, nint b = 0, nint c = 0, nint d = 0, nint e = 0, nint f = 0)
    {
        const int Interrupted = 4;
        while (true)
        {
            nint result = Syscall(number, a, b, c, d, e, f);
            int error = result == -1 ? Marshal.GetLastPInvokeError() : 0;
            if (error != Interrupted)
            {
                return error == 0 ? result : -error;
            }
        }
    }

    /// <summary>Whether a read of a descriptor would not wait.</summary>
    public static bool CanRead(int descriptor) => Poll(descriptor, PollIn);

    /// <summary>Whether a write of a page to a descriptor would not wait.</summary>
    public static bool CanWrite(int descriptor) => Poll(descriptor, PollOut);

    /// <summary>Whether it is a regular file or a directory, which never wait.</summary>
    public static bool NeverWaits(int descriptor)
    {
        const int Fstat = 5, ModeAt = 24, TypeMask = 0xf000, Regular = 0x8000, Directory = 0x4000, Block = 0x6000;
        byte* stat = stackalloc byte[144];
        return Call(Fstat, descriptor, (nint)stat) == 0 && (*(int*)(stat + ModeAt) & TypeMask) is Regular or Directory or Block;
    }

    /// <summary>Whether it lets programs name their anonymous memory.</summary>
    public static bool HasAnonymousNames => Call(157, PrctlOption.SetVma, (nint)PrctlOption.SetVmaAnonymousName) == 0;

    /// <summary>The device and number of a file, as /proc/PID/maps shows them.</summary>
    public static DeviceInode Identify(string path)
    {
        const int Statx = 332, CurrentDirectory = -100, All = 0xfff;
        byte[] name = Encoding.UTF8.GetBytes(path + '\0');
        byte[] answer = new byte[256];
        fixed (byte* n = name, a = answer)
        {
            if (Call(Statx, CurrentDirectory, (nint)n, 0, All, (nint)a) != 0)
            {
                return default;
            }
        }

        // statx: stx_ino at 32, stx_dev_major at 136, stx_dev_minor at 140.
        return new DeviceInode(
            BinaryPrimitives.ReadUInt32LittleEndian(answer.AsSpan(136)),
            BinaryPrimitives.ReadUInt32LittleEndian(answer.AsSpan(140)),
            BinaryPrimitives.ReadUInt64LittleEndian(answer.AsSpan(32)));
    }

    private static bool Poll(int descriptor, short events)
    {
        const int PollCall = 7;
        // struct pollfd: fd, events, revents.
        long set = (uint)descriptor | ((long)events << 32);
        return Call(PollCall, (nint)(&set), 1, 0) != 0;
    }

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);
}
