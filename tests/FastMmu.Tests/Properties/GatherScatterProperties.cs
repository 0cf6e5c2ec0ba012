using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Batch;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>Gathers and scatters against accesses one by one, over random machines and spans at the edge of accessible memory.</summary>
public sealed class GatherScatterProperties : IDisposable
{
    private const int LongestBatch = 8000;

    private readonly TwinMemory _memory = new(MachineGenerator.Layout);
    private readonly TwinMemory _otherMemory = new(MachineGenerator.Layout);
    private readonly GuardedBuffer _addresses = new(LongestBatch * 8);
    private readonly GuardedBuffer _values = new(LongestBatch * 24);
    private readonly GuardedBuffer _faults = new(LongestBatch * 24);

    public static TheoryData<MachineKind, BatchKernel> KindsAndKernels() => BatchProperties.KindsAndKernels();

    public void Dispose()
    {
        _memory.Dispose();
        _otherMemory.Dispose();
        _addresses.Dispose();
        _values.Dispose();
        _faults.Dispose();
    }

    [Theory]
    [MemberData(nameof(KindsAndKernels))]
    public void GatherEqualsReadingOneByOne(MachineKind kind, BatchKernel kernel) => Prop.ForAll(MachineGenerator.MachinesWithBatches(kind, 10), machine =>
    {
        using var scalar = new MachinePair(_otherMemory, machine);
        using var gathering = new MachinePair(_memory, machine, new MmuOptions { Kernel = kernel });
        if (!scalar.Runs) return;
        int number = 0;
        foreach (TlbStep.Batch batch in machine.Batches)
        {
            switch (number % 5)
            {
                case 0: CheckGather<ulong>(scalar.Mmu, gathering.Mmu, batch, number); break;
                case 1: CheckGather<byte>(scalar.Mmu, gathering.Mmu, batch, number); break;
                case 2: CheckGather<uint>(scalar.Mmu, gathering.Mmu, batch, number); break;
                case 3: CheckGather<UInt128>(scalar.Mmu, gathering.Mmu, batch, number); break;
                default: CheckGather<Odd>(scalar.Mmu, gathering.Mmu, batch, number); break;
            }

            number++;
        }
    }).Holds(15);

    /// <summary>
    /// Also where lanes store into the page tables that others use: both caches hold the same, so that both go to the tables at the same lanes.
    /// </summary>
    [Theory]
    [MemberData(nameof(KindsAndKernels))]
    public void ScatterEqualsWritingOneByOne(MachineKind kind, BatchKernel kernel) => Prop.ForAll(MachineGenerator.MachinesWithBatches(kind, 10), machine =>
    {
        using var scalar = new MachinePair(_otherMemory, machine, new MmuOptions { Kernel = kernel });
        using var scattering = new MachinePair(_memory, machine, new MmuOptions { Kernel = kernel });
        if (!scalar.Runs) return;
        int number = 0;
        foreach (TlbStep.Batch batch in machine.Batches)
        {
            switch (number % 5)
            {
                case 0: CheckScatter<ulong>(scalar.Mmu, scattering.Mmu, batch, number); break;
                case 1: CheckScatter<byte>(scalar.Mmu, scattering.Mmu, batch, number); break;
                case 2: CheckScatter<uint>(scalar.Mmu, scattering.Mmu, batch, number); break;
                case 3: CheckScatter<UInt128>(scalar.Mmu, scattering.Mmu, batch, number); break;
                default: CheckScatter<Odd>(scalar.Mmu, scattering.Mmu, batch, number); break;
            }

            number++;
        }

        for (int i = 0; i < _memory.Plain.Ranges.Count; i++)
        {
            (FastMmu.Addresses.PhysicalAddress start, int length) = (_memory.Plain.Ranges[i].Start, (int)_memory.Plain.Ranges[i].Length);
            Assert.True(_memory.Guest.Span(start, length).SequenceEqual(_otherMemory.Guest.Span(start, length)), "The memories differ.");
        }
    }).Holds(15);

