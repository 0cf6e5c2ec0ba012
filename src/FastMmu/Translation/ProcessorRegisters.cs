using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu;

/// <summary>All registers of an <see cref="Mmu"/>.</summary>
/// <param name="State">Control registers, flags, keys, privilege, PDPTE registers.</param>
/// <param name="Segments">Segmentation.</param>
/// <param name="Cr2">CR2.</param>
internal sealed record ProcessorRegisters(PagingState State, SegmentationRegisters Segments, ulong Cr2);
