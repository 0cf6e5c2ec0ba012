using System.Runtime.InteropServices;

namespace FastMmu.Linux.Physical;

/// <summary>What the kernel knows of one physical page (struct page).</summary>
/// <remarks>
/// 32 bytes, two in a cache line; the kernel's own takes 64. <see cref="Index"/> and <see cref="Private"/> link a free page into its list.
/// Everything but the reference is cleared when a page is handed out.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 32)]
public struct PageFrame
{
    /// <summary>Its flags.</summary>
    public PageFlags Flags;

    /// <summary>References; 0 while it is free, and of frames that were never the allocator's.</summary>
    public int RefCount;

    /// <summary>Page-table entries that show it.</summary>
    public int MapCount;

    /// <summary>The anon_vma (negative) or the inode (positive) that it belongs to; 0 for neither.</summary>
    public int Mapping;

    /// <summary>Its page number in that.</summary>
    public ulong Index;

    /// <summary>The owner's; of the later pages of a compound page the number of its first.</summary>
    public ulong Private;

    /// <summary>The order of the block that begins here: 2^order pages.</summary>
    public readonly int Order => (int)((uint)(Flags & PageFlags.OrderMask) >> OrderShift);

    internal const int OrderShift = 24;
}
