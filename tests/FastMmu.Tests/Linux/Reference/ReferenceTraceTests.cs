using Xunit;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>The reference model has the kernel for its judge, as the fast implementation has.</summary>
public sealed class ReferenceTraceTests
{
    [Theory]
    [InlineData("level1")]
    [InlineData("level2")]
    [InlineData("level3")]
    [InlineData("level4")]
    [InlineData("level5")]
    [InlineData("level6")]
    [InlineData("directed")]
    public void Calls_Recorded_AnswerAndLeaveWhatTheKernelDid(string level)
    {
        string path = RepositoryRoot.Data("mm", $"{level}.jsonl.gz");
        (int calls, List<string> differences) = ReferenceTraceJudge.Judge(path);
        Assert.True(calls > 0);
        Assert.Empty(differences);
    }
}
