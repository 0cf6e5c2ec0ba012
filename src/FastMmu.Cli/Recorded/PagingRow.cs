using FastMmu.Processor;

namespace FastMmu.Cli.Recorded;

/// <summary>What a recorded row did with memory.</summary>
internal enum RowAccess : byte
{
    /// <summary><c>R</c>: data read.</summary>
    Read,

    /// <summary><c>W</c>: data write.</summary>
    Write,

    /// <summary><c>M</c>: read-modify-write, which needs and reports the right to write.</summary>
    ReadModifyWrite,

    /// <summary><c>X</c>: instruction fetch.</summary>
    Fetch,

    /// <summary><c>I</c>: implicit supervisor read of a descriptor, whatever the CPL.</summary>
    Implicit,
}

/// <summary>Where a row of PAE paging stopped.</summary>
internal enum PagingStage : byte
{
    /// <summary>Nowhere: the access was made.</summary>
    Done,

    /// <summary>The access faulted.</summary>
    Access,

    /// <summary>The first MOV to CR3 faulted: a PDPTE was bad.</summary>
    LoadCr3,

    /// <summary>The second MOV to a control register faulted: a PDPTE was bad; the old ones stay.</summary>
    Reload,
}

/// <summary>One paging-structure entry of a row.</summary>
/// <param name="Level">5 to 1.</param>
/// <param name="Table">Physical address of the table.</param>
/// <param name="Index">Index in the table.</param>
/// <param name="Before">The entry before the access.</param>
/// <param name="After">The entry after it.</param>
internal readonly record struct RecordedEntry(int Level, ulong Table, int Index, ulong Before, ulong After);

/// <summary>One recorded memory access under paging: registers, the entries on its path, and what became of it. One object serves a whole file.</summary>
internal sealed class PagingRow
{
    /// <summary>As many entries as the deepest mode has levels.</summary>
    public const int MostEntries = 5;

    private readonly RecordedEntry[] _entries = new RecordedEntry[MostEntries];

    /// <summary>The row's name in its file.</summary>
    public string Id { get; set; } = "";

    /// <summary>The paging mode, which the registers must agree with.</summary>
    public PagingMode Mode { get; set; }

    /// <summary>The processor as its CPUID described it.</summary>
    public ProcessorFeatures Features { get; set; } = ProcessorFeatures.Everything;

    /// <summary>CR0 before the reload, if there is one.</summary>
    public ulong Cr0 { get; set; }

    /// <summary>CR3 before the reload, with its ignored bits.</summary>
    public ulong Cr3 { get; set; }

    /// <summary>CR4 before the reload.</summary>
    public ulong Cr4 { get; set; }

    /// <summary>EFER.</summary>
    public ulong Efer { get; set; }

    /// <summary>EFLAGS; AC counts.</summary>
    public ulong RFlags { get; set; }

    /// <summary>PKRU; without meaning unless CR4.PKE is set.</summary>
    public uint Pkru { get; set; }

    /// <summary>Current privilege level, 0 or 3.</summary>
    public int Cpl { get; set; }

    /// <summary>What the access does.</summary>
    public RowAccess Kind { get; set; }

    /// <summary>Whether the access went through SS.</summary>
    public bool Stack { get; set; }

    /// <summary>The linear address.</summary>
    public ulong Linear { get; set; }

    /// <summary>Where the row stopped.</summary>
    public PagingStage Stage { get; set; }

    /// <summary>The exception vector; 0 for none.</summary>
    public int Vector { get; set; }

    /// <summary>The error code, if there was an exception.</summary>
    public uint ErrorCode { get; set; }

    /// <summary>CR2 after the exception; null where it was untouched.</summary>
    public ulong? Cr2 { get; set; }

    /// <summary>The physical address, if the access was made.</summary>
    public ulong Physical { get; set; }

    /// <summary>The four PDPTEs in memory at MOV to CR3; only with <see cref="HasPdptes"/>.</summary>
    public ulong[] Pdptes { get; } = new ulong[4];

    /// <summary>Whether <see cref="Pdptes"/> was recorded.</summary>
    public bool HasPdptes { get; set; }

    /// <summary>Which PDPTE was changed in memory after MOV to CR3, or −1.</summary>
    public int EditSlot { get; set; }

    /// <summary>What it was changed to.</summary>
    public ulong EditValue { get; set; }

    /// <summary>Number of the control register written after the edit: 0, 3 or 4; −1 for none.</summary>
    public int ReloadRegister { get; set; }

    /// <summary>What was written to it.</summary>
    public ulong ReloadValue { get; set; }

    /// <summary>Whether all emulators asked deviated from the manual here, so that the answer is the manual's alone.</summary>
    public bool Disputed { get; set; }

    /// <summary>The entries on the path, from the top level down.</summary>
    public ReadOnlySpan<RecordedEntry> Entries => _entries.AsSpan(0, EntryCount);

    /// <summary>How many entries there are.</summary>
    public int EntryCount { get; private set; }

    /// <summary>Bytes an entry has: 4 in 32-bit paging, else 8.</summary>
    public int EntryBytes => Mode == PagingMode.TwoLevel ? 4 : 8;

    /// <summary>Physical address of an entry.</summary>
    public ulong AddressOf(in RecordedEntry entry) => entry.Table + ((ulong)entry.Index * (ulong)EntryBytes);

    /// <summary>Forgets the entries of the row before.</summary>
    public void ClearEntries() => EntryCount = 0;

    /// <summary>Adds an entry.</summary>
    public void Add(in RecordedEntry entry) => _entries[EntryCount++] = entry;
}
