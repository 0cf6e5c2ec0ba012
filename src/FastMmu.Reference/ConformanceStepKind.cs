namespace FastMmu.Reference;

/// <summary>What a step of a <see cref="ConformanceCase"/> does.</summary>
public enum ConformanceStepKind
{
    /// <summary>The program accesses memory, and the answer is judged.</summary>
    Access,

    /// <summary>The program invalidates something or writes a register.</summary>
    Instruction,

    /// <summary>Somebody changes an entry of a paging structure in memory, and tells nobody.</summary>
    Edit,
}
