namespace FastMmu.Batch;

/// <summary>The readings of the batch algorithm.</summary>
public enum BatchKernel : byte
{
    /// <summary>One address at a time.</summary>
    Scalar,

    /// <summary>256-bit vectors.</summary>
    Avx2,

    /// <summary>512-bit vectors.</summary>
    Avx512,
}

/// <summary>Which reading runs.</summary>
/// <remarks>
/// The widest that the processor has: on a Zen 4 a translation of the workload rand4k took 0.36 ns with AVX-512, 0.42 ns with AVX2 and 2.3 ns with
/// the scalar reading (<c>bench/results/amd-epyc-zen4</c>, from <c>native-compare/run.sh --quick</c>). The environment variable <c>FASTMMU_KERNEL</c> (<c>scalar</c>, <c>avx2</c>,
/// <c>avx512</c>) forces one that exists.
/// </remarks>
public static class BatchKernels
{
    /// <summary>Name of the environment variable that forces a kernel.</summary>
    public const string Variable = "FASTMMU_KERNEL";

    /// <summary>The kernel that runs unless <see cref="MmuOptions.Kernel"/> says otherwise.</summary>
    public static BatchKernel Default { get; } = Choose(Environment.GetEnvironmentVariable(Variable));

    /// <summary>Whether this processor and runtime can run a kernel.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <example><code>
    /// Console.WriteLine(BatchKernels.IsAvailable(BatchKernel.Scalar));                // True
    /// Console.WriteLine(BatchKernels.IsAvailable(BatchKernels.Default));              // True
    /// </code></example>
    public static bool IsAvailable(BatchKernel kernel) => kernel switch
    {
        BatchKernel.Scalar => true,
        BatchKernel.Avx2 => Avx2Kernel.IsSupported,
        BatchKernel.Avx512 => Avx512Kernel.IsSupported,
        _ => false,
    };

    internal static BatchKernel Choose(string? forced)
    {
        if (Enum.TryParse(forced, ignoreCase: true, out BatchKernel named) && Enum.IsDefined(named) && IsAvailable(named)) return named;
        return Avx512Kernel.IsSupported ? BatchKernel.Avx512 : Avx2Kernel.IsSupported ? BatchKernel.Avx2 : BatchKernel.Scalar;
    }
}
