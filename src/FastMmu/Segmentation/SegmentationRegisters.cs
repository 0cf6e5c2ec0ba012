namespace FastMmu.Segmentation;

/// <summary>What a <see cref="SegmentationUnit"/> holds of a guest's state; the rest follows from other registers.</summary>
/// <param name="Segments">The six segment registers, in the order of their numbers.</param>
/// <param name="Ldtr">LDTR.</param>
/// <param name="Tr">TR.</param>
/// <param name="Gdtr">GDTR.</param>
/// <param name="Cpl">The privilege level as it was set, whatever the mode says.</param>
/// <param name="KernelGsBase">IA32_KERNEL_GS_BASE.</param>
internal sealed record SegmentationRegisters(
    CachedSegment[] Segments, CachedSegment Ldtr, CachedSegment Tr, DescriptorTableRegister Gdtr, int Cpl, ulong KernelGsBase);
