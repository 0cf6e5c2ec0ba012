using FastMmu.Processor;
using FastMmu.Reference.Generation;
using FastMmu.Reference.Judging;
using FastMmu.Reference.Vectors;

namespace FastMmu.Reference;

/// <summary>
/// Checks somebody's MMU against the model: generated machines and programs, every answer judged by the set of answers that the architecture permits,
/// every mistake made small and given the rule of the manual that it breaks.
/// </summary>
/// <remarks>
/// Judged are physical addresses, faults (vector, error code, CR2), accessed and dirty flags in memory, answers from caches after every kind of
/// invalidation, and when PDPTEs are loaded; in all paging modes that the processor has, under all registers that decide translations. Not judged are
/// segmentation, the #GP(0) of other register writes, and changes of the paging mode. What processors have answered themselves judges by
/// <see cref="RunVectors(IMmuUnderTest, string, PagingVectorOptions)"/>.
/// </remarks>
public static class Conformance
{
    // A unit that breaks one rule all the time is not asked forever.
    private const int MostFailures = 20;

    /// <summary>Tries generated machines until enough accesses were judged, or enough was found wrong.</summary>
    /// <param name="mmu">The unit under test.</param>
    /// <param name="seed">The same seed makes the same cases.</param>
    /// <param name="cases">How many accesses are judged, at least, if nothing is wrong.</param>
    /// <param name="features">The processor that the unit says it is.</param>
    /// <param name="options">How it is checked, or null for the usual way.</param>
    /// <returns>What was found. Machines that go wrong are made small, which takes some thousand trials each; after twenty of them the run ends.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="mmu"/> or <paramref name="features"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="cases"/> is negative.</exception>
    public static ConformanceReport Run(IMmuUnderTest mmu, ulong seed, long cases, ProcessorFeatures features, ConformanceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        ArgumentNullException.ThrowIfNull(features);
        ArgumentOutOfRangeException.ThrowIfNegative(cases);
        options ??= new ConformanceOptions();
        var generator = new CaseGenerator(features, options);
        var found = new Dictionary<ManualRule, CounterExample>();
        long machines = 0, accesses = 0;
        for (int failures = 0; accesses < cases && found.Count < options.CounterExamples && failures < MostFailures;)
        {
            long number = machines++;
            ConformanceCase next = generator.Make(seed, number);
            var trial = new Trial(mmu, next, options.SpuriousFaults);
            Failure? failure = trial.Run();
            accesses += trial.Judged;
            if (failure is null) continue;
            failures++;
            (ConformanceCase smallest, Failure explained) = new CaseShrinker(mmu, options.SpuriousFaults).Shrink(next, failure);
            var example = new CounterExample(smallest, RuleFinder.RuleOf(explained), explained.Mistake, number);
            if (!found.TryGetValue(example.Rule, out CounterExample? known) || Size(smallest) < Size(known.Case)) found[example.Rule] = example;
        }

        return new ConformanceReport(seed, machines, accesses, [.. found.Values.OrderBy(example => example.Found)]);
    }

    /// <summary>Puts one case to a unit, as it is: a counter-example under a debugger, or a case of your own.</summary>
    /// <param name="mmu">The unit under test.</param>
    /// <param name="conformanceCase">The case.</param>
    /// <param name="options">How it is checked, or null for the usual way.</param>
    /// <returns>What is wrong, the case ending with the step that went wrong; or null.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="mmu"/> or <paramref name="conformanceCase"/> is null.</exception>
    public static CounterExample? Check(IMmuUnderTest mmu, ConformanceCase conformanceCase, ConformanceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        ArgumentNullException.ThrowIfNull(conformanceCase);
        var trial = new Trial(mmu, conformanceCase, (options ?? new ConformanceOptions()).SpuriousFaults) { Explains = true };
        if (trial.Run() is not { } failure) return null;
        ConformanceCase ended = conformanceCase with { Steps = [.. conformanceCase.Steps.Take(failure.Step + 1)] };
        return new CounterExample(ended, RuleFinder.RuleOf(failure), failure.Mistake, Found: 0);
    }

    /// <summary>Puts the recorded answers of processors to a unit: every row of a file, each by itself, with nothing cached before it.</summary>
    /// <param name="mmu">The unit under test.</param>
    /// <param name="path">The file of recorded accesses under paging, plain or gzip: see <see cref="PagingVectorReader"/>.</param>
    /// <param name="options">How it is checked, or null for the usual way.</param>
    /// <returns>What was found. Memory is left as it was.</returns>
    /// <remarks>
    /// Compared are the fault (vector, error code, CR2) or the physical address, whether a load of PDPTEs faults, and every entry afterwards. A page fault may leave A set in
    /// entries above the one that stopped the walk, or not: both are accepted, of the unit and of the file.
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="mmu"/> or <paramref name="path"/> is null.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or cut, or is none of paging rows; the message says where and why.</exception>
    /// <exception cref="IOException">The file is missing, or cannot be read.</exception>
    public static PagingVectorReport RunVectors(IMmuUnderTest mmu, string path, PagingVectorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        options ??= new PagingVectorOptions();
        using PagingVectorReader rows = PagingVectorReader.Open(path, options.Quirks);
        return RunVectors(mmu, rows, options);
    }

    /// <summary>Puts the recorded answers of processors to a unit: what is left of a file that is open already.</summary>
    /// <param name="mmu">The unit under test.</param>
    /// <param name="rows">The file; read to its end, and not disposed of.</param>
    /// <param name="options">How it is checked, or null for the usual way. <see cref="PagingVectorQuirks.AmdPdptBit8"/> counts only where the file is opened.</param>
    /// <returns>What was found. Memory is left as it was.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="mmu"/> or <paramref name="rows"/> is null.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or cut; the message says where and why.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PagingVectorReport RunVectors(IMmuUnderTest mmu, PagingVectorReader rows, PagingVectorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        ArgumentNullException.ThrowIfNull(rows);
        options ??= new PagingVectorOptions();
        MovedTables? moved = options.MemoryBytes is { } bytes ? new MovedTables(bytes) : null;
        var judge = new PagingVectorJudge(mmu, options);
        var verdict = new RowVerdict();
        var mismatches = new List<PagingVectorMismatch>();
        long judged = 0, leftOut = 0, mismatched = 0;
        while (rows.Read() is { } recorded)
        {
            PagingVector row = moved?.Move(recorded) ?? recorded;
            if (!judge.Judge(row, verdict))
            {
                leftOut++;
                continue;
            }

            judged++;
            if (verdict.Differences.Count == 0) continue;
            mismatched++;
            if (mismatches.Count < options.Mismatches) mismatches.Add(new(row, [.. verdict.Differences], judge.RuleOf(row)));
        }

        return new PagingVectorReport(rows.Path, judged, leftOut, mismatched, mismatches);
    }

    /// <summary>The cases of a run, one after the other, without end: for a harness of your own.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="features">The processor.</param>
    /// <param name="options">The options of the run, or null.</param>
    /// <exception cref="ArgumentNullException"><paramref name="features"/> is null.</exception>
    public static IEnumerable<ConformanceCase> Cases(ulong seed, ProcessorFeatures features, ConformanceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(features);
        var generator = new CaseGenerator(features, options ?? new ConformanceOptions());
        return Numbers().Select(number => generator.Make(seed, number));
    }

    private static IEnumerable<long> Numbers()
    {
        for (long number = 0; ; number++) yield return number;
    }

    private static int Size(ConformanceCase conformanceCase) => conformanceCase.Words.Count + conformanceCase.Steps.Count;
}
