using FastMmu.Processor;
using FastMmu.Reference.Judging;
using Xunit;

namespace FastMmu.Tests.Verification;

/// <summary>The verification kit: it finds nothing wrong with the engine, and the flaw of every flawed unit.</summary>
public sealed class ConformanceTests
{
    public static TheoryData<string, ProcessorFeatures> Processors => new()
    {
        { nameof(ProcessorFeatures.Zen4), ProcessorFeatures.Zen4 },
        { nameof(ProcessorFeatures.Everything), ProcessorFeatures.Everything },
        { nameof(ProcessorFeatures.SapphireRapids), ProcessorFeatures.SapphireRapids },
        { nameof(ProcessorFeatures.Pentium4), ProcessorFeatures.Pentium4 },
        { nameof(ProcessorFeatures.I386), ProcessorFeatures.I386 },
        { "nested", ProcessorFeatures.Zen4 with { PdptesReadOnDemand = true } },
        { "narrow", ProcessorFeatures.Everything with { PhysicalAddressBits = 36, OneGigabytePages = false, Pse36 = false } },
    };

    [Theory]
    [MemberData(nameof(Processors))]
    public void Engine_OfAnyProcessor_GivesOnlyPermittedAnswers(string name, ProcessorFeatures features)
    {
        using var mmu = new EngineUnderTest();
        ConformanceReport report = Conformance.Run(mmu, seed: 1, cases: 40_000, features);
        Assert.True(report.Passed, $"{name}: {report}");
        Assert.InRange(report.Accesses, 40_000, 41_000);
    }

    [Fact]
    public void UnitOfAnotherMake_WithoutFlaw_GivesOnlyPermittedAnswers()
    {
        ConformanceReport report = Conformance.Run(new FlawedMmu(Flaw.None), seed: 2, cases: 200_000, ProcessorFeatures.Zen4);
        Assert.True(report.Passed, report.ToString());
    }

    /// <summary>Each flaw, with the rule that it is found by; 0 and a word for those that are not in the list.</summary>
    public static TheoryData<Flaw, int, string> Flaws => new()
    {
        { Flaw.IgnoresReservedBits, 8, "" },
        { Flaw.IgnoresReservedBits, 9, "" },
        { Flaw.IgnoresReservedBits, 10, "" },
        { Flaw.IgnoresBit63WithoutNxe, 8, "" },
        { Flaw.IgnoresWriteProtect, 0, nameof(FaultReason.WriteProtected) },
        { Flaw.ForgetsSmep, 18, "" },
        { Flaw.ForgetsSmap, 19, "" },
        { Flaw.ExemptsImplicitAccesses, 19, "" },
        { Flaw.IgnoresExecuteDisable, 0, nameof(FaultReason.ExecuteDisabled) },
        { Flaw.IgnoresProtectionKeys, 20, "" },
        { Flaw.AppliesKeysToFetches, 20, "" },
        { Flaw.TakesRightsOfTheLeaf, 17, "" },
        { Flaw.NeverMarksAccessed, 0, "sets accessed" },
        { Flaw.NeverMarksDirty, 0, "sets accessed" },
        { Flaw.WritesThroughCleanCachedPages, 36, "" },
        { Flaw.MarksBeforeItRefuses, 27, "" },
        { Flaw.AlwaysReportsFetches, 3, "" },
        { Flaw.ReportsReservedWithoutPresent, 1, "" },
        { Flaw.ForgetsUserBit, 0, "error code" },
        { Flaw.HasNoCanonicalCheck, 2, "" },
        { Flaw.SetsCr2ForNonCanonical, 2, "" },
        { Flaw.KeepsUpperHalfOutsideLongMode, 15, "" },
        { Flaw.IgnoresInvlpg, 30, "" },
        { Flaw.DropsOneSmallPageOfALargeOne, 30, "" },
        { Flaw.KeepsEverythingAtCr3, 31, "" },
        { Flaw.IgnoresInvpcid, 31, "" },
        { Flaw.KeepsGlobalPagesWhenPgeTurns, 32, "" },
        { Flaw.KeepsWhatFaulted, 29, "" },
        { Flaw.TakesFourBitsOfPse36, 4, "" },
        { Flaw.SeesLargePagesWithoutPse, 5, "" },
        { Flaw.TakesPatAsAddress, 11, "" },
        { Flaw.ReadsPdptesFromMemory, 7, "" },
        { Flaw.LoadsPdptesLate, 7, "" },
        { Flaw.AcceptsAnyPdpte, 7, "" },
        { Flaw.KeepsPdptesAtCr0, 7, "" },
        { Flaw.Throws, 0, "has an answer" },
        { Flaw.ThrowsAtInstructions, 0, "has an answer" },
    };

