using BenchmarkDotNet.Attributes;
using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Bench;

/// <summary>How many accesses does the verification kit make and judge in a second?</summary>
[OperationsPerSecond]
public class Verification
{
    // So much code is not compiled well after three short rounds.
    private const int RoundsToCompile = 40;
    private const int Accesses = 20_000;

    private readonly Subject _subject = new();

    [GlobalSetup]
    public void Compile()
    {
        for (int i = 0; i < RoundsToCompile; i++) Run();
    }

    /// <summary>The time is that of one access: its share of a machine, a walk by the unit, and the judgement.</summary>
    [Benchmark(OperationsPerInvoke = Accesses)]
    public long Run()
    {
        ConformanceReport report = Conformance.Run(_subject, seed: 1, Accesses, ProcessorFeatures.Zen4, new ConformanceOptions { Instructions = false });
        return report.Passed ? report.Accesses : throw new InvalidOperationException(report.ToString());
    }

    // Its walks are the model's own, so that nothing is wrong and little is measured beside the kit.
    private sealed class Subject : IMmuUnderTest
    {
        private readonly uint[] _words = new uint[(8 << 20) / sizeof(uint)];
        private PagingState _state;

        public void Reset(in PagingState state) => _state = state;

        public ulong ReadPhysical(ulong address, int bytes)
        {
            if (address >= 8 << 20) return bytes == 4 ? uint.MaxValue : ulong.MaxValue;
            ulong low = _words[address / 4];
            return bytes == 4 ? low : low | ((ulong)_words[(address / 4) + 1] << 32);
        }

        public void WritePhysical(ulong address, ulong value, int bytes)
        {
            if (address >= 8 << 20) return;
            _words[address / 4] = (uint)value;
            if (bytes == 8) _words[(address / 4) + 1] = (uint)(value >> 32);
        }

        public ObservedAnswer Access(in ReferenceAccess access)
        {
            ReferenceAnswer answer = ReferenceWalker.Translate(_state, this, access, updateEntries: true);
            return answer.Fault is { } fault ? ObservedAnswer.Faulted(fault.Vector, fault.ErrorCode, fault.Cr2) : ObservedAnswer.Translated(answer.Physical);
        }

        public bool Execute(in MmuInstruction instruction) => throw new InvalidOperationException("This run has no instructions.");
    }
}
