using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>Where and how a run of linear addresses is mapped.</summary>
/// <param name="Physical">Where its first byte goes; the others follow.</param>
/// <param name="Rights">What the whole path allows.</param>
/// <param name="PatIndex">Index into IA32_PAT.</param>
/// <param name="ProtectionKey">Protection key.</param>
public readonly record struct FrameMapping(PhysicalAddress Physical, Rights Rights, int PatIndex, int ProtectionKey)
{
    internal FrameMapping(in MappedPage page)
        : this(page.Physical, page.Rights, page.PatIndex, page.ProtectionKey)
    {
    }

    /// <summary>The mapping of what lies further on in the same run.</summary>
    /// <param name="bytes">Distance.</param>
    /// <example><code>
    /// Console.WriteLine(new FrameMapping(0x1000, Rights.UserRead, 0, 0).Advance(0x2000).Physical);      // 0x3000
    /// </code></example>
    public FrameMapping Advance(ulong bytes) => this with { Physical = Physical + bytes };
}

/// <summary>What distinguishes two address spaces over a range.</summary>
public enum DifferenceKind : byte
{
    /// <summary>Mapped in the first only.</summary>
    Removed,

    /// <summary>Mapped in the second only.</summary>
    Added,

    /// <summary>Mapped in both, to other frames or with other rights, PAT index or key.</summary>
    Changed,
}

/// <summary>A run of linear addresses that two address spaces map differently, each in one way throughout.</summary>
/// <param name="Range">Linear addresses.</param>
/// <param name="Before">How the first space maps it; null if it does not.</param>
/// <param name="After">How the second space maps it; null if it does not.</param>
public readonly record struct MappingDifference(LinearRange Range, FrameMapping? Before, FrameMapping? After)
{
    /// <summary>Which kind of difference this is.</summary>
    public DifferenceKind Kind => After is null ? DifferenceKind.Removed : Before is null ? DifferenceKind.Added : DifferenceKind.Changed;

    // Whether the other difference goes on where this one ends, on both sides.
    internal bool TryExtend(in MappingDifference next, out MappingDifference extended)
    {
        bool extends = unchecked(Range.Start.Value + Range.Length) == next.Range.Start.Value && next.Range.Start.Value != 0
            && Continues(Before, next.Before, Range.Length) && Continues(After, next.After, Range.Length);
        extended = extends ? this with { Range = new(Range.Start, Range.Length + next.Range.Length) } : this;
        return extends;
    }

    private static bool Continues(FrameMapping? first, FrameMapping? next, ulong bytes) => first is null || next is null
        ? first is null && next is null
        : first.Value.Physical.Value + bytes == next.Value.Physical.Value
            && first.Value with { Physical = next.Value.Physical } == next.Value;
}
