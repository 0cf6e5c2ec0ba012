using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Tests.Generators;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>A random machine in the engine, without caches, and in the reference model.</summary>
internal sealed class MachinePair : IDisposable
{
    /// <summary>Every translation walks.</summary>
    public static MmuOptions Uncached { get; } = new() { Tlb = TlbPreset.None, PagingStructures = PagingStructureGeometry.None };

    private readonly TwinMemory _memory;
    private PagingState _state;

    /// <summary>Loads the machine into both; see <see cref="Runs"/>.</summary>
    public MachinePair(TwinMemory memory, RandomMachine machine, MmuOptions? options = null)
    {
        _memory = memory;
        memory.Load(machine.Words);
        _state = machine.State;
        Runs = !ReferencePdptes.LoadedByCr3Write(_state) || ReferencePdptes.TryLoad(ref _state, memory.Plain);
        Mmu = new Mmu(memory.Guest, _state.Features, options ?? Uncached);
        MmuFault fault = Mmu.LoadState(machine.State);
        ExceptionVector expected = Runs ? ExceptionVector.None : ExceptionVector.GeneralProtection;
        Assert.True(fault.Vector == expected, $"loading the registers: {fault}, expected {expected}");
        if (Runs && _state.Mode == PagingMode.Pae && !_state.Features.PdptesReadOnDemand)
        {
            for (int i = 0; i < 4; i++) Assert.Equal(_state.Pdptes[i], Mmu.State.Pdptes[i]);
        }
    }

    public Mmu Mmu { get; }

    /// <summary>False if a PDPTE with reserved bits keeps the processor from getting this far.</summary>
    public bool Runs { get; }

    public ref readonly PagingState State => ref _state;

    /// <summary>The reference model's answer, which sets A and D in its memory if it is an access.</summary>
    public ReferenceAnswer Expect(in ReferenceAccess access, bool updateEntries = true) =>
        ReferenceWalker.Translate(_state, _memory.Plain, access, updateEntries);

    /// <summary>What the engine's answer has otherwise than the reference's, in words; null if nothing.</summary>
    public static string? Difference(ReferenceAnswer expected, in Translation actual)
    {
        if (expected.Difference(ObservedAnswer.From(actual)) is { } difference) return difference;
        if (expected.Fault is not { } fault) return null;
        if (actual.Fault.Level != fault.Level) return $"level is {actual.Fault.Level}, not {fault.Level}";
        return fault.Reasons.Contains(actual.Fault.Reason) ? null : $"reason is {actual.Fault.Reason}, not one of {string.Join(", ", fault.Reasons)}";
    }

    public void AssertMemoryEqual() => Assert.Null(_memory.Difference());

    public void Dispose() => Mmu.Dispose();
}
