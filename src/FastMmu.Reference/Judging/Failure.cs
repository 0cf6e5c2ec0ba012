using FastMmu.Processor;

namespace FastMmu.Reference.Judging;

/// <summary>What went wrong at one step of a case, with all that helps to say which rule it broke.</summary>
/// <param name="Step">The number of the step.</param>
/// <param name="State">Registers at the step.</param>
/// <param name="Mistake">What is wrong, for people.</param>
internal sealed record Failure(int Step, PagingState State, string Mistake)
{
    /// <summary>The access; null if an instruction went wrong.</summary>
    public ReferenceAccess? Access { get; init; }

    /// <summary>The instruction; null if an access went wrong.</summary>
    public MmuInstruction? Instruction { get; init; }

    /// <summary>The answer to the access.</summary>
    public ObservedAnswer Observed { get; init; }

    /// <summary>What a full walk gives, after the access.</summary>
    public ReferenceAnswer? Expected { get; init; }

    /// <summary>A flag, or another bit, that was set and must not be; null if that is not what is wrong.</summary>
    public TableWord? WronglyMarked { get; init; }

    /// <summary>What should have dropped the cached translation that the answer comes from; none if that is not what is wrong.</summary>
    public CacheDrops Stale { get; init; }

    /// <summary>Whether there was no other access before.</summary>
    public bool IsFirstAccess { get; init; }

    /// <summary>Whether a write of CR4 turned PGE before the step.</summary>
    public bool TurnedGlobalPages { get; init; }

    /// <summary>Whether the answer is right for PDPTEs as they are in memory, or were in registers, but are not in registers now.</summary>
    public bool HasOtherPdptes { get; init; }

    /// <summary>Whether the unit threw.</summary>
    public bool Threw { get; init; }
}
