namespace FastMmu.Linux.Kernel;

// From addresses of the kernel to physical memory and back. The kernel trusts its callers; here an address that has no answer has none.
public sealed partial class KernelLayout
{
    private const int PageShift = 12;

    /// <summary>Where an address of the direct map, or of the kernel's own text and data, lies in memory (virt_to_phys, __pa).</summary>
    /// <param name="address">The address.</param>
    /// <param name="physical">The physical address.</param>
    /// <returns>False for any other address: vmalloc area, fixmap and user addresses have to be looked up in the page tables.</returns>
    public bool TryVirtToPhys(ulong address, out ulong physical)
    {
        if (address >= DirectMap && address - DirectMap < DirectMapped)
        {
            physical = address - DirectMap;
            return true;
        }

        // The whole image, not only what is mapped: the conversion is an addition.
        physical = address - Layout64.KernelImage + PhysicalBase;
        bool image = Architecture.Is64Bit() && address >= ImageStart && address - ImageStart < Image.At(0).Length;
        if (!image) physical = 0;
        return image;
    }

    /// <summary>The address of a byte of memory in the direct map (phys_to_virt, __va).</summary>
    /// <param name="physical">The physical address.</param>
    /// <param name="address">The address.</param>
    /// <returns>False for high memory, which has no address of its own, and beyond the end of memory.</returns>
    public bool TryPhysToVirt(ulong physical, out ulong address)
    {
        address = physical < DirectMapped ? DirectMap + physical : 0;
        return physical < DirectMapped;
    }

    /// <summary>The page frame number that an address of the kernel lies in (virt_to_page, as a number).</summary>
    /// <param name="address">The address.</param>
    /// <param name="frame">The page frame number.</param>
    /// <returns>As <see cref="TryVirtToPhys"/>.</returns>
    public bool TryVirtToFrame(ulong address, out ulong frame)
    {
        bool found = TryVirtToPhys(address, out ulong physical);
        frame = physical >> PageShift;
        return found;
    }

    /// <summary>The address of a page's descriptor in the array of them (pfn_to_page).</summary>
    /// <param name="frame">The page frame number.</param>
    /// <param name="address">The address.</param>
    /// <returns>False beyond the end of memory, and on a 32-bit kernel, whose array has no region of its own.</returns>
    public bool TryDescriptorOf(ulong frame, out ulong address)
    {
        bool found = Vmemmap != 0 && frame < Options.MemoryEnd >> PageShift;
        address = found ? Vmemmap + (frame * Options.PageDescriptorBytes) : 0;
        return found;
    }

    /// <summary>The page frame number whose descriptor holds an address (page_to_pfn).</summary>
    /// <param name="address">An address in the array of descriptors.</param>
    /// <param name="frame">The page frame number.</param>
    /// <returns>False for any other address.</returns>
    public bool TryFrameOfDescriptor(ulong address, out ulong frame)
    {
        frame = (address - Vmemmap) / Options.PageDescriptorBytes;
        bool found = Vmemmap != 0 && address >= Vmemmap && frame < Options.MemoryEnd >> PageShift;
        if (!found) frame = 0;
        return found;
    }
}
