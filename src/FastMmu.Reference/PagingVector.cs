using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>
/// One recorded memory access under paging: a processor's registers, the entries on the path, the access, and what became of it. Nothing is cached
/// before it.
/// </summary>
public sealed record PagingVector
{
    /// <summary>The row's name in its file.</summary>
    public required string Id { get; init; }

    /// <summary>Its line in the file, from 1.</summary>
    public required long Line { get; init; }

    /// <summary>
    /// Registers, and what the processor has. In PAE paging CR3 is about to be loaded, and the PDPTE registers are zero yet. Privilege is that of
    /// <see cref="Access"/>; CPL is 0 and means nothing.
    /// </summary>
    public required PagingState State { get; init; }

    /// <summary>What the access does.</summary>
    public required PagingVectorKind Kind { get; init; }

    /// <summary>The access.</summary>
    public required ReferenceAccess Access { get; init; }

    /// <summary>The entries on the path, from the top level down to the leaf, also below an entry that ends the walk.</summary>
    public required IReadOnlyList<PagingVectorEntry> Entries { get; init; }

    /// <summary>What is in memory before: <see cref="Entries"/>, and in PAE paging the other PDPTEs. All other memory that is read holds zeros.</summary>
    public required IReadOnlyList<TableWord> Words { get; init; }

    /// <summary>A PDPTE that changes in memory after CR3 was loaded; null if none does.</summary>
    public TableWord? Edit { get; init; }

    /// <summary>A write of CR0, CR3 or CR4 after the edit and before the access; null if there is none.</summary>
    public MmuInstruction? Reload { get; init; }

    /// <summary>Where the row ended.</summary>
    public required PagingVectorStage Stage { get; init; }

    /// <summary>The physical address, or the exception. Page size, rights and PAT index are not recorded.</summary>
    public required ObservedAnswer Answer { get; init; }

    /// <summary>Whether all emulators asked deviated from the manual here, so that the answer is the manual's alone.</summary>
    public bool Disputed { get; init; }

    /// <summary>
    /// The row as a case of the generated kind: what <see cref="Conformance.Check"/> takes. In PAE paging the PDPTEs are put into memory and CR3 is
    /// loaded by steps, because that load may be what faults.
    /// </summary>
    public ConformanceCase ToCase()
    {
        bool pae = State.Mode == PagingMode.Pae;
        var steps = new List<ConformanceStep>();
        if (pae)
        {
            foreach (TableWord word in Words) steps.Add(new(in word));
            steps.Add(new(new MmuInstruction(MmuInstructionKind.WriteCr3, State.Cr3.Value)));
        }

        if (Edit is { } edit) steps.Add(new(in edit));
        if (Reload is { } reload) steps.Add(new(in reload));
        steps.Add(new(Access));
        return new(State, pae ? [] : Words, steps);
    }
}
