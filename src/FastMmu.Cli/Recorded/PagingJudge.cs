using FastMmu.Processor;

namespace FastMmu.Cli.Recorded;

/// <summary>
/// Judges paging rows: writes the recorded entries, loads the recorded registers, makes the access, and compares outcome, error code, CR2,
/// physical address and all entries afterwards.
/// </summary>
internal sealed class PagingJudge : IRowJudge
{
    private const ulong AccessedBit = 1UL << 5;
    private static readonly string[] KindNames = ["read", "write", "read-modify-write", "fetch", "implicit read"];
    private static readonly string[] StageNames = ["-", "access", "cr3", "reload"];

    private readonly RecordedTable _table;
    private readonly PagingRowReader _reader;
    private readonly IPagingSubject _subject;
    private readonly Quirks _quirks;

    /// <param name="table">The file.</param>
    /// <param name="subject">Who is judged; owned.</param>
    /// <param name="quirks">Deviations of the answerer.</param>
    public PagingJudge(RecordedTable table, IPagingSubject subject, Quirks quirks)
    {
        _table = table;
        _subject = subject;
        _quirks = quirks;
        _reader = new(table, quirks.HasFlag(Quirks.AmdPdptBit8) ? NonLeafBit8.ReservedInPml4AndPdpt : NonLeafBit8.ReservedInPml4);
    }

    public void Judge(Verdict verdict)
    {
        PagingRow row = _reader.Read();
        PagingState state = StateOf(row);
        verdict.Begin(row.Id, row.Disputed ? $"{ModeName(row.Mode)} disputed" : ModeName(row.Mode), KindNames[(int)row.Kind]);

        Write(row);
        PagingStage stage = Ask(row, in state, out PagingAnswer answer);

        verdict.Expect("stage", StageNames[(int)row.Stage], StageNames[(int)stage]);
        verdict.ExpectVector("result", row.Vector, answer.Vector);
        if (row.Vector != 0 && answer.Vector != 0) verdict.Expect("errcode", row.ErrorCode, answer.ErrorCode);
        verdict.Expect("cr2", row.Cr2, answer.Cr2);
        if (row.Vector == 0 && answer.Vector == 0) verdict.Expect("pa", row.Physical, answer.Physical);
        CompareEntries(row, answer, verdict);
        Clear(row);
    }

    public void Dispose() => _subject.Dispose();

    private static string ModeName(PagingMode mode) => mode switch
    {
        PagingMode.TwoLevel => "2L",
        PagingMode.Pae => "PAE",
        PagingMode.FourLevel => "4L",
        _ => "5L",
    };

    private PagingStage Ask(PagingRow row, in PagingState state, out PagingAnswer answer)
    {
        answer = _subject.LoadState(in state);
        if (answer.Vector != 0) return PagingStage.LoadCr3;
        if (row.EditSlot >= 0) _subject.WriteEntry(PdptOf(row) + (8 * (ulong)row.EditSlot), row.EditValue, 8);
        if (row.ReloadRegister >= 0)
        {
            answer = _subject.WriteControlRegister(row.ReloadRegister, row.ReloadValue);
            if (answer.Vector != 0) return PagingStage.Reload;
        }

        (Access access, Privilege privilege) = row.Kind switch
        {
            RowAccess.Read => (Access.Read, state.CurrentPrivilege),
            RowAccess.Fetch => (Access.Execute, state.CurrentPrivilege),
            RowAccess.Implicit => (Access.Read, Privilege.ImplicitSupervisor),
            _ => (Access.Write, state.CurrentPrivilege),
        };
        answer = _subject.Access(row.Linear, access, privilege, row.Stack);
        return answer.Vector != 0 ? PagingStage.Access : PagingStage.Done;
    }

    private void CompareEntries(PagingRow row, PagingAnswer answer, Verdict verdict)
    {
        foreach (RecordedEntry entry in row.Entries)
        {
            ulong actual = _subject.ReadEntry(row.AddressOf(entry), row.EntryBytes);
            if (actual == entry.After || MayDiffer(row, answer, entry, actual)) continue;
            verdict.Expect($"level {entry.Level} after", entry.After, actual);
        }
    }

    // Whether A was set above the entry that stopped an access is the processor's choice; on either side of the comparison.
    private bool MayDiffer(PagingRow row, PagingAnswer answer, in RecordedEntry entry, ulong actual)
    {
        if (row.Vector != 14 || answer.Vector != 14) return false;
        ulong accessed = entry.Before | AccessedBit;
        if ((actual != entry.Before && actual != accessed) || (entry.After != entry.Before && entry.After != accessed)) return false;
        bool isPdpte = row.Mode == PagingMode.Pae && entry.Level == 3;
        // An access refused for its rights was stopped by the leaf: the last entry that a walk could have used.
        int stop = answer.Level != 0 ? answer.Level : LeafLevel(row);
        if (entry.Level > stop) return !isPdpte;
        return _quirks.HasFlag(Quirks.RmwAccessed) && row.Kind == RowAccess.ReadModifyWrite && row.Cpl == 0 && (row.ErrorCode & 0xb) == 3 && !isPdpte;
    }

    private static int LeafLevel(PagingRow row) => row.Entries[^1].Level;

    private void Write(PagingRow row)
    {
        Span<ulong> pages = stackalloc ulong[PagingRow.MostEntries + 1];
        int count = 0;
        foreach (RecordedEntry entry in row.Entries) pages[count++] = entry.Table;
        if (row.Mode == PagingMode.Pae) pages[count++] = PdptOf(row);
        _subject.Back(pages[..count]);

        if (row.HasPdptes)
        {
            for (int i = 0; i < 4; i++) _subject.WriteEntry(PdptOf(row) + (8 * (ulong)i), row.Pdptes[i], 8);
        }

        foreach (RecordedEntry entry in row.Entries) _subject.WriteEntry(row.AddressOf(entry), entry.Before, row.EntryBytes);
        foreach (RecordedEntry entry in row.Entries)
        {
            if (_subject.ReadEntry(row.AddressOf(entry), row.EntryBytes) != entry.Before) throw _table.Refuse("two entries of the row lie at the same place and differ");
        }
    }

    private void Clear(PagingRow row)
    {
        foreach (RecordedEntry entry in row.Entries) _subject.WriteEntry(row.AddressOf(entry), 0, row.EntryBytes);
        if (row.Mode != PagingMode.Pae) return;
        for (int i = 0; i < 4; i++) _subject.WriteEntry(PdptOf(row) + (8 * (ulong)i), 0, 8);
    }

    // Table 4-7 of the SDM: the low five bits of CR3 are ignored.
    private static ulong PdptOf(PagingRow row) => row.Cr3 & 0xffff_ffe0;

    private PagingState StateOf(PagingRow row)
    {
        var state = new PagingState(row.Features)
        {
            Cr0 = row.Cr0,
            Cr3 = row.Cr3,
            Cr4 = row.Cr4,
            Efer = row.Efer,
            RFlags = row.RFlags,
            Pkru = row.Pkru,
            Cpl = row.Cpl,
        };
        if (ControlRegisterRules.Inconsistency(in state) is { } impossible) throw _table.Refuse($"no processor can hold these registers: {impossible}");
        if (state.Mode != row.Mode) throw _table.Refuse($"the registers are not those of mode {ModeName(row.Mode)}");
        return state;
    }
}
