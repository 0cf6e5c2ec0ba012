using FastMmu.Linux.Areas;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <content>What execve leaves behind, and the forms of calls that the kernel itself uses for it.</content>
public sealed partial class AddressSpace
{
    /// <summary>The auxiliary vector that the program was started with, AT_NULL at its end; empty for an address space that no program made.</summary>
    public IReadOnlyList<AuxiliaryEntry> AuxiliaryVector { get; internal set; } = [];

    /// <summary>mmap of a file that is not in the process's table (vm_mmap_pgoff); of no file for anonymous memory.</summary>
    internal long MapFile(OpenFile? file, ulong address, ulong length, int protection, uint flags, ulong offset)
    {
        long result = Map(file, address, length, protection, flags, offset >> PageShift, out bool populate);
        if (populate)
        {
            Tables.Populate((ulong)result, (ulong)result + AlignUp(length), ignoreErrors: true);
        }

        return result;
    }

    /// <summary>Finds room for one of the kernel's own mappings.</summary>
    /// <param name="hint">Where it should go; 0 for anywhere.</param>
    /// <param name="length">Bytes, whole pages.</param>
    /// <returns>An address, or an error number negated.</returns>
    internal long FindRoom(ulong hint, ulong length) => GetUnmappedArea(null, hint, length, 0, 0);

    /// <summary>Grows the area that starts at an address down to another (expand_stack_locked).</summary>
    /// <returns>0, or an error number negated.</returns>
    internal long GrowDown(ulong start, ulong address) =>
        Areas.TryFind(start, out Vma vma) && vma.Start == start && TryGrow(ref vma, address) ? 0 : -Errno.EFAULT;
}
