using FastMmu.Cli.Images;

namespace FastMmu.Cli.Report;

/// <summary>A region of the address space, and what is mapped in it.</summary>
/// <param name="Region">The region.</param>
internal sealed record RegionUse(LayoutRegion Region)
{
    /// <summary>The pages.</summary>
    public PageUse Pages { get; } = new();

    /// <summary>The first and the last address that is mapped; meaningless without pages.</summary>
    public ulong First { get; private set; } = ulong.MaxValue;

    /// <summary>The last address that is mapped; meaningless without pages.</summary>
    public ulong Last { get; private set; }

    /// <summary>Widens the range that is mapped.</summary>
    public void Touch(ulong first, ulong last)
    {
        First = Math.Min(First, first);
        Last = Math.Max(Last, last);
    }
}
