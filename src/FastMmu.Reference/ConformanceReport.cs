using System.Text;

namespace FastMmu.Reference;

/// <summary>What a run of <see cref="Conformance"/> found.</summary>
/// <param name="Seed">The seed that the cases follow from.</param>
/// <param name="Machines">How many generated machines were tried.</param>
/// <param name="Accesses">How many of their accesses were judged.</param>
/// <param name="CounterExamples">What was wrong, one of each rule; empty if nothing was.</param>
public sealed record ConformanceReport(ulong Seed, long Machines, long Accesses, IReadOnlyList<CounterExample> CounterExamples)
{
    /// <summary>Whether every answer was one that the architecture permits.</summary>
    public bool Passed => CounterExamples.Count == 0;

    /// <summary>One line, and below it the counter-examples.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        string found = Passed ? "every answer is permitted" : $"{CounterExamples.Count} rule{(CounterExamples.Count == 1 ? "" : "s")} broken";
        text.Append($"seed {Seed}: {Accesses} accesses of {Machines} machines, {found}");
        foreach (CounterExample example in CounterExamples) text.AppendLine().AppendLine().Append(example.ToString().TrimEnd());
        return text.ToString();
    }
}
