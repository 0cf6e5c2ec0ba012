using FastMmu.Linux.Areas;
using FastMmu.Linux.Pages;

namespace FastMmu.Linux.Mm;

/// <content>What a debugger does to the memory of another process.</content>
public sealed partial class AddressSpace
{
    /// <summary>Reads memory as a debugger does (ptrace, /proc/PID/mem): whatever may be made readable is read, PROT_NONE included.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="debugger">Who reads: a stack that has to grow for it obeys his limits.</param>
    /// <returns>Bytes read; fewer where nothing is mapped, behind the end of a file, and in the kernel's own mappings.</returns>
    /// <remarks>Pages that are not there are brought in, as by a read of the program. Source: mm/memory.c:__access_remote_vm, mm/gup.c of Linux 6.18.</remarks>
    public int ReadRemote(ulong address, Span<byte> destination, ProcessContext debugger)
    {
        ArgumentNullException.ThrowIfNull(debugger);
        int done = 0;
        while (done < destination.Length && TryReadPage(address, debugger, out PageView page))
        {
            int count = (int)Math.Min((ulong)(destination.Length - done), PageSize - (address & (PageSize - 1)));
            Machine.Memory.Read(new((page.Frame << PageShift) | (address & (PageSize - 1))), destination.Slice(done, count));
            done += count;
            address += (ulong)count;
        }

        return done;
    }

    private bool TryReadPage(ulong address, ProcessContext debugger, out PageView page)
    {
        page = default;
        if (address >= UserEnd || !Areas.TryFind(address, out Vma vma) || (vma.Start > address && !TryGrow(ref vma, address, debugger))) return false;
        if ((vma.Flags & (VmFlags.Io | VmFlags.PfnMap)) != 0 || (vma.Flags & VmFlags.MayRead) == 0) return false;
        page = Tables.Peek(address);
        if (!page.IsPresent && Tables.Fault(vma, address, write: false) == FaultStatus.Resolved) page = Tables.Peek(address);
        return page.IsPresent;
    }
}
