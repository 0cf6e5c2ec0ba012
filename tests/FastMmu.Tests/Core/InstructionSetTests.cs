using System.Diagnostics;
using FastMmu.Batch;
using Xunit;

namespace FastMmu.Tests.Core;

/// <summary>
/// The fast table, the batches and what is built on them, in a process of their own that lacks some of this processor's instructions.
/// </summary>
public sealed class InstructionSetTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Of each, the widest kernel that is left.
    [Theory]
    [InlineData("DOTNET_EnableAVX512", "0", BatchKernel.Avx2)]
    [InlineData("DOTNET_EnableAVX2", "0", BatchKernel.Scalar)]
    [InlineData("DOTNET_EnableHWIntrinsic", "0", BatchKernel.Scalar)]
    [InlineData(BatchKernels.Variable, "scalar", BatchKernel.Scalar)]
    public async Task Process_WithoutSomeInstructions_PassesWithTheKernelThatIsLeft(string variable, string value, BatchKernel kernel)
    {
        if (!BatchKernels.IsAvailable(kernel)) kernel = BatchKernel.Scalar;
        string program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "FastMmu.Tests.exe" : "FastMmu.Tests");
        var start = new ProcessStartInfo(program, ["-noColor", "-class", "*.FastTableTests", "-class", "*.GatherScatterTests", "-class", "*.SoftBatchTests", "-class", "*.SoftGatherScatterTests", "-class", "*.LackeyReaderTests", "-class", "*.KernelInForceTests"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove(BatchKernels.Variable);
        start.Environment[variable] = value;
        start.Environment[KernelInForceTests.Variable] = kernel.ToString();
        using Process child = Process.Start(start)!;
        Task<string> output = child.StandardOutput.ReadToEndAsync(), errors = child.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await child.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            child.Kill(entireProcessTree: true);
            Assert.Fail($"{variable}={value}: not done after {Patience}");
        }

        string printed = await output;
        Assert.True(child.ExitCode == 0, $"{variable}={value}: exit code {child.ExitCode}\n{printed}\n{await errors}");
        Assert.Matches(@"Total: [1-9]\d+, Errors: 0, Failed: 0, Skipped: 0", printed);
    }
}
