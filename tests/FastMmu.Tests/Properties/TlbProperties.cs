using FastMmu.Batch;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Tests.Generators;
using FastMmu.Tests.Tlb;
using FastMmu.Tlb;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>Engines with caches of all sizes, judged by the set of answers that the architecture permits.</summary>
public sealed class TlbProperties : IDisposable
{
    private const int Programs = 500;
    private const int Steps = 160;

    private readonly NumberedMemory _memory = new();

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void TlbNeverInventsATranslation()
    {
        long judged = 0, stale = 0;
        Prop.ForAll(TlbProgramGenerator.Programs(Steps), program =>
        {
            using var trial = new TlbTrial(_memory, program);
            trial.Run();
            judged += trial.Judged;
            stale += trial.Stale;
        }).Holds(Programs);
        Assert.True(PropertyRun.Cases(Programs) < 100 || stale > judged / 100, $"Of {judged} answers only {stale} came from a cache and not from the tables.");
    }

    // The fault of a lane is reported and not delivered: the page table that the batch has found stays known.
    [Fact]
    public void ATableFoundByALaneThatFaulted_MayBeUsedAgain()
    {
        const ulong linear = 0xffff_ff6c_7fff_f000;
        var state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, 0x101000UL);
        using var trial = new TlbTrial(_memory, new TlbProgram(
            Choice,
            state,
            [Word(0x101ff0, 0x10b001), Word(0x10bd88, 0x106001), Word(0x103ff8, 1), Word(0x106ff8, 0x103001)],
            [
                Batch(linear),
                new TlbStep.Write(Register.Cr3, 0x101000),
                new TlbStep.Poke(Word(0x103ff8, 0)),
                Batch(linear),
                new TlbStep.Poke(Word(0x10bd88, 0)),
                new TlbStep.Poke(Word(0x103ff8, 1)),
                new TlbStep.Touch(new ReferenceAccess(linear, Access.Read, Privilege.Supervisor)),
            ]));
        trial.Run();
        Assert.Equal(1, trial.Stale);
    }

    // The first lane's page table is the PDPT, where the accessed bit that it gets is reserved.
    [Fact]
    public void ALane_MaySeeTheFlagsThatOthersHaveSet()
    {
        var state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.Pae, 0x101000UL);
        using var trial = new TlbTrial(_memory, new TlbProgram(
            Choice,
            state,
            [Word(0x101000, 0x108001), Word(0x108008, 0x81), Word(0x101018, 0x107001), Word(0x107c78, 0x101001)],
            [Batch(0xf1e0_05ab, 0x20_3033)]));
        trial.Run();
        Assert.Equal(0x108021UL, _memory.Guest.Read<ulong>(0x101000));
    }

    // What the store leaves in the entry is not dirty, and the translation that it used is.
    [Fact]
    public void AStoreIntoItsOwnTable_LeavesADirtyTranslation()
    {
        var state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.TwoLevel, 0x102000UL);
        using var trial = new TlbTrial(_memory, new TlbProgram(
            Choice,
            state,
            [new(0x102000, 0x40_0003, 4, 2), new(0x40_07fc, 0x40_0003, 4, 1)],
            [
                new TlbStep.Move(Transfer.Write, 0x1f_f7f8),
                new TlbStep.Batch([0x1f_f5e1], Access.Write, Privilege.Supervisor, InPlace: false),
            ]));
        trial.Run();
        Assert.Equal(1, trial.Stale);
    }

    private static MmuChoice Choice => new(nameof(SplitTlb), ReplacementKind.TreePlru, Structures: 0, Statistics: false, BatchKernel.Scalar, ProbeBudget: 1);

    private static TableWord Word(ulong address, ulong value) => new(address, value, 8, 1);

    private static TlbStep Batch(params ulong[] linear) => new TlbStep.Batch(linear, Access.Read, Privilege.Supervisor, InPlace: false);
}
