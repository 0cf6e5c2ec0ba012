using FastMmu.Linux.Kernel;
using FastMmu.Paging.Mapping;

namespace FastMmu.Cli.Programs;

/// <summary>The kernel's half of a program's address space, which all tasks share.</summary>
/// <param name="Regions">Its regions that are not empty addresses.</param>
/// <param name="ImageStart">Where the kernel's own text begins.</param>
/// <param name="Tables">Page-table pages below the shared entries of the top table.</param>
/// <param name="SharedEntries">Entries of the task's top table that are present and the kernel's own.</param>
internal sealed record KernelPart(IReadOnlyList<KernelRegion> Regions, ulong ImageStart, long Tables, int SharedEntries)
{
    /// <summary>Reads it off the kernel and the task's top table.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="root">The task's top table.</param>
    public static KernelPart Of(ProgramMachine machine, Addresses.PhysicalAddress root)
    {
        KernelSpace kernel = machine.Kernel;
        KernelRegion[] regions = [.. kernel.Layout.Regions.Where(r => r.First >= kernel.Layout.UserEnd && !IsEmpty(r.Kind))];
        return new(regions, kernel.Layout.ImageStart, kernel.SharedTables, kernel.CountShared(root));
    }

    private static bool IsEmpty(KernelRegionKind kind) =>
        kind is KernelRegionKind.Hole or KernelRegionKind.GuardHole or KernelRegionKind.NonCanonical or KernelRegionKind.UserGuard;
}
