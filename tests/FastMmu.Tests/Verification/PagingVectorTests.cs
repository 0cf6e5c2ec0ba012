using System.IO.Compression;
using FastMmu.Processor;
using FastMmu.Tests.Recorded;
using Xunit;

namespace FastMmu.Tests.Verification;

/// <summary>Recorded answers through the kit's five methods: any unit that they drive can be judged by them.</summary>
public sealed class PagingVectorTests
{
    private const string TwoLevel = "paging-2level.tsv.gz", Pae = "paging-pae.tsv.gz", FourLevel = "paging-4level.tsv.gz", Kvm = "paging-4level-kvm.tsv.gz";

    public static TheoryData<string> Files { get; } = [TwoLevel, Pae, FourLevel, Kvm, "paging-5level.tsv.gz", "disputed.tsv.gz"];

    [Theory]
    [MemberData(nameof(Files))]
    public void Engine_EveryRowOfTheFile_Agrees(string file)
    {
        using var mmu = new EngineUnderTest();
        PagingVectorReport report = Conformance.RunVectors(mmu, Path(file));
        Assert.True(report.Passed, report.ToString());
        Assert.Equal((Rows(file), 0), (report.Checked, report.LeftOut));
        Assert.Equal($"{Path(file)}: {report.Checked} checked, 0 left out, 0 mismatched", report.ToString());
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Model_TablesWhereTheyWereRecorded_Agrees(string file)
    {
        PagingVectorReport report = Conformance.RunVectors(new ReferencePaging(), Path(file), new PagingVectorOptions { MemoryBytes = null });
        Assert.True(report.Passed, report.ToString());
        Assert.Equal(Rows(file), report.Checked);
    }

    [Theory]
    [InlineData(TwoLevel, 8000)]
    [InlineData(Pae, 7500)]
    [InlineData(FourLevel, 4500)]
    [InlineData(Kvm, 12000)]
    public void UnitOfAnotherMake_WithoutFlaw_AgreesInTheRowsOfItsProcessor(string file, int least)
    {
        PagingVectorReport report = Run(Flaw.None, file);
        Assert.True(report.Passed, report.ToString());
        Assert.InRange(report.Checked, least, Rows(file) - 1);
        Assert.Equal(Rows(file), report.Checked + report.LeftOut);
    }

    /// <summary>Flaws, with a file that shows each and the rule that it is found by; 0 and a word for those that are not in the list.</summary>
    public static TheoryData<Flaw, string, int, string> Flaws => new()
    {
        { Flaw.IgnoresReservedBits, Kvm, 8, "" },
        { Flaw.IgnoresReservedBits, Kvm, 9, "" },
        { Flaw.IgnoresBit63WithoutNxe, FourLevel, 8, "" },
        { Flaw.IgnoresWriteProtect, TwoLevel, 0, nameof(FaultReason.WriteProtected) },
        { Flaw.ForgetsSmep, FourLevel, 18, "" },
        { Flaw.ForgetsSmap, FourLevel, 19, "" },
        { Flaw.ExemptsImplicitAccesses, "disputed.tsv.gz", 19, "" },
        { Flaw.IgnoresExecuteDisable, FourLevel, 0, nameof(FaultReason.ExecuteDisabled) },
        { Flaw.IgnoresProtectionKeys, FourLevel, 20, "" },
        { Flaw.AppliesKeysToFetches, FourLevel, 20, "" },
        { Flaw.TakesRightsOfTheLeaf, FourLevel, 17, "" },
        { Flaw.NeverMarksAccessed, Pae, 0, "sets accessed" },
        { Flaw.NeverMarksDirty, TwoLevel, 0, "sets accessed" },
        { Flaw.MarksBeforeItRefuses, FourLevel, 27, "" },
        { Flaw.AlwaysReportsFetches, TwoLevel, 3, "" },
        { Flaw.ReportsReservedWithoutPresent, Pae, 1, "" },
        { Flaw.ForgetsUserBit, TwoLevel, 0, "error code" },
        { Flaw.HasNoCanonicalCheck, FourLevel, 2, "" },
        { Flaw.SetsCr2ForNonCanonical, FourLevel, 2, "" },
        { Flaw.TakesFourBitsOfPse36, TwoLevel, 4, "" },
        { Flaw.SeesLargePagesWithoutPse, TwoLevel, 5, "" },
        { Flaw.TakesPatAsAddress, FourLevel, 11, "" },
        { Flaw.ReadsPdptesFromMemory, Pae, 7, "" },
        { Flaw.LoadsPdptesLate, Pae, 7, "" },
        { Flaw.AcceptsAnyPdpte, Pae, 7, "" },
        { Flaw.KeepsPdptesAtCr0, Pae, 7, "" },
        { Flaw.ThrowsAtInstructions, Pae, 0, "has an answer" },
    };

    [Theory]
    [MemberData(nameof(Flaws))]
    public void UnitWithAFlaw_IsCaughtByARowThatNamesTheRule(Flaw flaw, string file, int number, string text)
    {
        PagingVectorReport report = Run(flaw, file);
        Assert.False(report.Passed);
        PagingVectorMismatch? mismatch = report.Mismatches.FirstOrDefault(m => m.Rule!.Number == number && m.Rule.Text.Contains(text, StringComparison.Ordinal));
        Assert.True(mismatch is not null, report.ToString());
        Assert.NotEmpty(mismatch.Differences);

        // The row is a case of its own, wrong with the flaw and right without.
        ConformanceCase alone = mismatch.Row.ToCase() with { State = Of(ProcessorFeatures.Zen4, mismatch.Row.State) };
        Assert.NotNull(Conformance.Check(new FlawedMmu(flaw), alone));
        Assert.Null(Conformance.Check(new FlawedMmu(Flaw.None), alone));
    }

    [Fact]
    public void Run_AnswerThatIsNotTheManuals_NamesNoRule()
    {
        using var file = new TemporaryFile(RecordedRows.First(FourLevel, "cpl=3 kind=W result=14 errcode=7").With("errcode=5").ToString());
        using var mmu = new EngineUnderTest();
        PagingVectorMismatch mismatch = Assert.Single(Conformance.RunVectors(mmu, file.Path).Mismatches);
        Assert.Null(mismatch.Rule);
        Assert.Equal(["errcode: expected 5, actual 7"], mismatch.Differences);
        Assert.StartsWith("line 2, row ", mismatch.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_ManyMismatches_KeepsTheFirstAndCountsAll()
    {
        PagingVectorReport report = Conformance.RunVectors(new FlawedMmu(Flaw.ForgetsUserBit), Path(TwoLevel), new PagingVectorOptions { Features = ProcessorFeatures.Zen4, Mismatches = 3 });
        Assert.Equal(3, report.Mismatches.Count);
        Assert.InRange(report.Mismatched, 100, report.Checked);
        Assert.True(report.Mismatches[0].Row.Line < report.Mismatches[1].Row.Line);
    }

    [Fact]
    public void Run_TablesWhereTheUnitHasNoMemory_LeavesThemOut()
    {
        using var mmu = new EngineUnderTest();
        PagingVectorReport report = Conformance.RunVectors(mmu, Path(FourLevel), new PagingVectorOptions { MemoryBytes = null });
        Assert.True(report.Passed, report.ToString());
        Assert.InRange(report.LeftOut, 1, Rows(FourLevel) - 1);
        Assert.Equal(Rows(FourLevel), report.Checked + report.LeftOut);
    }

    [Fact]
    public void Run_WithoutInstructions_CallsNoneAndLeavesOutWhatNeedsThem()
    {
        PagingVectorReport report = Conformance.RunVectors(
            new FlawedMmu(Flaw.ThrowsAtInstructions), Path(Pae), new PagingVectorOptions { Features = ProcessorFeatures.Zen4, Instructions = false });
        Assert.True(report.Passed, report.ToString());
        Assert.InRange(report.LeftOut, 2000, 3000);
    }

    [Fact]
    public void Run_MemoryAfterwards_IsAllZeros()
    {
        var mmu = new FlawedMmu(Flaw.None);
        Conformance.RunVectors(mmu, Path(Pae), new PagingVectorOptions { Features = ProcessorFeatures.Zen4 });
        Assert.All(mmu.Memory, word => Assert.Equal(0u, word));
    }

    [Fact]
    public void Reader_ARow_SaysWhatTheFileSays()
    {
        RecordedRows recorded = RecordedRows.First(Pae, "stage=reload");
        using var reader = PagingVectorReader.Open(new MemoryStream(TemporaryFile.Gzip(recorded.ToString())), "rows");
        PagingVector row = reader.Read()!;
        Assert.Equal((recorded["id"], 2L, PagingMode.Pae), (row.Id, row.Line, row.State.Mode));
        Assert.Equal((PagingVectorStage.Reload, ExceptionVector.GeneralProtection), (row.Stage, row.Answer.Vector));
        Assert.Equal(Convert.ToUInt64(recorded["linear"], 16), row.Access.Linear);
        Assert.Equal(recorded["reload"], $"cr{row.Reload!.Value.Kind.ToString()[^1]}:{row.Reload.Value.Operand:x}");
        Assert.Equal(4 + row.Entries.Count, row.Words.Count);
        Assert.Null(reader.Read());
        Assert.Equal((1, "rows"), (reader.Rows, reader.Path));
    }

    [Fact]
    public void Reader_FileCutOrFlippedAnywhere_IsRefusedInOneLine()
    {
        byte[] whole = File.ReadAllBytes(Path("disputed.tsv.gz"));
        for (int at = 10; at < whole.Length; at += 97)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 4;
            foreach (byte[] bad in new[] { flipped, whole[..at] })
            {
                using var file = new TemporaryFile(bad);
                InvalidDataException refused = Assert.Throws<InvalidDataException>(() => Conformance.RunVectors(new ReferencePaging(), file.Path));
                Assert.Matches($"^{file.Path}:[0-9]+: [^\n]+$", refused.Message);
            }
        }
    }

    [Theory]
    [InlineData("seg-hw.tsv.gz")]
    [InlineData("hwpf.tsv.gz")]
    public void Reader_RowsOfAnotherKind_AreRefused(string file) =>
        Assert.Matches("^[^\n]*:1: these are no paging rows: column '[a-z0-9]+' is missing$", Assert.Throws<InvalidDataException>(() => PagingVectorReader.Open(Path(file))).Message);

    [Fact]
    public void Reader_NoFile_IsRefused()
    {
        Assert.Equal("/nowhere/at/all: no such file", Assert.Throws<FileNotFoundException>(() => PagingVectorReader.Open("/nowhere/at/all")).Message);
        Assert.Throws<ArgumentNullException>(() => PagingVectorReader.Open(null!));
        Assert.Throws<ArgumentNullException>(() => Conformance.RunVectors(null!, Path(Pae)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PagingVectorOptions { MemoryBytes = 5000 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PagingVectorOptions { Mismatches = -1 });
    }

    // The unit of another make is a Zen 4 and nothing else.
    private static PagingVectorReport Run(Flaw flaw, string file) =>
        Conformance.RunVectors(new FlawedMmu(flaw), Path(file), new PagingVectorOptions { Features = ProcessorFeatures.Zen4, Mismatches = 1000 });

    private static PagingState Of(ProcessorFeatures features, in PagingState state) => new(features)
    {
        Cr0 = state.Cr0,
        Cr3 = state.Cr3,
        Cr4 = state.Cr4,
        Efer = state.Efer,
        RFlags = state.RFlags,
        Pkru = state.Pkru,
    };

    private static string Path(string file) => RepositoryRoot.Data("x86", file);

    private static int Rows(string file)
    {
        using var text = new StreamReader(new GZipStream(File.OpenRead(Path(file)), CompressionMode.Decompress));
        int lines = 0;
        while (text.ReadLine() is not null) lines++;
        return lines - 1;
    }
}
