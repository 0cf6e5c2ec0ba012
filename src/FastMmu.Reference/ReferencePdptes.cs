using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>The PDPTE registers of PAE paging: when they are loaded, from where, and what makes the load fault.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "PDPTE Registers" (4.4.1).</remarks>
public static class ReferencePdptes
{
    /// <summary>Loads the four entries from memory at CR3.</summary>
    /// <param name="state">
    /// The state that the register write would bring about, CR3 included. Its PDPTE registers are replaced, unless the load faults.
    /// </param>
    /// <param name="memory">Guest-physical memory.</param>
    /// <returns>
    /// False if a present entry has a reserved bit set: the register write raises #GP(0), and neither the register nor any PDPTE changes.
    /// </returns>
    public static bool TryLoad(ref PagingState state, IReferenceMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);

        // Table 4-7: CR3 bits 31:5 are the address of the 32-byte aligned page-directory-pointer table; other bits are ignored.
        ulong table = state.Cr3.Value & Bits.Range(31, 5);
        PdpteRegisters loaded = default;
        for (int i = 0; i < 4; i++)
        {
            ulong pdpte = memory.ReadPhysical(table + (8 * (ulong)i), 8);
            if (Bits.IsSet(pdpte, 0) && (pdpte & Reserved(state.Features.PhysicalAddressBits)) != 0) return false;
            loaded[i] = pdpte;
        }

        state.Pdptes = loaded;
        return true;
    }

    /// <summary>Whether MOV to CR0 loads the PDPTEs: it leaves PAE paging on and changes CR0.CD (bit 30), NW (29) or PG (31).</summary>
    /// <param name="before">The state before.</param>
    /// <param name="after">The state after.</param>
    public static bool LoadedByCr0Write(in PagingState before, in PagingState after) =>
        UsesRegisters(after) && ((before.Cr0.Value ^ after.Cr0.Value) & ((1UL << 29) | (1UL << 30) | (1UL << 31))) != 0;

    /// <summary>Whether MOV to CR3 loads the PDPTEs: always in PAE paging.</summary>
    /// <param name="state">The state.</param>
    public static bool LoadedByCr3Write(in PagingState state) => UsesRegisters(state);

    /// <summary>Whether MOV to CR4 loads the PDPTEs: it leaves PAE paging on and changes CR4.PAE (bit 5), PGE (7), PSE (4) or SMEP (20).</summary>
    /// <param name="before">The state before.</param>
    /// <param name="after">The state after.</param>
    public static bool LoadedByCr4Write(in PagingState before, in PagingState after) =>
        UsesRegisters(after) && ((before.Cr4.Value ^ after.Cr4.Value) & ((1UL << 5) | (1UL << 7) | (1UL << 4) | (1UL << 20))) != 0;

    /// <summary>Whether a write of a register loads the PDPTEs.</summary>
    /// <param name="kind">The instruction; one that writes none of CR0, CR3 and CR4 never does.</param>
    /// <param name="before">The state before.</param>
    /// <param name="after">The state after.</param>
    internal static bool LoadedBy(MmuInstructionKind kind, in PagingState before, in PagingState after) => kind switch
    {
        MmuInstructionKind.WriteCr0 => LoadedByCr0Write(before, after),
        MmuInstructionKind.WriteCr3 => LoadedByCr3Write(after),
        MmuInstructionKind.WriteCr4 => LoadedByCr4Write(before, after),
        _ => false,
    };

    /// <summary>Table 4-8: bits 2:1, 8:5 and 63:MAXPHYADDR must be 0 in a present PDPTE. There is no R/W, U/S, A, PS or XD.</summary>
    internal static ulong Reserved(int physicalWidth) => Bits.Range(2, 1) | Bits.Range(8, 5) | Bits.Range(63, physicalWidth);

    /// <summary>PAE paging, on a processor that keeps PDPTEs in registers at all.</summary>
    private static bool UsesRegisters(in PagingState state) =>
        new Controls(state).Mode == ReferenceMode.Pae && !state.Features.PdptesReadOnDemand;
}
