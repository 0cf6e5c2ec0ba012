namespace FastMmu.Tlb;

/// <summary>The geometry of the paging-structure caches: one array for each kind of entry that refers to a table.</summary>
/// <param name="Pde">PDE cache: skips to the page table, leaving one entry to read.</param>
/// <param name="Pdpte">PDPTE cache: skips to the page directory.</param>
/// <param name="Pml4e">PML4E cache: skips to the page-directory-pointer table.</param>
/// <param name="Pml5e">PML5E cache: skips to the PML4 table.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Caches for Paging Structures" (4.10.3.1).</remarks>
public readonly record struct PagingStructureGeometry(
    PagingStructureShape Pde, PagingStructureShape Pdpte, PagingStructureShape Pml4e, PagingStructureShape Pml5e)
{
    /// <summary>
    /// 32 PDEs, 16 PDPTEs, 4 PML4Es, 4 PML5Es, four ways each: sizes that vendors do not publish and measurements put near these.
    /// </summary>
    public static PagingStructureGeometry Default => new(new(8, 4), new(4, 4), new(1, 4), new(1, 4));

    /// <summary>No caches: every walk begins at the root.</summary>
    public static PagingStructureGeometry None => default;
}
