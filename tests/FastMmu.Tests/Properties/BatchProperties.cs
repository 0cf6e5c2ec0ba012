using FastMmu.Batch;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>Batches against translations one by one, over random machines and spans at the edge of accessible memory.</summary>
public sealed class BatchProperties : IDisposable
{
    private const int LongestBatch = 8000;

    private readonly TwinMemory _memory = new(MachineGenerator.Layout);
    private readonly TwinMemory _otherMemory = new(MachineGenerator.Layout);
    private readonly GuardedBuffer _input = new(LongestBatch * 8);
    private readonly GuardedBuffer _output = new(LongestBatch * 8);

    // PDPTEs on demand are left out: an accessed bit in a table that is its own PDPT is a reserved bit, and caches do not see it at once.
    public static TheoryData<MachineKind, BatchKernel> KindsAndKernels()
    {
        var cases = new TheoryData<MachineKind, BatchKernel>();
        foreach (MachineKind kind in Enum.GetValues<MachineKind>().Where(kind => kind != MachineKind.PaeWithPdptesOnDemand))
        {
            foreach (BatchKernel kernel in MmuChoice.Kernels) cases.Add(kind, kernel);
        }

        return cases;
    }

    public void Dispose()
    {
        _memory.Dispose();
        _otherMemory.Dispose();
        _input.Dispose();
        _output.Dispose();
    }

    [Theory]
    [MemberData(nameof(KindsAndKernels))]
    public void BatchEqualsScalar(MachineKind kind, BatchKernel kernel) => Prop.ForAll(MachineGenerator.MachinesWithBatches(kind, 12), machine =>
    {
        using var scalar = new MachinePair(_otherMemory, machine);
        // A small budget makes batches walk from their first misses on.
        int budget = machine.Words.Count % 2 == 0 ? 1 : MmuOptions.Default.ProbeBudget;
        using var batched = new MachinePair(_memory, machine, new MmuOptions { Kernel = kernel, ProbeBudget = budget });
        if (!scalar.Runs) return;
        int number = 0;
        foreach (TlbStep.Batch batch in machine.Batches)
        {
            CheckBatch(scalar.Mmu, batched.Mmu, batch, number++);
        }

        for (int i = 0; i < _memory.Plain.Ranges.Count; i++)
        {
            (FastMmu.Addresses.PhysicalAddress start, int length) = (_memory.Plain.Ranges[i].Start, (int)_memory.Plain.Ranges[i].Length);
            Assert.True(_memory.Guest.Span(start, length).SequenceEqual(_otherMemory.Guest.Span(start, length)), "Accessed and dirty bits differ.");
        }
    }).Holds(50);

    private void CheckBatch(Mmu scalar, Mmu batched, TlbStep.Batch batch, int number)
    {
        int count = batch.Linear.Count;
        // Spans that end, or begin, at the edge of what may be touched; aligned and not.
        int gap = number % 3 == 2 ? number % 8 : 0;
        Span<ulong> linear = number % 4 == 3 ? _input.AtStart(count, gap) : _input.AtEnd(count, gap);
        Span<ulong> physical = batch.InPlace ? linear : number % 5 == 4 ? _output.AtStart(count, gap) : _output.AtEnd(count, 0);
        for (int i = 0; i < count; i++) linear[i] = batch.Linear[i];
        batched.Cr2 = 0x1234;
        BatchResult result = batched.TranslateBatch(linear, physical, batch.Kind, batch.Privilege);
        Assert.Equal(0x1234UL, batched.Cr2);

        int faulted = 0, first = -1;
        for (int i = 0; i < count; i++)
        {
            Translation expected = scalar.Translate(batch.Linear[i], batch.Kind, batch.Privilege);
            ulong lane = expected.Ok ? expected.Physical.Value : BatchResult.FaultedLane;
            if (physical[i] != lane) Assert.Fail($"{batch}: lane {i} (0x{batch.Linear[i]:x}) is 0x{physical[i]:x}, not {expected}");
            if (expected.Ok) continue;
            if (faulted++ == 0) first = i;
            if (faulted % 16 == 1) Assert.Equal(expected, batched.Probe(batch.Linear[i], batch.Kind, batch.Privilege));
        }

        Assert.Equal(new BatchResult(count - faulted, faulted, first), result);
    }

    [Fact]
    public void TranslateBatch_SpansOfDifferentLength_IsRefusedAndWritesNothing()
    {
        using var mmu = new Mmu(_memory.Guest, ProcessorFeatures.Zen4);
        ulong[] physical = [7, 7];
        Assert.Throws<ArgumentException>(() => mmu.TranslateBatch([1], physical, Access.Read, Privilege.User));
        Assert.Equal([7, 7], physical);
    }
}
