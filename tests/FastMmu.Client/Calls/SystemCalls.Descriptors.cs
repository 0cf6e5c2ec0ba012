using System.Text;
using FastMmu.Client.Host;
using FastMmu.Client.Processes;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;

namespace FastMmu.Client.Calls;

/// <content>Descriptors and what they are opened on.</content>
internal sealed unsafe partial class SystemCalls
{
    private static long Open(Process process, int directory, ulong path, int flags, int mode)
    {
        const int OpenAt = 257;
        int from = CurrentDirectory;
        byte[]? raw = process.ReadString(path, 4096);
        if (raw is null)
        {
            return -Errno.EFAULT;
        }

        string name = Encoding.UTF8.GetString(raw);
        if (ProcFile(process, name) is { } content)
        {
            return process.Descriptors.Add(ProcDescription(content), (flags & CloseOnExec) != 0);
        }

        if (directory == CurrentDirectory || name.StartsWith('/'))
        {
            name = process.Absolute(name);
        }
        else if (process.Descriptors.TryGet(directory, out HostDescription? start))
        {
            from = start.Descriptor;
        }
        else
        {
            return -Errno.EBADF;
        }

        fixed (byte* at = Encoding.UTF8.GetBytes(name + '\0'))
        {
            long descriptor = HostKernel.Call(OpenAt, from, (nint)at, flags | CloseOnExec, mode);
            return descriptor < 0 ? descriptor : process.Descriptors.Add(new HostDescription((int)descriptor), (flags & CloseOnExec) != 0);
        }
    }

    // What the address space can say of itself.
    private static Func<string>? ProcFile(Process process, string path) => path switch
    {
        "/proc/self/maps" => () => process.Mm.ToProcMaps(HostLayout.Vsyscall),
        "/proc/self/smaps" => () => process.Mm.ToProcSmaps(HostLayout.Vsyscall),
        "/proc/self/statm" => () => process.Mm.ToProcStatm(),
        _ => null,
    };

    private static HostDescription ProcDescription(Func<string> content)
    {
        const int MemoryFileCreate = 319;
        fixed (byte* name = "proc\0"u8)
        {
            return new HostDescription((int)HostKernel.Call(MemoryFileCreate, (nint)name, 1)) { Content = content };
        }
    }

    private static void Fill(HostDescription file)
    {
        if (file.Content is { } content)
        {
            file.Content = () => "";
            byte[] bytes = Encoding.UTF8.GetBytes(content());
            fixed (byte* at = bytes)
            {
                HostKernel.Call(18, file.Descriptor, (nint)at, bytes.Length);
            }
        }
    }

    private static long Pipe(Process process, ulong address, int flags)
    {
        int* ends = stackalloc int[2];
        long result = HostKernel.Call(293, (nint)ends, flags | CloseOnExec);
        if (result < 0)
        {
            return result;
        }

        bool close = (flags & CloseOnExec) != 0;
        int read = process.Descriptors.Add(new HostDescription(ends[0]), close);
        int write = process.Descriptors.Add(new HostDescription(ends[1]), close);
        return process.TryWrite(address, (uint)read | ((ulong)(uint)write << 32)) ? 0 : -Errno.EFAULT;
    }

    private static long Duplicate(Process process, int descriptor, int lowest, bool closeOnExec) =>
        process.Descriptors.TryGet(descriptor, out HostDescription? file) ? process.Descriptors.Add(file, closeOnExec, lowest) : -Errno.EBADF;

    private static long DuplicateTo(Process process, int descriptor, int number, bool closeOnExec, bool sameIsError)
    {
        const int MostDescriptors = 1 << 16;
        if (!process.Descriptors.TryGet(descriptor, out HostDescription? file) || (uint)number >= MostDescriptors)
        {
            return -Errno.EBADF;
        }

        if (descriptor == number)
        {
            return sameIsError ? -Errno.EINVAL : number;
        }

        process.Descriptors.Set(number, file, closeOnExec);
        return number;
    }

    private static long Fcntl(Process process, int descriptor, int command, long argument)
    {
        if (!process.Descriptors.TryGet(descriptor, out HostDescription? file))
        {
            return -Errno.EBADF;
        }

        switch (command)
        {
            case 0 or 1030:     // F_DUPFD, F_DUPFD_CLOEXEC
                return argument is < 0 or > 1 << 16 ? -Errno.EINVAL : Duplicate(process, descriptor, (int)argument, command != 0);
            case 1:             // F_GETFD
                return process.Descriptors.ClosesOnExec(descriptor) ? 1 : 0;
            case 2:             // F_SETFD
                process.Descriptors.SetCloseOnExec(descriptor, (argument & 1) != 0);
                return 0;
            case 3 or 4:        // F_GETFL, F_SETFL
                return HostKernel.Call(72, file.Descriptor, command, (nint)argument);
            default:
                return -Errno.EINVAL;
        }
    }

    private static long Ioctl(Process process, int descriptor, uint request, ulong address)
    {
        const int NotATerminal = 25;
        if (!process.Descriptors.TryGet(descriptor, out HostDescription? file))
        {
            return -Errno.EBADF;
        }

        (int bytes, bool isRead) = request switch
        {
            0x5401 => (36, false),              // TCGETS
            0x5402 or 0x5403 or 0x5404 => (36, true),
            0x540f or 0x541b => (4, false),     // TIOCGPGRP, FIONREAD
            0x5413 => (8, false),               // TIOCGWINSZ
            _ => (0, false),
        };
        if (bytes == 0)
        {
            return -NotATerminal;
        }

        byte* answer = stackalloc byte[36];
        if (isRead && !process.TryRead(address, new Span<byte>(answer, bytes)))
        {
            return -Errno.EFAULT;
        }

        long result = HostKernel.Call(16, file.Descriptor, (nint)request, (nint)answer);
        return result >= 0 && !isRead && !process.TryWrite(address, new ReadOnlySpan<byte>(answer, bytes)) ? -Errno.EFAULT : result;
    }

    private static long GetCurrentDirectory(Process process, ulong address, ulong size)
    {
        byte[] path = Encoding.UTF8.GetBytes(process.WorkingDirectory + '\0');
        return (ulong)path.Length > size ? -ERANGE : process.TryWrite(address, path) ? path.Length : -Errno.EFAULT;
    }

    private static long ChangeDirectory(Process process, int descriptor) => process.Descriptors.TryGet(descriptor, out HostDescription? directory)
        ? ChangeDirectory(process, new FileInfo($"/proc/self/fd/{directory.Descriptor}").LinkTarget)
        : -Errno.EBADF;

    private static long ChangeDirectory(Process process, string? path)
    {
        if (path is null)
        {
            return -Errno.EFAULT;
        }

        if (!Directory.Exists(path))
        {
            return File.Exists(path) ? -Errno.ENOTDIR : -Errno.ENOENT;
        }

        process.WorkingDirectory = Path.GetFullPath(path);
        return 0;
    }
}
