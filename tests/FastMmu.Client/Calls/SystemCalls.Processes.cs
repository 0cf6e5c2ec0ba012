using System.Buffers.Binary;
using System.Text;
using FastMmu.Client.Processes;
using FastMmu.Client.Processors;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Calls;

/// <content>Processes, limits, and what a C library asks at its start.</content>
internal sealed partial class SystemCalls
{
    private const ulong CloneMemory = 0x100;
    private const ulong CloneVfork = 0x4000;
    private const ulong CloneThread = 0x1_0000;
    private const ulong CloneSetParentId = 0x10_0000;
    private const ulong CloneSetChildId = 0x100_0000;

    private bool TryProcess(Process process, CallArguments call, out long result)
    {
        (ulong a, ulong b, ulong c, ulong d) = (call.A, call.B, call.C, call.D);
        long? answer = call.Number switch
        {
            24 => 0,                                            // sched_yield
            35 => Sleep(process, a),                            // nanosleep
            39 or 186 => process.Id,                            // getpid, gettid
            56 => Clone(process, a, b, c, d),
            57 => _kernel.Fork(process, false, 0, 0),
            58 => _kernel.Fork(process, true, 0, 0),
            59 => Execve(process, a, b, c),
            60 or 231 => Exit(process, (int)a),
            61 => Wait(process, (int)a, b, (int)c, d),
            97 => Limit(process, (int)a, 0, b),                 // getrlimit
            109 => 0,                                           // setpgid
            110 => process.Parent?.Id ?? 1,                     // getppid
            111 or 121 or 124 => _kernel.Processes[0].Id,       // getpgrp, getpgid, getsid
            112 => process.Id,                                  // setsid
            115 => 0,                                           // getgroups
            157 => Prctl(process, (int)a, b, c, d, call.E),
            158 => ArchPrctl(process, (int)a, b),
            160 => Limit(process, (int)a, b, 0),                // setrlimit
            201 => Time(process, a),
            202 => Futex((int)b),
            218 => process.Id,                                  // set_tid_address
            230 => Sleep(process, c),                           // clock_nanosleep
            273 => 0,                                           // set_robust_list
            302 => Limit(process, (int)b, c, d),                // prlimit64
            334 => 0,                                           // rseq
            _ => null,
        };
        result = answer ?? 0;
        return answer is not null;
    }

    private long Clone(Process process, ulong flags, ulong stack, ulong parentId, ulong childId)
    {
        bool shares = (flags & CloneMemory) != 0;
        if ((flags & CloneThread) != 0 || shares != ((flags & CloneVfork) != 0))
        {
            _kernel.Refused[56] = _kernel.Refused.GetValueOrDefault(56) + 1;
            return -Errno.ENOSYS;
        }

        long id = _kernel.Fork(process, shares, stack, (flags & CloneSetChildId) != 0 ? childId : 0);
        if (id > 0 && (flags & CloneSetParentId) != 0)
        {
            process.TryWrite(parentId, BitConverter.GetBytes((int)id));
        }

        return id;
    }

    private long Execve(Process process, ulong path, ulong argv, ulong envp)
    {
        byte[]? name = process.ReadString(path, 4096);
        List<string>? arguments = ReadStrings(process, argv), environment = ReadStrings(process, envp);
        return name is null || arguments is null || environment is null
            ? -Errno.EFAULT
            : _kernel.Exec(process, Encoding.UTF8.GetString(name), arguments, environment);
    }

    private static List<string>? ReadStrings(Process process, ulong table)
    {
        const int MostStrings = 1 << 16, LongestString = 32 << 12;
        var strings = new List<string>();
        for (; table != 0 && strings.Count < MostStrings; table += 8)
        {
            if (!process.TryRead(table, out ulong address))
            {
                return null;
            }

            if (address == 0)
            {
                break;
            }

            byte[]? text = process.ReadString(address, LongestString);
            if (text is null)
            {
                return null;
            }

            strings.Add(Encoding.UTF8.GetString(text));
        }

        return strings;
    }

