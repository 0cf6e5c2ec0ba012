using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>No table, descriptor or register, whatever its bits, gets the engine out of guest memory, into a loop, or to throw.</summary>
public sealed class HostileProperties : IDisposable
{
    private readonly GuardedBuffer _lanes = new(8 * 600);

    public void Dispose() => _lanes.Dispose();

    [Fact]
    public void HostileTablesNeverLeaveGuestMemory() => Prop.ForAll(HostileGenerator.Machines(80), machine =>
    {
        using var trial = new HostileTrial(machine, _lanes);
        trial.Run();
    }).Holds(300);
}
