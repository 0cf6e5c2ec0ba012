namespace FastMmu.Linux.Kernel;

/// <summary>What a part of the address space is for.</summary>
public enum KernelRegionKind
{
    /// <summary>Nothing.</summary>
    Hole = 0,

    /// <summary>User space.</summary>
    User,

    /// <summary>The last page below the end of user addresses, kept free because of SYSRET and prefetches.</summary>
    UserGuard,

    /// <summary>Addresses that are not canonical.</summary>
    NonCanonical,

    /// <summary>Free for a hypervisor, and as a guard in front of the kernel.</summary>
    GuardHole,

    /// <summary>Where a task's LDT is mapped when page tables are isolated.</summary>
    LdtRemap,

    /// <summary>All physical memory, or of a 32-bit kernel as much as there is room for.</summary>
    DirectMap,

    /// <summary>Memory that is contiguous in addresses only, and mapped devices.</summary>
    Vmalloc,

    /// <summary>The array of page descriptors.</summary>
    Vmemmap,

    /// <summary>The shadow of a kernel built with KASAN.</summary>
    KasanShadow,

    /// <summary>What the processor needs on entry: IDT, GDT, TSS and stacks, for each processor.</summary>
    CpuEntryArea,

    /// <summary>Stacks for returns to 16-bit segments.</summary>
    EspFix,

    /// <summary>Runtime services of the firmware.</summary>
    Efi,

    /// <summary>The kernel's own text and data.</summary>
    KernelImage,

    /// <summary>Loadable modules.</summary>
    Modules,

    /// <summary>Addresses fixed when the kernel is built.</summary>
    Fixmap,

    /// <summary>The page of the oldest system calls without a system call.</summary>
    Vsyscall,

    /// <summary>Permanent mappings of high memory (kmap).</summary>
    Pkmap,
}
