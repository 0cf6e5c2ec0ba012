using FastMmu.Processor;
using FastMmu.Reference.Judging;

namespace FastMmu.Reference.Vectors;

/// <summary>
/// Puts recorded rows to a unit: writes the entries, loads the registers, makes the access, and compares outcome, error code, CR2,
/// physical address and all entries afterwards.
/// </summary>
internal sealed class PagingVectorJudge
{
    private const ulong AccessedBit = 1UL << 5;
    private static readonly string[] KindNames = ["read", "write", "read-modify-write", "fetch", "implicit read"];
    private static readonly string[] StageNames = ["-", "access", "cr3", "reload"];
    private static readonly ObservedAnswer Refused = ObservedAnswer.Faulted(ExceptionVector.GeneralProtection, 0, null);

    private readonly IMmuUnderTest _mmu;
    private readonly PagingVectorOptions _options;
    private PagingVectorStage _stage;
    private ObservedAnswer _answer;
    private ulong[] _after = [];
    private string? _thrown;

    /// <param name="mmu">Who is judged.</param>
    /// <param name="options">How.</param>
    public PagingVectorJudge(IMmuUnderTest mmu, PagingVectorOptions options) => (_mmu, _options) = (mmu, options);

    /// <summary>Judges a row, and leaves memory as it was.</summary>
    /// <param name="row">The row.</param>
    /// <param name="verdict">Receives the verdict.</param>
    /// <returns>False if the row does not fit the unit, and was not judged.</returns>
    public bool Judge(PagingVector row, RowVerdict verdict)
    {
        verdict.Begin(row.Id, row.Disputed ? $"{ModeName(row.State.Mode)} disputed" : ModeName(row.State.Mode), KindNames[(int)row.Kind]);
        if (!Fits(row)) return false;
        try
        {
            if (!TryAsk(row)) return false;
            Compare(row, verdict);
            return true;
        }
        finally
        {
            foreach (TableWord word in row.Words) _mmu.WritePhysical(word.Address, 0, word.Bytes);
            if (row.Edit is { } edit) _mmu.WritePhysical(edit.Address, 0, edit.Bytes);
        }
    }

    /// <summary>The rule that the last row's answer breaks, if the manual speaks for the row.</summary>
    /// <param name="row">The row.</param>
    public ManualRule? RuleOf(PagingVector row) =>
        _thrown is not null ? ManualRules.Exception : VectorRule.Of(row, new VectorModel(row, Processor(row)), _stage, _answer, _after);

    private static string ModeName(PagingMode mode) => mode switch
    {
        PagingMode.TwoLevel => "2L",
        PagingMode.Pae => "PAE",
        PagingMode.FourLevel => "4L",
        _ => "5L",
    };

    private ProcessorFeatures Processor(PagingVector row) => _options.Features ?? row.State.Features;

    private bool Fits(PagingVector row)
    {
        if (!_options.Instructions && row.Reload is not null) return false;
        return _options.Features is not { } features || new VectorModel(row, features).Agrees(row);
    }

    // An exception of the unit is an answer that no processor gives.
#pragma warning disable CA1031
    private bool TryAsk(PagingVector row)
    {
        _thrown = null;
        try
        {
            if (!Prepare(row)) return false;
            _stage = Ask(row);
            return true;
        }
        catch (Exception thrown)
        {
            _thrown = $"{thrown.GetType().Name}: {thrown.Message}";
            return true;
        }
    }
#pragma warning restore CA1031

    /// <summary>Puts entries into memory and resets the unit.</summary>
    private bool Prepare(PagingVector row)
    {
        PagingState state = _options.Features is { } features ? VectorModel.With(row.State, features) : row.State;
        if (state.Mode != PagingMode.Pae)
        {
            if (!TryWrite(row.Words)) return false;
            _mmu.Reset(in state);
            return true;
        }

        if (_options.Instructions)
        {
            // A load of PDPTEs that faults is a row's own answer: the unit wakes up before they are there.
            foreach (TableWord word in row.Words) _mmu.WritePhysical(word.Address, 0, word.Bytes);
            _mmu.Reset(in state);
            return TryWrite(row.Words);
        }

        if (!TryWrite(row.Words) || !ReferencePdptes.TryLoad(ref state, _mmu)) return false;
        _mmu.Reset(in state);
        return true;
    }

