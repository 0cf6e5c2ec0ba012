namespace FastMmu.Tlb;

/// <summary>
/// A real processor whose TLB can be had ready-made (<see cref="TranslationCache.Create(TlbPreset, ReplacementKind, bool, ulong)"/>).
/// </summary>
public enum TlbPreset
{
    /// <summary>No TLB: every translation walks the tables.</summary>
    None,

    /// <summary>Intel 80386 (1985).</summary>
    Intel80386,

    /// <summary>Intel Pentium (1993).</summary>
    Pentium,

    /// <summary>Intel Sandy Bridge (2011).</summary>
    SandyBridge,

    /// <summary>Intel Haswell (2013).</summary>
    Haswell,

    /// <summary>Intel Skylake (2015).</summary>
    Skylake,

    /// <summary>Intel Golden Cove: Alder Lake and Sapphire Rapids (2021).</summary>
    GoldenCove,

    /// <summary>AMD Zen 2 (2019).</summary>
    Zen2,

    /// <summary>AMD Zen 3 (2020).</summary>
    Zen3,

    /// <summary>AMD Zen 4 (2022).</summary>
    Zen4,
}
