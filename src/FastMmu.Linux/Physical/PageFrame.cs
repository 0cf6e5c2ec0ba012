using System.Runtime.InteropServices;

namespace FastMmu.Linux.Physical;

/// <summary>What the kernel knows of one physical page (struct page).</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
public struct PageFrame
{
    /// <summary>Its flags.</summary>
    public uint Flags;

    /// <summary>References; 0 while it is free.</summary>
    public int RefCount;

    /// <summary>Page-table entries that show it.</summary>
    public int MapCount;

    /// <summary>The anon_vma (negative) or the inode (positive) that it belongs to; 0 for neither.</summary>
    public int Mapping;

    /// <summary>Its page number in that.</summary>
    public ulong Index;
}
