namespace FastMmu.Linux.Kernel;

/// <summary>The names of the kinds.</summary>
public static class KernelRegionKinds
{
    /// <summary>The name under which a region is shown.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="is64Bit">Whether it is a 64-bit layout.</param>
    public static string Name(this KernelRegionKind kind, bool is64Bit = true) => kind switch
    {
        KernelRegionKind.User => "user",
        KernelRegionKind.UserGuard => "guard page",
        KernelRegionKind.NonCanonical => "not canonical",
        KernelRegionKind.GuardHole => "guard hole (hypervisor)",
        KernelRegionKind.LdtRemap => "LDT remap",
        KernelRegionKind.DirectMap => is64Bit ? "direct map of physical memory" : "direct map (lowmem)",
        KernelRegionKind.Vmalloc => "vmalloc, ioremap",
        KernelRegionKind.Vmemmap => "vmemmap (struct page)",
        KernelRegionKind.KasanShadow => "KASAN shadow",
        KernelRegionKind.CpuEntryArea => "cpu entry area",
        KernelRegionKind.EspFix => "espfix stacks",
        KernelRegionKind.Efi => "EFI runtime services",
        KernelRegionKind.KernelImage => "kernel image",
        KernelRegionKind.Modules => "modules",
        KernelRegionKind.Fixmap => "fixmap",
        KernelRegionKind.Vsyscall => "vsyscall",
        KernelRegionKind.Pkmap => "pkmap (highmem)",
        _ => "hole",
    };
}
