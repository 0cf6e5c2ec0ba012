using FastMmu.Processor;
using FastMmu.Reference.Generation;

namespace FastMmu.Reference.Judging;

/// <summary>Puts one case to the unit under test, in step with the model.</summary>
internal sealed class Trial
{
    private readonly IMmuUnderTest _mmu;
    private readonly ConformanceCase _case;
    private readonly JudgedMemory _memory;
    private readonly KnownWords _words;
    private readonly ReferenceTlb _tlb;
    private readonly List<PdpteRegisters> _formerPdptes = [];
    private PagingState _state;
    private readonly StaleCaches? _stale;
    private bool _turnedGlobalPages;

    public Trial(IMmuUnderTest mmu, ConformanceCase conformanceCase, SpuriousFaults spuriousFaults)
    {
        _mmu = mmu;
        _case = conformanceCase;
        _memory = new JudgedMemory(mmu);
        _words = new KnownWords(mmu);
        // PDPTEs that are read on demand have no accessed bit, but a table that is also a PDPT would need one there.
        bool marked = !conformanceCase.State.Features.PdptesReadOnDemand;
        _tlb = new ReferenceTlb(_memory, spuriousFaults, marked);
        _state = conformanceCase.State;
    }

    /// <summary>How many accesses were judged.</summary>
    public int Judged { get; private set; }

    /// <summary>Whether what helps to name the rule is collected too, which takes twice the time.</summary>
    public bool Explains
    {
        get => _stale is not null;
        init => _stale = value ? new StaleCaches(_memory) : null;
    }

    /// <summary>Runs the case, and leaves memory as it was.</summary>
    /// <returns>The first mistake, or null. A case that cannot begin has none.</returns>
    public Failure? Run()
    {
        try
        {
            foreach (TableWord word in _case.Words) _words.Write(word);
            if (ReferencePdptes.LoadedByCr3Write(_state) && !ReferencePdptes.TryLoad(ref _state, _memory)) return null;
            return Steps();
        }
        finally
        {
            _words.Clear();
        }
    }

    // An exception of the unit is an answer that no processor gives, and can be made smaller like any other.
#pragma warning disable CA1031
    private Failure? Steps()
    {
        int step = 0;
        try
        {
            _mmu.Reset(in _state);
            for (Failure? failure = null; step < _case.Steps.Count; step++)
            {
                ConformanceStep next = _case.Steps[step];
                if (next.Kind == ConformanceStepKind.Access) failure = Access(step, next.Access);
                else if (next.Kind == ConformanceStepKind.Instruction) failure = Execute(step, next.Instruction);
                else _words.Write(next.Word);
                if (failure is not null) return failure;
            }

            return null;
        }
        catch (Exception thrown)
        {
            return new Failure(step, _state, $"{thrown.GetType().Name}: {thrown.Message}") { Threw = true };
        }
    }
#pragma warning restore CA1031

    private Failure? Access(int step, ReferenceAccess access)
    {
        if (_state.Mode == PagingMode.Pae && _state.Features.PdptesReadOnDemand) _memory.Freeze(_state.Cr3.PdptBase.Value);
        ObservedAnswer answer = _mmu.Access(in access);
        Judged++;

        // What was marked is looked at first, because a fault drops tables that it may have been marked through.
        TableWord? wronglyMarked = WronglyMarked(access, answer.Ok, out string mark);
        CacheDrops stale = CacheDrops.None;
        bool otherPdptes = false;
        if (_stale is not null)
        {
            stale = _stale.DropThatForbids(_state, access, answer);
            otherPdptes = _state.Mode == PagingMode.Pae && FormerPdptes().Any(pdptes => Walk(_state with { Pdptes = pdptes }, access).Difference(answer) is null);
        }

        Verdict verdict = _tlb.Observe(_state, access, answer);
        if (verdict.IsPermitted && wronglyMarked is null)
        {
            _stale?.Each(tlb => tlb.Observe(_state, access, answer));
            return null;
        }

        return new Failure(step, _state, verdict.IsPermitted ? mark : $"{answer}, but {verdict.Explanation[(verdict.Explanation.IndexOf(", but ", StringComparison.Ordinal) + 6)..]}")
        {
            Access = access,
            Observed = answer,
            Expected = Walk(_state, access),
            WronglyMarked = verdict.IsPermitted ? wronglyMarked : null,
            Stale = stale,
            IsFirstAccess = Judged == 1,
            TurnedGlobalPages = _turnedGlobalPages,
            HasOtherPdptes = otherPdptes,
        };
    }

