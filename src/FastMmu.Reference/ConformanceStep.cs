namespace FastMmu.Reference;

/// <summary>One thing that happens to the unit under test.</summary>
public readonly record struct ConformanceStep
{
    /// <summary>An access.</summary>
    /// <param name="access">The access.</param>
    public ConformanceStep(in ReferenceAccess access) => (Kind, Access) = (ConformanceStepKind.Access, access);

    /// <summary>An instruction.</summary>
    /// <param name="instruction">The instruction.</param>
    public ConformanceStep(in MmuInstruction instruction) => (Kind, Instruction) = (ConformanceStepKind.Instruction, instruction);

    /// <summary>A change of memory.</summary>
    /// <param name="word">The entry as it is from now on.</param>
    public ConformanceStep(in TableWord word) => (Kind, Word) = (ConformanceStepKind.Edit, word);

    /// <summary>Which of the three this is.</summary>
    public ConformanceStepKind Kind { get; }

    /// <summary>The access of an <see cref="ConformanceStepKind.Access"/>.</summary>
    public ReferenceAccess Access { get; }

    /// <summary>The instruction of an <see cref="ConformanceStepKind.Instruction"/>.</summary>
    public MmuInstruction Instruction { get; }

    /// <summary>The entry that an <see cref="ConformanceStepKind.Edit"/> writes.</summary>
    public TableWord Word { get; }

    /// <summary>The access, the instruction, or the entry.</summary>
    public override string ToString() => Kind switch
    {
        ConformanceStepKind.Access => Access.ToString(),
        ConformanceStepKind.Instruction => Instruction.ToString(),
        _ => Word.ToString(),
    };
}
