namespace FastMmu;

/// <summary>How an <see cref="Mmu"/> is built. None of it changes what a translation answers once stale entries are invalidated as the architecture asks.</summary>
public sealed record MmuOptions
{
    /// <summary>The defaults.</summary>
    public static MmuOptions Default { get; } = new();
}
