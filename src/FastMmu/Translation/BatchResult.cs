namespace FastMmu;

/// <summary>What became of a batch of translations, reads or writes.</summary>
/// <param name="Translated">How many lanes have a physical address, or were read or written.</param>
/// <param name="Faulted">How many lanes faulted; those of a batch of translations hold <see cref="BatchResult.FaultedLane"/>.</param>
/// <param name="FirstFault">Index of the first lane that faulted, or −1.</param>
public readonly record struct BatchResult(int Translated, int Faulted, int FirstFault)
{
    /// <summary>What a faulted lane holds: all ones, which is no physical address. Translate that lane alone to learn its fault.</summary>
    public const ulong FaultedLane = ulong.MaxValue;
}
