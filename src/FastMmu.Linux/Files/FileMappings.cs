using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Files;

/// <summary>Where a file is mapped (i_mmap): found by looking through the areas of all processes.</summary>
internal static class FileMappings
{
    /// <summary>Drops pages of a file from all page tables (unmap_mapping_range).</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="inode">The file.</param>
    /// <param name="first">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="copiesToo">Whether private copies go as well: yes when the file shrinks, no for a hole.</param>
    internal static void Unmap(LinuxMachine machine, Inode inode, ulong first, ulong end, bool copiesToo)
    {
        foreach (AddressSpace space in machine.Spaces)
        {
            for (ulong at = 0; space.Areas.TryFind(at, out Vma vma); at = vma.End)
            {
                if (vma.File == 0 || machine.Files[vma.File].Inode != inode)
                {
                    continue;
                }

                ulong from = Math.Max(first, vma.PageOffset);
                ulong to = Math.Min(end, vma.PageOffset + vma.Pages);
                if (from < to)
                {
                    space.Tables.Unmap(vma, vma.Start + ((from - vma.PageOffset) << 12), vma.Start + ((to - vma.PageOffset) << 12), copiesToo);
                }
            }
        }
    }
}
