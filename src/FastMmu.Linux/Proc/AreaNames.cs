using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Proc;

/// <summary>The names that /proc/PID/maps gives to areas.</summary>
/// <remarks>Source: fs/proc/task_mmu.c:get_vma_name of Linux 6.18.</remarks>
public static class AreaNames
{
    /// <summary>The name of an area: its file's, or a name in brackets, or nothing.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="vma">One of its areas.</param>
    public static string Of(AddressSpace mm, in Vma vma)
    {
        ArgumentNullException.ThrowIfNull(mm);
        string? given = vma.Name >= SpecialMapping.FirstAnonymousName ? mm.Machine.AreaNames[vma.Name] : null;
        if (vma.File != 0)
        {
            return given is null ? mm.Machine.Files[vma.File].Inode.Name : $"[anon_shmem:{given}]";
        }

        switch (vma.Name)
        {
            case SpecialMapping.Vvar:
                return "[vvar]";
            case SpecialMapping.VvarClock:
                return "[vvar_vclock]";
            case SpecialMapping.Vdso or SpecialMapping.Vdso32:
                return "[vdso]";
            default:
                break;
        }

        // Whatever overlaps the heap has its name, and whatever holds the address that the stack pointer started with, ends included.
        if (vma.Start < mm.CurrentBrk && vma.End > mm.StartBrk)
        {
            return "[heap]";
        }

        return vma.Start <= mm.StartStack && vma.End >= mm.StartStack ? "[stack]" : given is null ? "" : $"[anon:{given}]";
    }
}
