namespace FastMmu.Segmentation.Linux;

/// <summary>A slot of Linux's GDT as the source of the kernel has it.</summary>
/// <param name="Index">Index in the table.</param>
/// <param name="Name">The kernel's name without its prefix <c>GDT_ENTRY_</c>.</param>
/// <param name="Use">What the slot is for.</param>
/// <param name="Flags">First argument of <c>GDT_ENTRY_INIT</c>, or what the kernel fills in at run time; 0 for TLS and empty slots.</param>
/// <param name="Limit">Third argument of <c>GDT_ENTRY_INIT</c>: 20 bits, in pages if G is set.</param>
public readonly record struct LinuxGdtEntry(int Index, string Name, LinuxGdtUse Use, ushort Flags, uint Limit)
{
    /// <summary>The descriptor with base 0.</summary>
    public SegmentDescriptor Descriptor => GdtEntry.Init(Flags, 0, Limit);

    /// <summary>The selector with which the slot is used: RPL 3 where user code uses it.</summary>
    public Selector Selector => Selector.Create(Index, Use == LinuxGdtUse.Tls ? 3 : new SegmentAttributes(Flags).Dpl);

    /// <summary>The slot as <c>6 DEFAULT_USER_CS 0x33 00affb000000ffff code64 RX accessed DPL 3</c>.</summary>
    public override string ToString() => $"{Index} {Name} 0x{Selector.Value:x2} {Descriptor.Value:x16} {Descriptor.Attributes}";
}
