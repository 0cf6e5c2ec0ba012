using FastMmu.Processor;

namespace FastMmu.Segmentation;

/// <summary>
/// What a segment register means for an access, in the form in which it is cheapest to check: an offset is valid if, shifted by
/// <see cref="Bias"/>, it does not exceed <see cref="Span"/>.
/// </summary>
/// <remarks>
/// <code>
///                     Bias            Span                 Mask
/// expand-up           0               limit                2^32−1
/// expand-down         −(limit + 1)    bound − (limit + 1)  2^32−1
/// 64-bit mode         base + 2^(w−1)  2^w − 1              2^64−1     w: width of a linear address
/// nothing is valid    2^63            0                    2^32−1
/// </code>
/// In 64-bit mode adding 2^(w−1) makes one range of the two halves of canonical addresses.
/// </remarks>
internal struct SegmentWindow
{
    /// <summary>Linear address of offset 0.</summary>
    internal ulong Base;

    /// <summary>The bits that count, of the offset as of the linear address.</summary>
    internal ulong Mask;

    /// <summary>What to add to an offset before it is compared.</summary>
    internal ulong Bias;

    /// <summary>The highest valid sum of offset and <see cref="Bias"/>.</summary>
    internal ulong Span;

    /// <summary>Bit n: the access with number n is allowed.</summary>
    internal uint Allowed;

    private const uint All = 0b11111;
    private const uint Reads = (1 << (int)Access.Read) | (1 << (int)Access.ShadowStackRead);
    private const uint Writes = (1 << (int)Access.Write) | (1 << (int)Access.ShadowStackWrite);
    private const uint Executes = 1 << (int)Access.Execute;

    /// <summary>A segment of 64-bit mode.</summary>
    internal static SegmentWindow Canonical(ulong segmentBase, int width) => new()
    {
        Base = segmentBase,
        Mask = ulong.MaxValue,
        Bias = unchecked(segmentBase + (1UL << (width - 1))),
        Span = (1UL << width) - 1,
        Allowed = All,
    };

    /// <summary>A segment of every other mode.</summary>
    /// <param name="segment">The register.</param>
    /// <param name="isCodeRegister">Whether it is CS, from which code is fetched whatever its type, as after setting CR0.PE.</param>
    /// <param name="anyType">Whether the type is not checked: CS in real mode and virtual-8086 mode.</param>
    /// <param name="unlimited">Whether the limit is not checked.</param>
    internal static SegmentWindow Limited(in CachedSegment segment, bool isCodeRegister, bool anyType, bool unlimited)
    {
        SegmentAttributes attributes = segment.Attributes;
        var window = new SegmentWindow { Base = (uint)segment.Base, Mask = uint.MaxValue, Bias = 1UL << 63 };
        if (!segment.Usable) return window;

        if (attributes.IsReadable || anyType) window.Allowed |= Reads;
        if (attributes.IsWritableData || anyType) window.Allowed |= Writes;
        if (attributes.IsCode || isCodeRegister) window.Allowed |= Executes;

        if (unlimited)
        {
            window.Bias = 0;
            window.Span = uint.MaxValue;
        }
        else if (!attributes.IsExpandDown || anyType)
        {
            window.Bias = 0;
            window.Span = segment.Limit;
        }
        else if (segment.Limit < attributes.UpperBound)
        {
            ulong lowest = segment.Limit + 1UL;
            window.Bias = unchecked(0 - lowest);
            window.Span = attributes.UpperBound - lowest;
        }

        return window;
    }
}