    private void CheckGather<T>(Mmu scalar, Mmu gathering, TlbStep.Batch batch, int number) where T : unmanaged
    {
        int count = batch.Linear.Count;
        Span<ulong> linear = Place<ulong>(_addresses, count, number);
        Span<T> values = Place<T>(_values, count, number + 1);
        Span<MmuFault> faults = number % 3 == 0 ? default : Place<MmuFault>(_faults, count, number + 2);
        for (int i = 0; i < count; i++) linear[i] = batch.Linear[i];
        // Accessed bits are set beforehand, so that lanes which read the tables see the same in any order. One that is set may be part of an entry.
        for (int pass = 0; pass < 3; pass++)
        {
            foreach (ulong address in batch.Linear)
            {
                scalar.TryRead(address, out T _, out _);
                gathering.TryRead(address, out T _, out _);
            }
        }

        gathering.Cr2 = 0x1234;
        BatchResult result = gathering.GatherRead(linear, values, faults);
        Assert.Equal(0x1234UL, gathering.Cr2);
        int faulted = 0, first = -1;
        for (int i = 0; i < count; i++)
        {
            bool done = scalar.TryRead(batch.Linear[i], out T value, out MmuFault fault);
            if (!value.Equals(values[i])) Assert.Fail($"{batch}: lane {i} (0x{batch.Linear[i]:x}) is {values[i]}, not {value}");
            if (!faults.IsEmpty) Assert.Equal(fault, faults[i]);
            if (!done && faulted++ == 0) first = i;
        }

        Assert.Equal(new BatchResult(count - faulted, faulted, first), result);
    }

    private void CheckScatter<T>(Mmu scalar, Mmu scattering, TlbStep.Batch batch, int number) where T : unmanaged
    {
        int count = batch.Linear.Count;
        Span<ulong> linear = Place<ulong>(_addresses, count, number);
        Span<T> values = Place<T>(_values, count, number + 1);
        Span<MmuFault> faults = number % 3 == 0 ? default : Place<MmuFault>(_faults, count, number + 2);
        var random = new Random(number + count);
        for (int i = 0; i < count; i++)
        {
            linear[i] = batch.Linear[i];
            // Many look like entries of a table, so that the ones that fall into tables change what later lanes do.
            ulong value = random.Next(2) == 0 ? (ulong)random.NextInt64() : ((ulong)random.Next(1 << 14) << 12) | 0x67;
            Unsafe.WriteUnaligned(ref Unsafe.As<T, byte>(ref values[i]), (byte)value);
            MemoryMarshal.AsBytes(values.Slice(i, 1)).Fill((byte)value);
            if (Unsafe.SizeOf<T>() >= 8) Unsafe.WriteUnaligned(ref Unsafe.As<T, byte>(ref values[i]), value);
        }

        scattering.Cr2 = 0x1234;
        BatchResult result = scattering.ScatterWrite<T>(linear, values, faults);
        Assert.Equal(0x1234UL, scattering.Cr2);
        int faulted = 0, first = -1;
        for (int i = 0; i < count; i++)
        {
            bool done = scalar.TryWrite(batch.Linear[i], values[i], out MmuFault fault);
            if (!faults.IsEmpty) Assert.Equal(fault, faults[i]);
            if (!done && faulted++ == 0) first = i;
        }

        Assert.Equal(new BatchResult(count - faulted, faulted, first), result);
    }

    // Spans that end, or begin, at the edge of what may be touched; aligned and not.
    private static Span<T> Place<T>(GuardedBuffer buffer, int count, int number) where T : unmanaged
    {
        int bytes = count * Unsafe.SizeOf<T>();
        int gap = number % 3 == 2 ? number % 8 : 0;
        int words = (bytes + 7) / 8;
        Span<byte> room = MemoryMarshal.AsBytes(number % 4 == 3 ? buffer.AtStart(words, gap) : buffer.AtEnd(words, gap));
        return MemoryMarshal.Cast<byte, T>(number % 4 == 3 ? room[..bytes] : room[^bytes..]);
    }

    /// <summary>A size that is no power of two.</summary>
    private record struct Odd(uint First, uint Second, uint Third);
}