    [Theory]
    [MemberData(nameof(Flaws))]
    public void UnitWithAFlaw_IsCaughtByASmallCaseThatNamesTheRule(Flaw flaw, int number, string text)
    {
        ConformanceReport report = Reports.GetOrAdd(flaw, f => Conformance.Run(new FlawedMmu(f), seed: 3, cases: 400_000, ProcessorFeatures.Zen4));
        CounterExample? example = report.CounterExamples.FirstOrDefault(
            e => e.Rule.Number == number && e.Rule.Text.Contains(text, StringComparison.Ordinal) && e.Rule.Section.Length > 0);
        Assert.True(example is not null, report.ToString());
        Assert.True(example.Case.Words.Count + example.Case.Steps.Count <= 9, example.ToString());
        Assert.True(report.CounterExamples.Count <= 3, report.ToString());

        // It is wrong by itself, and only with the flaw.
        CounterExample? again = Conformance.Check(new FlawedMmu(flaw), example.Case);
        Assert.Equal((example.Rule, example.Mistake, example.Case.Steps.Count), (again?.Rule, again?.Mistake, again?.Case.Steps.Count));
        Assert.Null(Conformance.Check(new FlawedMmu(Flaw.None), example.Case));
        using var engine = new EngineUnderTest();
        Assert.Null(Conformance.Check(engine, example.Case));
    }

    [Fact]
    public void EveryFlaw_IsAmongThoseThatAreCaught() =>
        Assert.Equal(Enum.GetValues<Flaw>().Where(flaw => flaw != Flaw.None), Flaws.Select(row => row.Data.Item1).Distinct().Order());

    [Fact]
    public void Run_OfTheSameSeed_FindsTheSame()
    {
        string first = Conformance.Run(new FlawedMmu(Flaw.IgnoresInvlpg), seed: 9, cases: 50_000, ProcessorFeatures.Zen4).ToString();
        Assert.Equal(first, Conformance.Run(new FlawedMmu(Flaw.IgnoresInvlpg), seed: 9, cases: 50_000, ProcessorFeatures.Zen4).ToString());
        Assert.NotEqual(first, Conformance.Run(new FlawedMmu(Flaw.IgnoresInvlpg), seed: 10, cases: 50_000, ProcessorFeatures.Zen4).ToString());
    }

    [Fact]
    public void Cases_OfARun_AreThoseThatItFound()
    {
        ConformanceReport report = Conformance.Run(new FlawedMmu(Flaw.ForgetsSmep), seed: 4, cases: 50_000, ProcessorFeatures.Zen4);
        ConformanceCase found = Conformance.Cases(seed: 4, ProcessorFeatures.Zen4).ElementAt((int)report.CounterExamples[0].Found);
        Assert.Equal(18, Conformance.Check(new FlawedMmu(Flaw.ForgetsSmep), found)?.Rule.Number);
    }

    [Fact]
    public void Run_WithoutInstructions_NeverExecutesOne()
    {
        var mmu = new FlawedMmu(Flaw.ThrowsAtInstructions);
        Assert.True(Conformance.Run(mmu, seed: 1, cases: 20_000, ProcessorFeatures.Zen4, new ConformanceOptions { Instructions = false }).Passed);
        Assert.False(Conformance.Run(mmu, seed: 1, cases: 20_000, ProcessorFeatures.Zen4).Passed);
    }

    [Fact]
    public void Run_LeavesMemoryAsItWas()
    {
        var mmu = new FlawedMmu(Flaw.NeverMarksDirty);
        Conformance.Run(mmu, seed: 1, cases: 2_000, ProcessorFeatures.Zen4);
        Assert.All(mmu.Memory, word => Assert.Equal(0u, word));
    }

    [Fact]
    public void ReportOfTheEngineWithStatistics_IsCleanToo()
    {
        using var mmu = new EngineUnderTest(new MmuOptions { Statistics = true });
        Assert.Equal("every answer is permitted", Conformance.Run(mmu, seed: 5, cases: 40_000, ProcessorFeatures.Zen4).ToString().Split(", ")[^1]);
    }

    [Fact]
    public void RulesWithANumber_AreThoseOfTheList()
    {
        string list = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "rules.md")).ReplaceLineEndings(" ");
        Assert.All(ManualRules.Listed, rule => Assert.Contains($"**{rule.Number}. {rule.Text}**", list, StringComparison.Ordinal));
        Assert.All(ManualRules.Listed, rule => Assert.Contains($"*({rule.Section})*", list, StringComparison.Ordinal));
    }

    [Fact]
    public void Misuse_IsRefused()
    {
        Assert.Throws<ArgumentNullException>(() => Conformance.Run(null!, 1, 1, ProcessorFeatures.Zen4));
        Assert.Throws<ArgumentNullException>(() => Conformance.Run(new FlawedMmu(Flaw.None), 1, 1, null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => Conformance.Run(new FlawedMmu(Flaw.None), 1, -1, ProcessorFeatures.Zen4));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConformanceOptions { MemoryBytes = 4096 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConformanceOptions { MemoryBytes = (1 << 20) + 1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConformanceOptions { CounterExamples = 0 });
    }

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<Flaw, ConformanceReport> Reports = new();
}
