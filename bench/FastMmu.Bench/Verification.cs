using BenchmarkDotNet.Attributes;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Reference;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Bench;

/// <summary>How many accesses of another MMU, here the engine, does the verification kit make and judge in a second?</summary>
[OperationsPerSecond]
public class Verification
{
    private const int Accesses = 20_000;

    private Subject _subject = null!;

    [GlobalSetup]
    public void Make() => _subject = new Subject();

    [GlobalCleanup]
    public void End() => _subject.Dispose();

    /// <summary>The time is that of one access, generation of its machine included.</summary>
    [Benchmark(OperationsPerInvoke = Accesses)]
    public long Run()
    {
        ConformanceReport report = Conformance.Run(_subject, seed: 1, Accesses, ProcessorFeatures.Zen4, new ConformanceOptions { Instructions = false });
        return report.Passed ? report.Accesses : throw new InvalidOperationException(report.ToString());
    }

    private sealed class Subject : IMmuUnderTest, IDisposable
    {
        private readonly PhysicalMemory _memory = PhysicalMemory.Create(8 * MiB);
        private readonly Mmu _mmu;

        public Subject() => _mmu = new Mmu(_memory, ProcessorFeatures.Zen4);

        public void Reset(in PagingState state) => _mmu.LoadState(in state);

        public ulong ReadPhysical(ulong address, int bytes) => bytes == 4 ? _memory.Read<uint>(address) : _memory.Read<ulong>(address);

        public void WritePhysical(ulong address, ulong value, int bytes)
        {
            if (bytes == 4) _memory.Write(address, (uint)value);
            else _memory.Write(address, value);
        }

        public ObservedAnswer Access(in ReferenceAccess access) =>
            ObservedAnswer.From(_mmu.Translate(access.Linear, access.Kind, access.Privilege, access.ThroughStack));

        public bool Execute(in MmuInstruction instruction) => throw new InvalidOperationException("This run has no instructions.");

        public void Dispose()
        {
            _mmu.Dispose();
            _memory.Dispose();
        }
    }
}
