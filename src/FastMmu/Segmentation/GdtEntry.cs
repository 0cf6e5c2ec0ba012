namespace FastMmu.Segmentation;

/// <summary>Descriptors in the form in which the Linux kernel writes them down.</summary>
/// <remarks>Source: Linux, arch/x86/include/asm/desc_defs.h: GDT_ENTRY_INIT; arch/x86/include/asm/segment.h: GDT_ENTRY.</remarks>
public static class GdtEntry
{
    /// <summary>The kernel's <c>GDT_ENTRY_INIT(flags, base, limit)</c>.</summary>
    /// <param name="flags">Type, S, DPL, P in bits 7:0; AVL, L, D/B, G in bits 15:12; bits 11:8 are ignored.</param>
    /// <param name="segmentBase">Linear address of the segment's first byte.</param>
    /// <param name="limit">The limit field, 20 bits, in bytes or pages as G says; higher bits are dropped.</param>
    /// <example><code>
    /// Console.WriteLine(GdtEntry.Init(0xc09b, 0, 0xfffff).Value.ToString("x16"));      // 00cf9b000000ffff
    /// </code></example>
    public static SegmentDescriptor Init(ushort flags, uint segmentBase, uint limit) => SegmentDescriptor.Create(flags, segmentBase, limit);

    /// <summary>The three arguments with which <see cref="Init"/> gives <paramref name="descriptor"/> back.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <example><code>
    /// (ushort flags, uint segmentBase, uint limit) = GdtEntry.Arguments(0x00cf_9b00_0000_ffff);
    /// Console.WriteLine($"GDT_ENTRY_INIT(0x{flags:x}, {segmentBase}, 0x{limit:x})");      // GDT_ENTRY_INIT(0xc09b, 0, 0xfffff)
    /// </code></example>
    public static (ushort Flags, uint Base, uint Limit) Arguments(SegmentDescriptor descriptor) =>
        (descriptor.Attributes.Value, descriptor.Base, descriptor.RawLimit);
}
