using FastMmu.Reference.Judging;

namespace FastMmu.Reference.Vectors;

/// <summary>Names the rule that a unit's answer to a recorded row breaks.</summary>
internal static class VectorRule
{
    /// <summary>The rule; null where the model does not give the recorded answer, so that nothing is known about it.</summary>
    /// <param name="row">The row.</param>
    /// <param name="model">The model's answer to it.</param>
    /// <param name="stage">Where the unit ended.</param>
    /// <param name="observed">The unit's answer.</param>
    /// <param name="after">The row's entries as the unit left them.</param>
    public static ManualRule? Of(PagingVector row, VectorModel model, PagingVectorStage stage, in ObservedAnswer observed, ulong[] after)
    {
        if (!model.Agrees(row)) return null;

        // One of the two did not get as far as the access.
        if (model.Answer is not { } expected || stage is PagingVectorStage.LoadCr3 or PagingVectorStage.Reload) return ManualRules.Number(7);
        return RuleFinder.RuleOf(new Failure(0, model.State, "")
        {
            Access = row.Access,
            Observed = observed,
            Expected = expected,
            WronglyMarked = expected.Matches(observed) ? WronglyMarked(row, after) : null,
            IsFirstAccess = true,
            HasOtherPdptes = !expected.Matches(observed) && model.HasOtherPdptes(row.Access, observed),
        });
    }

    private static TableWord? WronglyMarked(PagingVector row, ulong[] after)
    {
        for (int i = 0; i < after.Length; i++)
        {
            PagingVectorEntry entry = row.Entries[i];
            if ((after[i] & ~entry.After) != 0 || (entry.After & ~after[i] & ~0x60UL) != 0) return new(entry.Address, after[i] ^ entry.After, entry.Bytes, entry.Level);
        }

        return null;
    }
}
