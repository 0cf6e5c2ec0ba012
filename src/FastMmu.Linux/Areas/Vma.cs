using System.Runtime.InteropServices;

namespace FastMmu.Linux.Areas;

/// <summary>An area of an address space (vm_area_struct): a range of pages with one set of flags and one backing.</summary>
/// <remarks>
/// A value of 64 bytes without references, so that a tree of them lives in native memory and is copied whole. Files, groups of anonymous
/// pages and names are numbers that the <see cref="LinuxMachine"/> hands out; zero is none.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public record struct Vma
{
    /// <summary>The first byte, a multiple of 4096.</summary>
    public ulong Start;

    /// <summary>The byte behind the last, a multiple of 4096.</summary>
    public ulong End;

    /// <summary>Rights, kind and accounting.</summary>
    public VmFlags Flags;

    /// <summary>The page of the file, or of the anonymous object, that <see cref="Start"/> shows (vm_pgoff).</summary>
    public ulong PageOffset;

    /// <summary>The open file description behind the area; 0 for private anonymous memory.</summary>
    public int File;

    /// <summary>The anon_vma; 0 before the first private page.</summary>
    public int AnonVma;

    /// <summary>The name given with PR_SET_VMA_ANON_NAME, or the special mapping that it is; 0 for none.</summary>
    public int Name;

    /// <summary>The memory policy; 0 for the process's own.</summary>
    public int Policy;

    /// <summary>The chain of anon_vmas of a forked child's area; 0 for the chain of <see cref="AnonVma"/> alone.</summary>
    public int AnonChain;

    /// <summary>Its bytes.</summary>
    public readonly ulong Length => End - Start;

    /// <summary>Its pages of 4 KiB.</summary>
    public readonly ulong Pages => (End - Start) >> 12;

    /// <summary>Whether an address lies in it.</summary>
    public readonly bool Contains(ulong address) => address - Start < End - Start;
}