    private long Exit(Process process, int code)
    {
        _kernel.Exit(process, (code & 0xff) << 8);
        return NoResult;
    }

    private long Wait(Process process, int id, ulong status, int options, ulong usage)
    {
        const int NoHang = 1, UsageBytes = 144;
        Process[] children = [.. _kernel.Processes.Where(p => p.Parent == process && (id <= 0 || p.Id == id))];
        if (children.Length == 0)
        {
            return -ECHILD;
        }

        Process? ended = Array.Find(children, p => p.HasExited);
        if (ended is null)
        {
            return (options & NoHang) != 0 ? 0 : Blocked;
        }

        if ((status != 0 && !process.TryWrite(status, BitConverter.GetBytes(ended.Status!.Value)))
            || (usage != 0 && !process.TryWrite(usage, new byte[UsageBytes])))
        {
            return -Errno.EFAULT;
        }

        ended.Parent = null;
        return ended.Id;
    }

    private static long Sleep(Process process, ulong time)
    {
        if (!process.TryRead(time, out ulong seconds) || !process.TryRead(time + 8, out ulong nanoseconds))
        {
            return -Errno.EFAULT;
        }

        process.Deadline ??= Environment.TickCount64 + (long)((Math.Min(seconds, int.MaxValue) * 1000) + (nanoseconds / 1_000_000));
        return Environment.TickCount64 < process.Deadline ? Blocked : 0;
    }

    private static long Limit(Process process, int resource, ulong set, ulong get)
    {
        if ((uint)resource >= ResourceLimits.Count)
        {
            return -Errno.EINVAL;
        }

        ResourceLimit old = process.Context.Limits[resource];
        if (set != 0)
        {
            if (!process.TryRead(set, out ulong soft) || !process.TryRead(set + 8, out ulong hard))
            {
                return -Errno.EFAULT;
            }

            long error = process.Mm.SetRlimit(resource, soft, hard);
            if (error != 0)
            {
                return error;
            }

            process.Context.Limits[resource] = new ResourceLimit(soft, hard);
        }

        return get == 0 || (process.TryWrite(get, old.Soft) && process.TryWrite(get + 8, old.Hard)) ? 0 : -Errno.EFAULT;
    }

    private static long Prctl(Process process, int option, ulong address, ulong third, ulong fourth, ulong fifth)
    {
        const int SetName = 15, GetName = 16, NameBytes = 16;
        switch (option)
        {
            case SetName:
                byte[]? name = process.ReadString(address, NameBytes - 1);
                process.Name = name is null ? process.Name : Encoding.UTF8.GetString(name);
                return name is null ? -Errno.EFAULT : 0;
            case GetName:
                byte[] bytes = new byte[NameBytes];
                Encoding.UTF8.GetBytes(process.Name).AsSpan().CopyTo(bytes);
                return process.TryWrite(address, bytes) ? 0 : -Errno.EFAULT;
            default:
                return process.Mm.Prctl(option, address, third, fourth, fifth);
        }
    }

    private static long ArchPrctl(Process process, int code, ulong address)
    {
        const int SetGs = 0x1001, SetFs = 0x1002, GetFs = 0x1003, GetGs = 0x1004;
        switch (code)
        {
            case SetFs or SetGs:
                if (address >= process.Mm.TaskSize)
                {
                    return -Errno.EPERM;
                }

                process.Cpu[code == SetFs ? Register.FsBase : Register.GsBase] = address;
                return 0;
            case GetFs or GetGs:
                return process.TryWrite(address, process.Cpu[code == GetFs ? Register.FsBase : Register.GsBase]) ? 0 : -Errno.EFAULT;
            default:
                return -Errno.EINVAL;
        }
    }

    private static long Time(Process process, ulong address)
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, now);
        return address == 0 || process.TryWrite(address, bytes) ? now : -Errno.EFAULT;
    }

    // There is one thread: nobody to wake, and nobody who would wake it.
    private static long Futex(int operation)
    {
        const int CommandMask = 0x7f, Wake = 1;
        return (operation & CommandMask) == Wake ? 0 : -Errno.EAGAIN;
    }
}
