using FastMmu.Processor;
using FastMmu.Reference.Generation;

namespace FastMmu.Reference.Judging;

/// <summary>Makes a case smaller as long as it still goes wrong.</summary>
internal sealed class CaseShrinker(IMmuUnderTest mmu, SpuriousFaults spuriousFaults)
{
    // So many smaller cases are tried; most take a few microseconds.
    private const int MostTrials = 20_000;

    private int _trials;

    /// <summary>The smallest case found, ending with the step that goes wrong, and what is wrong.</summary>
    public (ConformanceCase Case, Failure Failure) Shrink(ConformanceCase wrong, Failure failure)
    {
        ConformanceCase smallest = UpTo(wrong, failure.Step);
        for (bool smaller = true; smaller && _trials < MostTrials;)
        {
            smaller = false;
            foreach (ConformanceCase candidate in Smaller(smallest))
            {
                if (++_trials >= MostTrials) break;
                if (new Trial(mmu, candidate, spuriousFaults).Run() is not { } still) continue;
                smallest = UpTo(candidate, still.Step);
                smaller = true;
                break;
            }
        }

        // A unit that does not answer the same twice may not go wrong again; then what is known is said.
        Failure explained = new Trial(mmu, smallest, spuriousFaults) { Explains = true }.Run() ?? failure;
        return (smallest, explained);
    }

    private static ConformanceCase UpTo(ConformanceCase wrong, int step) =>
        step + 1 >= wrong.Steps.Count ? wrong : wrong with { Steps = [.. wrong.Steps.Take(step + 1)] };

    private static IEnumerable<ConformanceCase> Smaller(ConformanceCase wrong)
    {
        foreach (IReadOnlyList<ConformanceStep> steps in Shrinking.Without(wrong.Steps)) yield return wrong with { Steps = steps };
        foreach (IReadOnlyList<TableWord> words in Shrinking.Without(wrong.Words)) yield return wrong with { Words = words };
        foreach (PagingState state in RegisterChoice.Smaller(wrong.State)) yield return wrong with { State = state };
        foreach (IReadOnlyList<ConformanceStep> steps in Shrinking.Each(wrong.Steps, Simpler)) yield return wrong with { Steps = steps };
        foreach (IReadOnlyList<TableWord> words in Shrinking.Each(wrong.Words, Simpler)) yield return wrong with { Words = words };
    }

    private static IEnumerable<TableWord> Simpler(TableWord word) => Shrinking.Bits(word.Value).Select(value => word with { Value = value });

    private static IEnumerable<ConformanceStep> Simpler(ConformanceStep step)
    {
        switch (step.Kind)
        {
            case ConformanceStepKind.Edit:
                foreach (TableWord word in Simpler(step.Word)) yield return new(word);
                break;
            case ConformanceStepKind.Instruction:
                foreach (ulong operand in Shrinking.Bits(step.Instruction.Operand)) yield return new(step.Instruction with { Operand = operand });
                break;
            default:
                ReferenceAccess access = step.Access;
                if (access.ThroughStack) yield return new(access with { ThroughStack = false });
                if (access.Privilege == Privilege.ImplicitSupervisor) yield return new(access with { Privilege = Privilege.Supervisor });
                if (access.Privilege == Privilege.User) yield return new(access with { Privilege = Privilege.Supervisor });
                if (access.Kind != Processor.Access.Read) yield return new(access with { Kind = Processor.Access.Read });
                foreach (ulong linear in Shrinking.Bits(access.Linear)) yield return new(access with { Linear = linear });
                break;
        }
    }
}
