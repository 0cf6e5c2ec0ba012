using System.Buffers.Binary;
using System.Text;
using FastMmu.Client.Host;
using FastMmu.Client.Processes;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Calls;

/// <content>Files, as far as they need more than being handed on.</content>
internal sealed unsafe partial class SystemCalls
{
    private const int CurrentDirectory = -100;
    private const int CloseOnExec = 0x8_0000;
    private const int LargestTransfer = 1 << 20;
    private const int PipePage = 4096;

    private static bool TryFile(Process process, CallArguments call, out long result)
    {
        (ulong a, ulong b, ulong c, ulong d) = (call.A, call.B, call.C, call.D);
        long? answer = call.Number switch
        {
            0 => Read(process, (int)a, b, c),
            1 => Write(process, (int)a, b, c),
            2 => Open(process, CurrentDirectory, a, (int)b, (int)c),
            3 => process.Descriptors.Close((int)a),
            7 => Poll(process, a, (int)b, (int)c),
            16 => Ioctl(process, (int)a, (uint)b, c),
            18 => WriteAt(process, (int)a, b, c, (long)d),
            19 => Vector(process, (int)a, b, (int)c, Read),
            20 => Vector(process, (int)a, b, (int)c, Write),
            22 => Pipe(process, a, 0),
            32 => Duplicate(process, (int)a, 0, false),
            33 => DuplicateTo(process, (int)a, (int)b, false, sameIsError: false),
            40 => SendFile(process, (int)a, (int)b, c, d),
            72 => Fcntl(process, (int)a, (int)b, (long)c),
            79 => GetCurrentDirectory(process, a, b),
            80 => ChangeDirectory(process, process.ReadPath(a)),
            81 => ChangeDirectory(process, (int)a),
            85 => Open(process, CurrentDirectory, a, 0x241, (int)b),
            89 when IsOwnExecutable(process, a) => Copy(process, b, Encoding.UTF8.GetBytes(process.Executable), c),
            221 => 0,                                           // fadvise64
            257 => Open(process, (int)a, b, (int)c, (int)d),
            267 when IsOwnExecutable(process, b) => Copy(process, c, Encoding.UTF8.GetBytes(process.Executable), d),
            292 => DuplicateTo(process, (int)a, (int)b, ((int)c & CloseOnExec) != 0, sameIsError: true),
            293 => Pipe(process, a, (int)b),
            _ => null,
        };
        result = answer ?? 0;
        return answer is not null;
    }

    private static bool IsOwnExecutable(Process process, ulong path) => process.ReadString(path, 64) is { } text && text.AsSpan().SequenceEqual("/proc/self/exe"u8);

    private static long Copy(Process process, ulong address, byte[] bytes, ulong size)
    {
        int count = (int)Math.Min((ulong)bytes.Length, size);
        return process.TryWrite(address, bytes.AsSpan(0, count)) ? count : -Errno.EFAULT;
    }

    private static long Read(Process process, int descriptor, ulong address, ulong length)
    {
        if (!process.Descriptors.TryGet(descriptor, out HostDescription? file))
        {
            return -Errno.EBADF;
        }

        if (!file.NeverWaits && !IsNonBlocking(file) && !HostKernel.CanRead(file.Descriptor))
        {
            return Blocked;
        }

        Fill(file);
        byte[] buffer = new byte[Math.Min(length, LargestTransfer)];
        long count;
        fixed (byte* at = buffer)
        {
            count = HostKernel.Call(0, file.Descriptor, (nint)at, buffer.Length);
        }

        return count > 0 && !process.TryWrite(address, buffer.AsSpan(0, (int)count)) ? -Errno.EFAULT : count;
    }

    private static long Write(Process process, int descriptor, ulong address, ulong length)
    {
        if (!process.Descriptors.TryGet(descriptor, out HostDescription? file))
        {
            return -Errno.EBADF;
        }

        byte[] buffer = new byte[Math.Min(length, LargestTransfer)];
        if (!process.TryRead(address, buffer))
        {
            return -Errno.EFAULT;
        }

        long done = 0;
        fixed (byte* at = buffer)
        {
            do
            {
                // Somebody who waits for this program may be the one who empties the pipe: never more than has room for sure.
                int count = file.NeverWaits ? buffer.Length : (int)Math.Min(buffer.Length - done, PipePage);
                if (!file.NeverWaits && !IsNonBlocking(file) && !HostKernel.CanWrite(file.Descriptor))
                {
                    return done > 0 ? done : Blocked;
                }

                long written = HostKernel.Call(1, file.Descriptor, (nint)(at + done), count);
                if (written < 0)
                {
                    const int BrokenPipe = 32;
                    if (written == -BrokenPipe)
                    {
                        process.Signals.Send(SignalState.Pipe);
                    }

                    return done > 0 ? done : written;
                }

                done += written;
            }
            while (done < buffer.Length);
        }

        return done;
    }

