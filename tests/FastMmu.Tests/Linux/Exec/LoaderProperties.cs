using System.Collections.Concurrent;
using FastMmu.Tests.Generators;
using Xunit;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>Programs that no linker made: execve may refuse or kill, but never throws, never leaks, and leaves whole what it refuses.</summary>
public sealed class LoaderProperties
{
    private const int Cases = 120_000;
    private const int Chunk = 500;

    [Fact]
    public void ADamagedProgramIsStartedRefusedOrKilledAndLeavesNothingBehind()
    {
        int cases = PropertyRun.Cases(Cases);
        var outcomes = new ConcurrentDictionary<string, int>();
        var failures = new ConcurrentQueue<string>();
        Parallel.For(
            0,
            (cases + Chunk - 1) / Chunk,
            new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount) },
            () => new LoaderTrial(),
            (chunk, loop, trial) =>
            {
                for (int i = chunk * Chunk; i < Math.Min(cases, (chunk + 1) * Chunk); i++)
                {
                    if (trial.Run((ulong)i) is not { } wrong) continue;
                    failures.Enqueue($"case {i}: {wrong}");
                    loop.Stop();
                    break;
                }

                return trial;
            },
            trial =>
            {
                foreach ((string outcome, int count) in trial.Outcomes) outcomes.AddOrUpdate(outcome, count, (_, before) => before + count);
                trial.Dispose();
            });
        Assert.True(failures.IsEmpty, string.Join("\n", failures));
        Assert.Equal(cases, outcomes.Values.Sum());
        // The damage must neither be so light that nothing happens nor so heavy that nothing is loaded.
        foreach (string outcome in (string[])["ok", "killed:SIGSEGV", "-ENOEXEC", "-ENOENT", "-EIO", "-ELIBBAD"])
        {
            Assert.True(cases < Cases || outcomes.GetValueOrDefault(outcome) > 20, $"{outcome}: {outcomes.GetValueOrDefault(outcome)} of {cases}");
        }
    }
}
