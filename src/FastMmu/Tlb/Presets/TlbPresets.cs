namespace FastMmu.Tlb;

/// <summary>From the name of a processor to its TLB.</summary>
public static class TlbPresets
{
    private const string IntelManual = "Intel 64 and IA-32 Architectures Optimization Reference Manual (248966)";
    private const string AmdSection = ", \"Translation Lookaside Buffer\"";

    /// <summary>Where the numbers of a preset are published.</summary>
    /// <param name="preset">The processor.</param>
    /// <returns>Title and table or section of a vendor's document; empty for <see cref="TlbPreset.None"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Unknown preset.</exception>
    /// <example><code>
    /// Console.WriteLine(TlbPresets.SourceOf(TlbPreset.Intel80386));      // 80386 Programmer's Reference Manual (230985), "Page Translation Cache"
    /// </code></example>
    public static string SourceOf(TlbPreset preset) => preset switch
    {
        TlbPreset.None => "",
        TlbPreset.Intel80386 => "80386 Programmer's Reference Manual (230985), \"Page Translation Cache\"",
        TlbPreset.Pentium => "Pentium Processor Family Developer's Manual, volume 1 (241428), \"Translation Lookaside Buffers\"",
        TlbPreset.SandyBridge => IntelManual + ", Sandy Bridge, \"Address translation\" table",
        TlbPreset.Haswell => IntelManual + ", \"TLB Parameters of the Haswell Microarchitecture\"",
        TlbPreset.Skylake => IntelManual + ", \"TLB Parameters of the Skylake Client Microarchitecture\"",
        TlbPreset.GoldenCove => IntelManual + ", \"Golden Cove Microarchitecture\"; ways as CPUID leaf 18H has them",
        TlbPreset.Zen2 => "Software Optimization Guide for AMD Family 17h Models 30h and Greater Processors (56305)" + AmdSection,
        TlbPreset.Zen3 => "Software Optimization Guide for AMD Family 19h Processors (56665)" + AmdSection,
        TlbPreset.Zen4 => "Software Optimization Guide for the AMD Zen4 Microarchitecture (57647)" + AmdSection,
        _ => throw new ArgumentOutOfRangeException(nameof(preset), preset, "Unknown preset."),
    };

    internal static TranslationCache Create(TlbPreset preset, ReplacementKind replacement, bool statistics, ulong seed) => preset switch
    {
        TlbPreset.None => new EmptyTranslationCache(),
        TlbPreset.Intel80386 => TranslationCache.Create<Intel80386Tlb>(replacement, statistics, seed),
        TlbPreset.Pentium => TranslationCache.Create<PentiumTlb>(replacement, statistics, seed),
        TlbPreset.SandyBridge => TranslationCache.Create<SandyBridgeTlb>(replacement, statistics, seed),
        TlbPreset.Haswell => TranslationCache.Create<HaswellTlb>(replacement, statistics, seed),
        TlbPreset.Skylake => TranslationCache.Create<SkylakeTlb>(replacement, statistics, seed),
        TlbPreset.GoldenCove => TranslationCache.Create<GoldenCoveTlb>(replacement, statistics, seed),
        TlbPreset.Zen2 => TranslationCache.Create<Zen2Tlb>(replacement, statistics, seed),
        TlbPreset.Zen3 => TranslationCache.Create<Zen3Tlb>(replacement, statistics, seed),
        TlbPreset.Zen4 => TranslationCache.Create<Zen4Tlb>(replacement, statistics, seed),
        _ => throw new ArgumentOutOfRangeException(nameof(preset), preset, "Unknown preset."),
    };
}
