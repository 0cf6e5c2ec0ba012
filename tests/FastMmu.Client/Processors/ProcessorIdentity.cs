namespace FastMmu.Client.Processors;

/// <summary>What CPUID says: a 64-bit processor with what the ABI takes for granted (x86-64-baseline), and SSE3.</summary>
/// <remarks>Source: Intel SDM, CPUID—CPU Identification.</remarks>
internal static class ProcessorIdentity
{
    // FPU, TSC, MSR, PAE, CX8, CMOV, CLFSH, MMX, FXSR, SSE, SSE2.
    private const uint Features = (1 << 0) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 8) | (1 << 15) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26);

    // SSE3, CX16.
    private const uint MoreFeatures = (1 << 0) | (1 << 13);

    // SYSCALL, NX, LM.
    private const uint ExtendedFeatures = (1 << 11) | (1 << 20) | (1 << 29);

    /// <summary>EAX, EBX, ECX and EDX for a leaf.</summary>
    public static (uint A, uint B, uint C, uint D) Leaf(uint number) => number switch
    {
        0 => (1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69),            // GenuineIntel
        1 => (0x663, 8 << 8, MoreFeatures, Features),               // lines of 64 bytes
        0x8000_0000 => (0x8000_0001, 0, 0, 0),
        0x8000_0001 => (0x663, 0, 1, ExtendedFeatures),             // LAHF
        _ => default,
    };
}
