using FastMmu.Processor;

namespace FastMmu;

/// <summary>An <see cref="ILinearTranslator"/> in one function.</summary>
/// <param name="tlb">Who asks, in the address space that it is in.</param>
/// <param name="linear">The address.</param>
/// <param name="access">What the access does.</param>
/// <param name="privilege">On whose behalf.</param>
/// <param name="page">Where the address is, if the access is allowed.</param>
/// <returns>Whether it is.</returns>
public delegate bool LinearTranslation(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page);
