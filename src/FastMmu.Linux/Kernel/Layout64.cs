using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Kernel;

/// <summary>The fixed addresses and sizes of a 64-bit kernel's half.</summary>
/// <remarks>Source: Documentation/arch/x86/x86_64/mm.rst and arch/x86/include/asm/pgtable_64_types.h of Linux 6.18.</remarks>
public static class Layout64
{
    /// <summary>IDT, then GDT, TSS and stacks of each processor (CPU_ENTRY_AREA_BASE); behind it nothing is randomised.</summary>
    public const ulong CpuEntryArea = 0xffff_fe00_0000_0000;

    /// <summary>Bytes of <see cref="CpuEntryArea"/>, and of <see cref="EspFix"/>.</summary>
    public const ulong EntryBytes = TiB / 2;

    /// <summary>ESPFIX_BASE_ADDR.</summary>
    public const ulong EspFix = 0xffff_ff00_0000_0000;

    /// <summary>The lowest address of the firmware's runtime services (EFI_VA_END), which begin at <see cref="EfiEnd"/> and go down.</summary>
    public const ulong Efi = 0xffff_ffef_0000_0000;

    /// <summary>EFI_VA_START.</summary>
    public const ulong EfiEnd = 0xffff_ffff_0000_0000;

    /// <summary>The kernel (__START_KERNEL_map).</summary>
    public const ulong KernelImage = 0xffff_ffff_8000_0000;

    /// <summary>Addresses of the kernel when it may be randomised (KERNEL_IMAGE_SIZE), else half of that.</summary>
    public const ulong RandomImageBytes = GiB;

    /// <summary>The first byte behind the modules (MODULES_END): fixed addresses are above.</summary>
    public const ulong ModulesEnd = 0xffff_ffff_ff00_0000;

    /// <summary>VSYSCALL_ADDR.</summary>
    public const ulong Vsyscall = 0xffff_ffff_ff60_0000;

    /// <summary>The last fixed page (FIXADDR_TOP).</summary>
    public const ulong FixmapTop = 0xffff_ffff_ff7f_f000;

    /// <summary>
    /// The number of the local APIC among the fixed pages, counted down from <see cref="FixmapTop"/>; the first I/O APIC is behind it.
    /// </summary>
    public const int LocalApicSlot = 514;

    /// <summary>Bytes of a processor's entry area: 26 pages of GDT, stacks and TSS, guards among them, and 33 of debug buffers.</summary>
    public const ulong EntryAreaBytes = 59 * 4096;

    /// <summary>Where a kernel is loaded unless it is randomised (LOAD_PHYSICAL_ADDR).</summary>
    public const ulong LoadAddress = 16 * MiB;

    /// <summary>Where the LDT is mapped (LDT_BASE_ADDR): in front of the direct map.</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong LdtRemap(bool fiveLevels) => fiveLevels ? 0xff10_0000_0000_0000 : 0xffff_8800_0000_0000;

    /// <summary>Bytes of <see cref="LdtRemap"/>: one entry of the top table.</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong LdtRemapBytes(bool fiveLevels) => fiveLevels ? 256 * TiB : TiB / 2;

    /// <summary>The direct map when it is not randomised (__PAGE_OFFSET_BASE).</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong DirectMap(bool fiveLevels) => fiveLevels ? 0xff11_0000_0000_0000 : 0xffff_8880_0000_0000;

    /// <summary>The most memory that a kernel uses, and bytes of the direct map when it is not randomised.</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong DirectMapBytes(bool fiveLevels) => fiveLevels ? 32 * 1024 * TiB : 64 * TiB;

    /// <summary>The most physical memory (1 &lt;&lt; MAX_PHYSMEM_BITS).</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong MostMemory(bool fiveLevels) => fiveLevels ? 4096 * TiB : 64 * TiB;

    /// <summary>VMALLOC_START when it is not randomised.</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong Vmalloc(bool fiveLevels) => fiveLevels ? 0xffa0_0000_0000_0000 : 0xffff_c900_0000_0000;

    /// <summary>Bytes of the vmalloc area (VMALLOC_SIZE_TB).</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong VmallocBytes(bool fiveLevels) => fiveLevels ? 12800 * TiB : 32 * TiB;

    /// <summary>The page descriptors when they are not randomised (__VMEMMAP_BASE).</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong Vmemmap(bool fiveLevels) => fiveLevels ? 0xffd4_0000_0000_0000 : 0xffff_ea00_0000_0000;

    /// <summary>Bytes of <see cref="Vmemmap"/>.</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong VmemmapBytes(bool fiveLevels) => fiveLevels ? 512 * TiB : TiB;

    /// <summary>The shadow of a kernel built with KASAN: an eighth of the kernel's half.</summary>
    /// <param name="fiveLevels">Whether there are five levels.</param>
    public static ulong KasanShadow(bool fiveLevels) => fiveLevels ? 0xffdf_0000_0000_0000 : 0xffff_ec00_0000_0000;

    /// <summary>The address behind <see cref="KasanShadow"/>.</summary>
    public const ulong KasanShadowEnd = 0xffff_fc00_0000_0000;
}
