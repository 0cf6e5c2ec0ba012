using FastMmu.Client.Host;
using FastMmu.Client.Processes;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Calls;

/// <content>Memory.</content>
internal sealed partial class SystemCalls
{
    private const uint MapAnonymous = 0x20;

    private static bool TryMemory(Process process, CallArguments call, out long result)
    {
        AddressSpace mm = process.Mm;
        (ulong a, ulong b, ulong c, ulong d, ulong e, _) = (call.A, call.B, call.C, call.D, call.E, call.F);
        long? answer = call.Number switch
        {
            9 => Mmap(process, call),
            10 => mm.Mprotect(a, b, (int)c),
            11 => mm.Munmap(a, b),
            12 => mm.Brk(a),
            25 => mm.Mremap(a, b, c, (uint)d, e),
            26 => mm.Msync(a, b, (int)c),
            27 => mm.Mincore(a, b, c),
            28 => mm.Madvise(a, b, (int)c),
            149 => mm.Mlock(a, b),
            150 => mm.Munlock(a, b),
            151 => mm.Mlockall((int)a),
            152 => mm.Munlockall(),
            216 => mm.RemapFilePages(a, b, (int)c, d, (uint)e),
            325 => mm.Mlock2(a, b, (int)c),
            329 => mm.PkeyMprotect(a, b, (int)c, (int)d),
            330 => mm.PkeyAlloc((uint)a, (uint)b),
            331 => mm.PkeyFree((int)a),
            462 => mm.Mseal(a, b, c),
            _ => null,
        };
        result = answer ?? 0;
        return answer is not null;
    }

    // A file becomes an inode of the guest's memory when it is first mapped; what is written to a shared mapping would not reach the disk, so
    // the description counts as read-only.
    private static long Mmap(Process process, CallArguments call)
    {
        AddressSpace mm = process.Mm;
        int descriptor = (int)call.E;
        if (((uint)call.D & MapAnonymous) != 0 || !process.Descriptors.TryGet(descriptor, out HostDescription? file))
        {
            return mm.Mmap(call.A, call.B, (int)call.C, (uint)call.D, descriptor, call.F);
        }

        file.Mapped ??= Open(file);
        if (file.Mapped is null)
        {
            return -Errno.ENODEV;
        }

        mm.Context.Files.Set(descriptor, file.Mapped);
        long result = mm.Mmap(call.A, call.B, (int)call.C, (uint)call.D, descriptor, call.F);
        mm.Context.Files.Close(descriptor);
        return result;
    }

    private static OpenFile? Open(HostDescription file)
    {
        if (!file.NeverWaits)
        {
            return null;
        }

        string link = $"/proc/self/fd/{file.Descriptor}";
        try
        {
            Inode inode = Inode.FromBytes(new FileInfo(link).LinkTarget ?? link, File.ReadAllBytes(link));
            inode.Identity = HostKernel.Identify(link);
            return new OpenFile(inode, readable: true, writable: false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