    // What memory does not hold, no walk can find.
    private bool TryWrite(IReadOnlyList<TableWord> words)
    {
        for (int i = 0; i < words.Count; i++) _mmu.WritePhysical(words[i].Address, words[i].Value, words[i].Bytes);
        for (int i = 0; i < words.Count; i++)
        {
            if (_mmu.ReadPhysical(words[i].Address, words[i].Bytes) != words[i].Value) return false;
        }

        return true;
    }

    private PagingVectorStage Ask(PagingVector row)
    {
        _answer = Refused;
        bool pae = row.State.Mode == PagingMode.Pae;
        if (pae && _options.Instructions && !_mmu.Execute(new MmuInstruction(MmuInstructionKind.WriteCr3, row.State.Cr3.Value))) return PagingVectorStage.LoadCr3;
        if (row.Edit is { } edit) _mmu.WritePhysical(edit.Address, edit.Value, edit.Bytes);
        if (row.Reload is { } reload && !_mmu.Execute(in reload)) return PagingVectorStage.Reload;
        _answer = _mmu.Access(row.Access);
        return _answer.Ok ? PagingVectorStage.Done : PagingVectorStage.Access;
    }

    private void Compare(PagingVector row, RowVerdict verdict)
    {
        if (_thrown is not null)
        {
            verdict.Differ(_thrown);
            return;
        }

        ObservedAnswer expected = row.Answer;
        verdict.Expect("stage", StageNames[(int)row.Stage], StageNames[(int)_stage]);
        verdict.ExpectVector("result", (int)expected.Vector, (int)_answer.Vector);
        if (!expected.Ok && !_answer.Ok) verdict.Expect("errcode", (ulong)expected.ErrorCode, (ulong)_answer.ErrorCode);
        verdict.Expect("cr2", expected.Cr2, _answer.Cr2);
        if (expected.Ok && _answer.Ok) verdict.Expect("pa", expected.Physical, _answer.Physical);
        CompareEntries(row, verdict);
    }

    private void CompareEntries(PagingVector row, RowVerdict verdict)
    {
        IReadOnlyList<PagingVectorEntry> entries = row.Entries;
        if (_after.Length != entries.Count) _after = new ulong[entries.Count];
        for (int i = 0; i < entries.Count; i++)
        {
            PagingVectorEntry entry = entries[i];
            ulong actual = _after[i] = _mmu.ReadPhysical(entry.Address, entry.Bytes);
            if (actual == entry.After || MayDiffer(row, entry, actual)) continue;
            verdict.Expect($"level {entry.Level} after", entry.After, actual);
        }
    }

    // Whether A was set above the entry that stopped an access is the processor's choice; on either side of the comparison.
    private bool MayDiffer(PagingVector row, in PagingVectorEntry entry, ulong actual)
    {
        if (row.Answer.Vector != ExceptionVector.PageFault || _answer.Vector != ExceptionVector.PageFault) return false;
        ulong accessed = entry.Before | AccessedBit;
        if ((actual != entry.Before && actual != accessed) || (entry.After != entry.Before && entry.After != accessed)) return false;
        bool isPdpte = row.State.Mode == PagingMode.Pae && entry.Level == 3;
        if (entry.Level > StopLevel(row)) return !isPdpte;
        return _options.Quirks.HasFlag(PagingVectorQuirks.RmwAccessed) && row.Kind == PagingVectorKind.ReadModifyWrite
            && row.Access.Privilege == Privilege.Supervisor && (row.Answer.ErrorCode & 0xb) == 3 && !isPdpte;
    }

    // An access refused for its rights was stopped by the leaf: the last entry that a walk could have used.
    private int StopLevel(PagingVector row)
    {
        const int present = 1 << 0, reserved = 1 << 3;
        if ((row.Answer.ErrorCode & (present | reserved)) == present) return row.Entries[^1].Level;
        ReferenceFault? fault = new VectorModel(row, Processor(row)).Answer?.Fault;
        return fault is { Level: > 0 } ? fault.Level : row.Entries[^1].Level;
    }
}
