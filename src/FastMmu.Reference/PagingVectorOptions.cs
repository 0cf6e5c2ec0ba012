using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>How <see cref="Conformance.RunVectors(IMmuUnderTest, string, PagingVectorOptions)"/> puts recorded rows to a unit.</summary>
public sealed record PagingVectorOptions
{
    private readonly ulong? _memoryBytes = 8 << 20;
    private readonly int _mismatches = 10;

    /// <summary>
    /// Memory from 0 to here holds page tables: 1 MiB to 2 GiB in bytes, a multiple of 4096; 8 MiB if nobody says otherwise. Recorded tables that lie
    /// higher are moved there, and the entries and the CR3 that lead to them with them; pages stay where they are. With null nothing is moved, and tables
    /// lie anywhere below 2^52: a row whose entries the unit's memory does not hold is left out.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less, more, or no whole pages.</exception>
    public ulong? MemoryBytes
    {
        get => _memoryBytes;
        init
        {
            if (value is { } bytes) _ = new ConformanceOptions { MemoryBytes = bytes };
            _memoryBytes = value;
        }
    }

    /// <summary>
    /// The processor that the unit is, if it cannot be any: rows of processors that would have answered otherwise, by the model, are left out. With null the unit
    /// becomes the processor of each row (vendor's bit 8, width of physical addresses, 1-GiB pages), which <see cref="IMmuUnderTest.Reset"/> tells it.
    /// </summary>
    public ProcessorFeatures? Features { get; init; }

    /// <summary>
    /// Whether instructions are executed: MOV to CR3 in PAE paging, and what a row writes to registers. Without, <see cref="IMmuUnderTest.Execute"/> is never called, PDPTE
    /// registers come with <see cref="IMmuUnderTest.Reset"/>, and rows in which a register write matters are left out.
    /// </summary>
    public bool Instructions { get; init; } = true;

    /// <summary>Deviations of those who answered that are accepted.</summary>
    public PagingVectorQuirks Quirks { get; init; }

    /// <summary>How many mismatches are kept with their details; none or more, 10 if nobody says otherwise. All are counted.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int Mismatches
    {
        get => _mismatches;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _mismatches = value;
        }
    }
}
