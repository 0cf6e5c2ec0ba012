namespace FastMmu.Linux.Pages;

/// <summary>
/// What caches translations of an address space and is no <see cref="Mmu"/>: the memory map of another emulator, a device, a debugger's
/// window (struct mmu_notifier). <see cref="Mm.AddressSpace.Register"/> makes it known.
/// </summary>
public interface IMmuNotifier
{
    /// <summary>Drops what it has of a range: pages there have gone, have other frames or fewer rights, or lost their accessed or dirty bit.</summary>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last; up to the end of the user's half when an address space ends.</param>
    /// <remarks>
    /// It comes before the call or the fault that changed the page tables returns. There may be pages in the range that did not change. It
    /// must not call the address space, and not throw.
    /// </remarks>
    void Invalidate(ulong start, ulong end);
}