    private TableWord? WronglyMarked(in ReferenceAccess access, bool translated, out string mistake)
    {
        const ulong flags = (1UL << 5) | (1UL << 6);
        TableWord? wrong = null;
        IReadOnlyList<(ulong Entry, ulong Flags)>? all = null;
        mistake = "";
        foreach ((TableWord now, ulong changed) in _words.Changes())
        {
            all ??= _tlb.FlagsThatMayBeSet(_state, access, translated);
            ulong permitted = 0;
            foreach ((ulong entry, ulong set) in all) permitted |= entry == now.Address ? set : 0;
            if ((changed & ~(permitted & now.Value & flags)) == 0) continue;
            wrong ??= now with { Value = changed & ~permitted };
            mistake = $"the entry at 0x{now.Address:x} was 0x{now.Value ^ changed:x} and became 0x{now.Value:x}";
        }

        return wrong;
    }

    private ReferenceAnswer Walk(in PagingState state, in ReferenceAccess access) => ReferenceWalker.Translate(state, _memory, access, updateEntries: false);

    // PDPTEs as a processor has them that loads them too late, or whenever it walks.
    private IEnumerable<PdpteRegisters> FormerPdptes()
    {
        PagingState inMemory = _state;
        if (ReferencePdptes.LoadedByCr3Write(inMemory) && ReferencePdptes.TryLoad(ref inMemory, _memory)) yield return inMemory.Pdptes;
        foreach (PdpteRegisters pdptes in _formerPdptes) yield return pdptes;
    }

    private Failure? Execute(int step, in MmuInstruction instruction)
    {
        PagingState before = _state, after = _state;
        (ulong operand, ulong context, ulong linear) = (instruction.Operand, instruction.Context, instruction.Linear);
        bool accepted = true;
        switch (instruction.Kind)
        {
            case MmuInstructionKind.InvalidatePage:
                _tlb.InvalidatePage(_state, operand);
                _stale?.Each(tlb => tlb.InvalidatePage(_state, operand));
                break;
            case MmuInstructionKind.InvalidateProcessContext:
                if (!_state.Features.Invpcid) return null;
                accepted = _tlb.InvalidateProcessContext(_state, operand, context, linear);
                _stale?.Each(tlb => tlb.InvalidateProcessContext(_state, operand, context, linear));
                break;
            default:
                if (!RegisterWrites.TryApply(ref after, instruction)) return null;
                bool loads = ReferencePdptes.LoadedBy(instruction.Kind, before, after);
                if (loads) _formerPdptes.Add(before.Pdptes);
                accepted = !loads || ReferencePdptes.TryLoad(ref after, _memory);
                if (!accepted) break;
                _state = after;
                if (instruction.Kind == MmuInstructionKind.WriteCr3)
                {
                    _tlb.WriteCr3(after, operand);
                    _stale?.Each(tlb => tlb.WriteCr3(_state, operand));
                }
                else if (instruction.Kind is MmuInstructionKind.WriteCr0 or MmuInstructionKind.WriteCr4)
                {
                    _turnedGlobalPages |= before.Cr4.Pge != after.Cr4.Pge;
                    _tlb.WriteControlRegister(before, after);
                    _stale?.Each(tlb => tlb.WriteControlRegister(before, _state));
                }

                break;
        }

        bool answer = _mmu.Execute(in instruction);
        if (answer == accepted) return null;
        return new Failure(step, before, accepted ? "#GP(0), but the instruction is to be executed" : "executed, but it raises #GP(0)") { Instruction = instruction };
    }
}
