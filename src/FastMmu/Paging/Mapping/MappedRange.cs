using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>When neighbouring pages belong to one range. They must always adjoin in linear addresses and agree in rights, PAT index and key.</summary>
public enum RangeMerge : byte
{
    /// <summary>Only if their frames adjoin as well: the range is one linear map.</summary>
    ContiguousFrames = 0,

    /// <summary>Wherever their frames are.</summary>
    AnyFrames,
}

/// <summary>A run of pages that are mapped alike. Page sizes may differ within it.</summary>
/// <param name="Range">Linear addresses.</param>
/// <param name="Physical">Where the first byte goes; and with <see cref="RangeMerge.ContiguousFrames"/> the others behind it.</param>
/// <param name="Rights">What the whole path allows.</param>
/// <param name="PatIndex">Index into IA32_PAT.</param>
/// <param name="ProtectionKey">Protection key.</param>
/// <param name="Pages">How many pages it consists of.</param>
public readonly record struct MappedRange(
    LinearRange Range, PhysicalAddress Physical, Rights Rights, int PatIndex, int ProtectionKey, long Pages)
{
    internal MappedRange(in MappedPage page)
        : this(page.Range, page.Physical, page.Rights, page.PatIndex, page.ProtectionKey, 1)
    {
    }

    /// <summary>Whether pages of the other range may continue this one, apart from their place.</summary>
    internal bool IsLike(in MappedRange other) =>
        Rights == other.Rights && PatIndex == other.PatIndex && ProtectionKey == other.ProtectionKey;

    // The part whose frames lie in a physical range.
    internal bool TryClip(PhysicalRange frames, out MappedRange part)
    {
        ulong first = Math.Max(Physical.Value, frames.Start.Value), end = Math.Min(Physical.Value + Range.Length, frames.End);
        part = first < end ? this with { Range = new(Range.Start + (first - Physical.Value), end - first), Physical = new(first) } : default;
        return first < end;
    }

    internal bool TryExtend(in MappedRange next, RangeMerge merge, out MappedRange extended)
    {
        // The sum is 0 at the end of the address space, where nothing follows.
        bool adjoins = unchecked(Range.Start.Value + Range.Length) == next.Range.Start.Value && next.Range.Start.Value != 0;
        bool frames = merge == RangeMerge.AnyFrames || Physical.Value + Range.Length == next.Physical.Value;
        bool extends = adjoins && frames && IsLike(in next);
        extended = extends ? this with { Range = new(Range.Start, Range.Length + next.Range.Length), Pages = Pages + next.Pages } : this;
        return extends;
    }
}
