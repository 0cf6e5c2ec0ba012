using System.Diagnostics;
using FastMmu.Processor;
using FastMmu.Reference;
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
}
