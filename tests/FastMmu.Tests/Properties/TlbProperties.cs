using FastMmu.Tests.Generators;
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
}