    private static long WriteAt(Process process, int descriptor, ulong address, ulong length, long offset)
    {
        if (!process.Descriptors.TryGet(descriptor, out HostDescription? file))
        {
            return -Errno.EBADF;
        }

        byte[] buffer = new byte[Math.Min(length, LargestTransfer)];
        if (!process.TryRead(address, buffer))
        {
            return -Errno.EFAULT;
        }

        fixed (byte* at = buffer)
        {
            return HostKernel.Call(18, file.Descriptor, (nint)at, buffer.Length, (nint)offset);
        }
    }

    private static long Vector(Process process, int descriptor, ulong vector, int count, Func<Process, int, ulong, ulong, long> transfer)
    {
        const int MostParts = 1024;
        if ((uint)count > MostParts)
        {
            return -Errno.EINVAL;
        }

        long done = 0;
        for (int i = 0; i < count; i++)
        {
            if (!process.TryRead(vector + (16UL * (ulong)i), out ulong address) || !process.TryRead(vector + (16UL * (ulong)i) + 8, out ulong length))
            {
                return done > 0 ? done : -Errno.EFAULT;
            }

            if (length == 0)
            {
                continue;
            }

            long part = transfer(process, descriptor, address, length);
            if (part < 0)
            {
                return done > 0 ? done : part;
            }

            done += part;
            if ((ulong)part < length)
            {
                break;
            }
        }

        return done;
    }

    // Only into the output's buffers without waiting, at its present position.
    private static long SendFile(Process process, int to, int from, ulong offset, ulong count)
    {
        if (!process.Descriptors.TryGet(to, out HostDescription? output) || !process.Descriptors.TryGet(from, out HostDescription? input))
        {
            return -Errno.EBADF;
        }

        if (input.Content is not null)
        {
            return -Errno.EINVAL;
        }

        if ((!input.NeverWaits && !HostKernel.CanRead(input.Descriptor)) || (!output.NeverWaits && !HostKernel.CanWrite(output.Descriptor)))
        {
            return Blocked;
        }

        ulong position = 0;
        if (offset != 0 && !process.TryRead(offset, out position))
        {
            return -Errno.EFAULT;
        }

        long result = HostKernel.Call(
            40, output.Descriptor, input.Descriptor, offset == 0 ? 0 : (nint)(&position), (nint)Math.Min(count, (ulong)(output.NeverWaits ? LargestTransfer : PipePage)));
        return offset != 0 && !process.TryWrite(offset, position) ? -Errno.EFAULT : result;
    }

    private static bool IsNonBlocking(HostDescription file)
    {
        const int NonBlocking = 0x800;
        return (HostKernel.Call(72, file.Descriptor, 3) & NonBlocking) != 0;
    }

    private static long Poll(Process process, ulong address, int count, int timeout)
    {
        const int MostDescriptors = 256, NotOpen = 0x20;
        if ((uint)count > MostDescriptors)
        {
            return -Errno.EINVAL;
        }

        byte[] set = new byte[count * 8];
        if (!process.TryRead(address, set))
        {
            return -Errno.EFAULT;
        }

        byte[] host = (byte[])set.Clone();
        int closed = 0;
        for (int i = 0; i < count; i++)
        {
            int number = BinaryPrimitives.ReadInt32LittleEndian(set.AsSpan(i * 8));
            bool isOpen = process.Descriptors.TryGet(number, out HostDescription? file);
            BinaryPrimitives.WriteInt32LittleEndian(host.AsSpan(i * 8), isOpen ? file!.Descriptor : -1);
            closed += isOpen || number < 0 ? 0 : 1;
        }

        long ready;
        fixed (byte* at = host)
        {
            ready = HostKernel.Call(7, (nint)at, count, 0);
        }

        if (ready + closed == 0 && timeout != 0)
        {
            process.Deadline ??= timeout < 0 ? long.MaxValue : Environment.TickCount64 + timeout;
            if (Environment.TickCount64 < process.Deadline)
            {
                return Blocked;
            }
        }

        for (int i = 0; i < count; i++)
        {
            int number = BinaryPrimitives.ReadInt32LittleEndian(set.AsSpan(i * 8));
            short events = BinaryPrimitives.ReadInt16LittleEndian(host.AsSpan((i * 8) + 6));
            bool isClosed = number >= 0 && !process.Descriptors.TryGet(number, out _);
            BinaryPrimitives.WriteInt16LittleEndian(set.AsSpan((i * 8) + 6), isClosed ? (short)NotOpen : events);
        }

        return process.TryWrite(address, set) ? ready + closed : -Errno.EFAULT;
    }
}
