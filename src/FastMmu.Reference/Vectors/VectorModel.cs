using FastMmu.Processor;
using FastMmu.Reference.Generation;

namespace FastMmu.Reference.Vectors;

/// <summary>The model's answer to a recorded row.</summary>
internal sealed class VectorModel : IReferenceMemory
{
    private readonly Dictionary<ulong, ulong> _words = [];
    private readonly List<PdpteRegisters> _formerPdptes = [];
    private PagingState _state;

    /// <param name="row">The row.</param>
    /// <param name="features">The processor; the row's own, or another.</param>
    public VectorModel(PagingVector row, ProcessorFeatures features)
    {
        _state = With(row.State, features);
        foreach (TableWord word in row.Words) WritePhysical(word.Address, word.Value, word.Bytes);
        if (ControlRegisterRules.Inconsistency(in _state) is not null) return;
        IsPossible = true;
        (Stage, Answer) = Run(row);
    }

    /// <summary>Whether the processor can be in the row's state at all.</summary>
    public bool IsPossible { get; }

    /// <summary>Where the row ends.</summary>
    public PagingVectorStage Stage { get; }

    /// <summary>The answer to the access; null if the row ends before it.</summary>
    public ReferenceAnswer? Answer { get; }

    /// <summary>Registers at the access, or when the row ended.</summary>
    public PagingState State => _state;

    /// <summary>Whether this is what the row has recorded.</summary>
    /// <param name="row">The row.</param>
    public bool Agrees(PagingVector row)
    {
        if (!IsPossible || Stage != row.Stage) return false;
        if (Answer is null) return row.Answer is { Vector: ExceptionVector.GeneralProtection, ErrorCode: 0, Cr2: null };
        if (!Answer.Matches(row.Answer)) return false;
        return row.Answer.Vector == ExceptionVector.PageFault || row.Entries.All(entry => ReadPhysical(entry.Address, entry.Bytes) == entry.After);
    }

    /// <summary>Whether an answer is right for PDPTEs as they are in memory, or were in registers, but are not in registers now.</summary>
    /// <param name="access">The access.</param>
    /// <param name="observed">The answer.</param>
    public bool HasOtherPdptes(in ReferenceAccess access, in ObservedAnswer observed)
    {
        if (_state.Mode != PagingMode.Pae) return false;
        PagingState inMemory = _state;
        if (ReferencePdptes.TryLoad(ref inMemory, this) && Walk(inMemory, access).Matches(observed)) return true;
        foreach (PdpteRegisters former in _formerPdptes)
        {
            if (Walk(_state with { Pdptes = former }, access).Matches(observed)) return true;
        }

        return false;
    }

    public ulong ReadPhysical(ulong address, int bytes)
    {
        ulong word = _words.GetValueOrDefault(address & ~7UL);
        return bytes == 8 ? word : (uint)(word >> (int)(8 * (address & 4)));
    }

    public void WritePhysical(ulong address, ulong value, int bytes)
    {
        int shift = (int)(8 * (address & 4));
        ulong mask = bytes == 8 ? ulong.MaxValue : (ulong)uint.MaxValue << shift;
        _words[address & ~7UL] = (_words.GetValueOrDefault(address & ~7UL) & ~mask) | (value << shift);
    }

    /// <summary>A row's registers on another processor.</summary>
    /// <param name="state">The registers.</param>
    /// <param name="features">The processor.</param>
    public static PagingState With(in PagingState state, ProcessorFeatures features) => new(features)
    {
        Cr0 = state.Cr0,
        Cr3 = state.Cr3,
        Cr4 = state.Cr4,
        Efer = state.Efer,
        RFlags = state.RFlags,
        Pkru = state.Pkru,
    };

    private (PagingVectorStage Stage, ReferenceAnswer? Answer) Run(PagingVector row)
    {
        if (ReferencePdptes.LoadedByCr3Write(_state) && !ReferencePdptes.TryLoad(ref _state, this)) return (PagingVectorStage.LoadCr3, null);
        if (row.Edit is { } edit) WritePhysical(edit.Address, edit.Value, edit.Bytes);
        if (row.Reload is { } reload)
        {
            PagingState before = _state, after = _state;
            if (!RegisterWrites.TryApply(ref after, reload)) return (PagingVectorStage.Reload, null);
            bool loads = ReferencePdptes.LoadedBy(reload.Kind, before, after);
            if (loads) _formerPdptes.Add(before.Pdptes);
            if (loads && !ReferencePdptes.TryLoad(ref after, this)) return (PagingVectorStage.Reload, null);
            _state = after;
        }

        ReferenceAnswer answer = ReferenceWalker.Translate(_state, this, row.Access, updateEntries: true);
        return (answer.Ok ? PagingVectorStage.Done : PagingVectorStage.Access, answer);
    }

    private ReferenceAnswer Walk(in PagingState state, in ReferenceAccess access) => ReferenceWalker.Translate(state, this, access, updateEntries: false);
}
