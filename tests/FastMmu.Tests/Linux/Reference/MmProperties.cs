using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Cli.Programs;
using FastMmu.Memory;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>The address space against the reference model, over random programs of memory calls.</summary>
public sealed class MmProperties : IDisposable
{
    private readonly PhysicalMemory _memory = ReplayMachine.CreateMemory();

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void AddressSpaceEqualsReference() => Prop.ForAll(MmProgramGenerator.Programs(120, forks: false), program => MmTrial.Run(program, _memory)).Holds(60);

    [Fact]
    public void AddressSpacesOfForksEqualReference() => Prop.ForAll(MmProgramGenerator.Programs(120, forks: true), program => MmTrial.Run(program, _memory)).Holds(40);

    [Fact]
    public void AddressSpacesWithoutTablesInTheGuestEqualReference() =>
        Prop.ForAll(MmProgramGenerator.Programs(120, forks: true), program => MmTrial.Run(program, _memory, KernelKind.User)).Holds(40);
}
