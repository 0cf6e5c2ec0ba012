using FastMmu.Batch;
using Xunit;

namespace FastMmu.Tests.Core;

/// <summary>Runs with the others in each child, and says which kernel they ran with.</summary>
public sealed class KernelInForceTests
{
    /// <summary>The environment variable that names the kernel that must run; empty or not there where any will do.</summary>
    public const string Variable = "FASTMMU_TEST_EXPECTED_KERNEL";

    [Fact]
    public void Kernel_OfThisProcess_IsTheOneExpected()
    {
        string? expected = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(expected)) Assert.True(BatchKernels.IsAvailable(BatchKernels.Default));
        else Assert.Equal(expected, BatchKernels.Default.ToString());
    }
}
