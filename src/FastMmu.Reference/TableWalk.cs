using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>One walk through the paging structures. It reads memory and changes nothing.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "32-Bit Paging" (4.3), "PAE Paging" (4.4), "4-Level Paging and 5-Level Paging" (4.5).</remarks>
internal sealed class TableWalk
{
    private readonly List<ReferenceEntry> _entries = new(5);
    private readonly List<TablePosition> _positions = new(4);

    /// <summary>The entries read, from the top; before and after are the same.</summary>
    internal IReadOnlyList<ReferenceEntry> Entries => _entries;

    /// <summary>The tables that entries read here referred to, from the top; a processor may remember each of them.</summary>
    internal IReadOnlyList<TablePosition> Positions => _positions;

    /// <summary>The translation, or null if the walk ended before a leaf.</summary>
    internal Mapping? Mapping { get; private set; }

    /// <summary>Why there is no translation: an entry that is not present, or has a reserved bit set.</summary>
    internal FaultReason Failure { get; private set; }

    /// <summary>The level of the entry that ended the walk without a translation.</summary>
    internal int FailedLevel { get; private set; }

    /// <summary>Walks from CR3.</summary>
    internal static TableWalk FromRoot(Controls controls, IReferenceMemory memory, ulong linear)
    {
        switch (controls.Mode)
        {
            // Table 4-3: CR3 bits 31:12 are the address of the page directory.
            case ReferenceMode.TwoLevel:
                return From(TablePosition.Root(2, controls.Cr3 & Bits.Range(31, 12)), controls, memory, linear);

            // Table 4-7: CR3 bits 31:5 are the address of the PDPT, which a processor without PDPTE registers reads like any other table.
            case ReferenceMode.Pae when controls.Features.PdptesReadOnDemand:
                return From(TablePosition.Root(3, controls.Cr3 & Bits.Range(31, 5)), controls, memory, linear);

            // 4.4.2: linear-address bits 31:30 select a PDPTE register. Its reserved bits were checked when it was loaded.
            case ReferenceMode.Pae:
                ulong pdpte = controls.PdpteRegisters[(int)Bits.Field(linear, 31, 30)];
                if (!EntryRules.IsPresent(pdpte)) return new TableWalk { Failure = FaultReason.NotPresent, FailedLevel = 3 };
                return From(TablePosition.Root(2, EntryRules.NextTable(controls.Mode, pdpte)), controls, memory, linear);

            // Tables 4-12 and 4-13: CR3 bits M-1:12 are the address of the PML4 table, or of the PML5 table.
            case ReferenceMode.FourLevel:
                return From(TablePosition.Root(4, controls.Cr3 & Bits.Range(51, 12)), controls, memory, linear);

            case ReferenceMode.FiveLevel:
                return From(TablePosition.Root(5, controls.Cr3 & Bits.Range(51, 12)), controls, memory, linear);

            default:
                throw new InvalidOperationException("There is nothing to walk while paging is off.");
        }
    }

    /// <summary>Walks on from a table whose address and rights are known.</summary>
    internal static TableWalk From(TablePosition start, Controls controls, IReferenceMemory memory, ulong linear)
    {
        var walk = new TableWalk();
        int bytes = EntryRules.Bytes(controls.Mode);
        TablePosition at = start;
        while (true)
        {
            ulong address = EntryRules.Address(controls.Mode, at.Level, at.Table, linear);
            ulong entry = memory.ReadPhysical(address, bytes);
            walk._entries.Add(new ReferenceEntry(at.Level, address, bytes, entry, entry));

            // First P; the other bits of an entry that is not present are software's.
            if (!EntryRules.IsPresent(entry)) return walk.Fail(FaultReason.NotPresent, at.Level);

            // Then reserved bits. Both end the walk here, whatever lower entries and rights would have said.
            if ((entry & EntryRules.Reserved(controls, at.Level, entry)) != 0) return walk.Fail(FaultReason.ReservedBit, at.Level);

            bool carriesRights = EntryRules.CarriesRights(controls.Mode, at.Level);
            bool writable = !carriesRights || Bits.IsSet(entry, 1);                                                     // R/W
            bool user = at.User && (!carriesRights || Bits.IsSet(entry, 2));                                            // U/S
            bool executeDisabled = at.ExecuteDisabled || (carriesRights && bytes == 8 && Bits.IsSet(entry, 63));        // XD

            if (EntryRules.IsLeaf(controls, at.Level, entry))
            {
                int pageBits = EntryRules.LowestIndexBit(controls.Mode, at.Level);
                walk.Mapping = new Mapping(
                    LinearBase: linear >> pageBits << pageBits,
                    PageBits: pageBits,
                    PhysicalBase: EntryRules.Frame(controls, at.Level, entry),
                    WritableAbove: at.Writable,
                    WritableInLeaf: writable,
                    User: user,
                    ExecuteDisabled: executeDisabled,
                    Dirty: Bits.IsSet(entry, 6),
                    Global: controls.GlobalPages && Bits.IsSet(entry, 8),
                    PatIndex: EntryRules.PatIndex(at.Level, entry),
                    ProtectionKey: controls.IsLongMode ? (int)Bits.Field(entry, 62, 59) : 0);
                return walk;
            }

            at = new TablePosition(at.Level - 1, EntryRules.NextTable(controls.Mode, entry), at.Writable && writable, user, executeDisabled);
            walk._positions.Add(at);
        }
    }

    /// <summary>
    /// The entries as a permitted access leaves them: A (bit 5) set in all that carry rights, D (bit 6) in the leaf if it writes (4.8).
    /// </summary>
    internal List<ReferenceEntry> EntriesAfter(Controls controls, bool write)
    {
        var after = new List<ReferenceEntry>(_entries.Count);
        foreach (ReferenceEntry entry in _entries)
        {
            // A table may contain itself, so that one entry is read at several levels; all flags gather in it.
            ulong flags = 0;
            for (int i = 0; i < _entries.Count; i++)
            {
                if (_entries[i].Address != entry.Address) continue;
                if (EntryRules.CarriesRights(controls.Mode, _entries[i].Level)) flags |= 1UL << 5;
                if (write && i == _entries.Count - 1) flags |= 1UL << 6;
            }

            after.Add(entry with { After = entry.Before | flags });
        }

        return after;
    }

    private TableWalk Fail(FaultReason reason, int level)
    {
        Failure = reason;
        FailedLevel = level;
        return this;
    }
}
