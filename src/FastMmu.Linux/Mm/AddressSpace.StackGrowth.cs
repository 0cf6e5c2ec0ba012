using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>Growing areas (expand_stack).</content>
public sealed partial class AddressSpace
{
    /// <summary>Grows an area downwards to hold an address below it (expand_downwards).</summary>
    /// <param name="vma">The first area above the address; on success it is the grown one.</param>
    /// <param name="address">The address.</param>
    /// <returns>Whether it holds the address now.</returns>
    internal bool TryGrow(ref Vma vma, ulong address) => TryGrow(ref vma, address, Context);

    // The limits are those of whoever touches the address: a debugger's when it does.
    private bool TryGrow(ref Vma vma, ulong address, ProcessContext toucher)
    {
        address &= ~(PageSize - 1);
        if ((vma.Flags & VmFlags.GrowsDown) == 0 || address < Machine.Settings.MmapMinAddressEffective)
        {
            return false;
        }

        // Memory below that can be used must stay a gap away; a guard of the program's own, or another stack, need not.
        if (Areas.TryFindBefore(vma.Start, out Vma below) && (below.Flags & VmFlags.GrowsDown) == 0
            && (below.Flags & VmFlags.AccessMask) != 0
            && address - below.End < Machine.Settings.StackGuardGapPages << PageShift)
        {
            return false;
        }

        Tables.PrepareAnonVma(ref vma);
        ulong grown = (vma.Start - address) >> PageShift;
        if (grown > vma.PageOffset || !MayExpand(vma.Flags, grown, toucher.Limits)
            || vma.End - address > toucher.Limits[ResourceLimits.Stack].Soft
            || !MayLock(vma.Flags, grown << PageShift, toucher) || !TryCharge(grown))
        {
            return false;
        }

        ulong oldStart = vma.Start;
        vma.Start = address;
        vma.PageOffset -= grown;
        Areas.Replace(oldStart, vma);
        Account(vma.Flags, (long)grown);
        if ((vma.Flags & VmFlags.Locked) != 0)
        {
            LockedVm += grown;
        }

        return true;
    }
}
