using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Explain;

/// <summary>The way from a logical address to a linear one.</summary>
/// <param name="Source">The register or selector as the user named it.</param>
/// <param name="Offset">The offset into the segment.</param>
/// <param name="Mode">How selectors and offsets are read.</param>
/// <param name="Segment">The segment with its hidden part; null if the selector could not be loaded.</param>
/// <param name="Descriptor">Where the descriptor stands and what it says; null if it was not read.</param>
/// <param name="Fault">Why there is no linear address, or none.</param>
internal sealed record LogicalPart(
    string Source, ulong Offset, SegmentationMode Mode, CachedSegment? Segment, ExplainedDescriptor? Descriptor, MmuFault Fault);
