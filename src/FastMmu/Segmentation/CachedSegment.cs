namespace FastMmu.Segmentation;

/// <summary>
/// A segment register with its hidden part: what the processor remembers of the descriptor until the register is loaded again. Any
/// combination can be stored, those that no descriptor has included, because real mode ("unreal" limits) and MSR writes make them.
/// </summary>
/// <param name="Selector">The visible part.</param>
/// <param name="Base">Linear address of the segment's first byte; 64 bits for FS, GS, LDTR and TR.</param>
/// <param name="Limit">The limit in bytes, G already applied.</param>
/// <param name="Attributes">Everything else. P=0 means that the segment is unusable, as after loading a null selector.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Segment Registers" (3.4.3); vol. 3C, "Guest Register State" (24.4.1).</remarks>
public readonly record struct CachedSegment(Selector Selector, ulong Base, uint Limit, SegmentAttributes Attributes)
{
    /// <summary>What loading <paramref name="descriptor"/> through <paramref name="selector"/> leaves in a register; no check is made.</summary>
    /// <param name="selector">The selector.</param>
    /// <param name="descriptor">The descriptor.</param>
    /// <example><code>
    /// Console.WriteLine(CachedSegment.FromDescriptor(0x18, 0x00cf_9300_0000_ffff).Limit.ToString("x"));      // ffffffff
    /// </code></example>
    public static CachedSegment FromDescriptor(Selector selector, SegmentDescriptor descriptor) =>
        new(selector, descriptor.Base, descriptor.Limit, descriptor.Attributes);

    /// <summary>A register as emulators and debuggers print it, with the upper doubleword of the descriptor for attributes.</summary>
    /// <param name="selector">The selector.</param>
    /// <param name="segmentBase">Linear address of the segment's first byte.</param>
    /// <param name="limit">The limit in bytes.</param>
    /// <param name="upperDoubleword">Bits 63:32 of the descriptor, of which base and limit bits are ignored (QEMU's <c>flags</c>).</param>
    /// <example><code>
    /// CachedSegment segment = CachedSegment.FromUpperDoubleword(0x18, 0, 0xffff_ffff, 0x00cf_9300);
    /// Console.WriteLine(segment.Attributes.Dpl);      // 0
    /// </code></example>
    public static CachedSegment FromUpperDoubleword(Selector selector, ulong segmentBase, uint limit, uint upperDoubleword) =>
        new(selector, segmentBase, limit, (ushort)(upperDoubleword >> 8));

    /// <summary>An unusable register: what a null selector leaves.</summary>
    /// <param name="selector">A null selector, RPL included.</param>
    /// <example><code>
    /// Console.WriteLine(CachedSegment.Null().Usable);      // False
    /// </code></example>
    public static CachedSegment Null(Selector selector = default) => new(selector, 0, 0, default);

    /// <summary>Whether the register can be used for an access outside 64-bit mode.</summary>
    public bool Usable => Attributes.P;

    /// <summary>The register as <c>0x2b (GDT 5, RPL 3): data RW accessed DPL 3, base 0x0, limit 0xffffffff</c>.</summary>
    public override string ToString() => Usable ? $"{Selector}: {Attributes}, base 0x{Base:x}, limit 0x{Limit:x}" : $"{Selector}: unusable, base 0x{Base:x}";
}
