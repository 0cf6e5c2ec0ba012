using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using Xunit;

namespace FastMmu.Tests.Linux.Mm;

/// <summary>What holds of every address space between two calls.</summary>
internal static class AddressSpaceInvariants
{
    private const VmFlags Stack = VmFlags.GrowsDown;

    /// <summary>Checks order, counters and pages.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="lockedMayLeak">Whether an mremap with DONTUNMAP of locked memory has made locked_vm too high for good, as the kernel does.</param>
    public static void Check(AddressSpace mm, bool lockedMayLeak = false)
    {
        ulong end = 0, total = 0, data = 0, exec = 0, stack = 0, locked = 0, resident = 0;
        foreach (Vma vma in mm.Areas)
        {
            Assert.True(end <= vma.Start && vma.Start < vma.End, $"The area at {vma.Start:x} begins below {end:x}, or is empty.");
            Assert.True(((vma.Start | vma.End) & 0xFFF) == 0 && vma.End <= mm.TaskSize, $"{vma.Start:x}-{vma.End:x} is not of the user's pages.");
            end = vma.End;
            ulong pages = vma.Pages;
            total += pages;
            exec += (vma.Flags & (VmFlags.Exec | VmFlags.Write | Stack)) == VmFlags.Exec ? pages : 0;
            stack += (vma.Flags & Stack) != 0 ? pages : 0;
            data += (vma.Flags & (VmFlags.Write | VmFlags.Shared | Stack)) == VmFlags.Write ? pages : 0;
            locked += (vma.Flags & VmFlags.Locked) != 0 ? pages : 0;
            resident += CheckPages(mm.Tables, vma);
        }

        Assert.Equal((total, data, exec, stack), (mm.TotalVm, mm.DataVm, mm.ExecVm, mm.StackVm));
        Assert.True(lockedMayLeak ? locked <= mm.LockedVm : locked == mm.LockedVm, $"{locked} pages are in locked areas, {mm.LockedVm} are counted.");
        Assert.Equal(resident, mm.Tables.Rss);
    }

    private static ulong CheckPages(UserPages tables, in Vma vma)
    {
        ulong resident = 0;
        for (ulong at = vma.Start; at < vma.End; at += 4096)
        {
            PageView page = tables.Peek(at);
            if (page.IsPresent)
            {
                resident += page.IsResident ? 1UL : 0;
                Assert.True((tables.EntryOf(at) & Pte.Write) == 0 || (vma.Flags & VmFlags.Write) != 0, $"The page at {at:x} is writable, its area is not.");
            }
        }

        return resident;
    }
}
