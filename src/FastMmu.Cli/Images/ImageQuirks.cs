namespace FastMmu.Cli.Images;

/// <summary>
/// Where those who answered deviate from the architecture. Each is a way of asking or reading; the engine is the same with and without.
/// </summary>
[Flags]
internal enum ImageQuirks
{
    /// <summary>The recorded answers are the architecture's.</summary>
    None = 0,

    /// <summary><c>no-rights</c>: QEMU's debug walker translates for nobody: SMAP, LASS and protection keys are asked to stand aside.</summary>
    NoRights = 1 << 0,

    /// <summary><c>wide-addresses</c>: it knows no MAXPHYADDR: the widest is assumed (52 bits, 40 for PSE-36), whatever the guest's processor has.</summary>
    WideAddresses = 1 << 1,

    /// <summary><c>pdpte-accessed</c>: QEMU's TCG sets the accessed bit in PAE PDPTEs in memory, where it is reserved: it is dropped when they are loaded.</summary>
    PdpteAccessed = 1 << 2,

    /// <summary>
    /// <c>info-tlb-frames</c>: <c>info tlb</c> prints address bits 49:12 only in the 64-bit modes, bits 31:22 of 4-MiB pages, and in PAE
    /// NX as bit 63 of the address.
    /// </summary>
    InfoTlbFrames = 1 << 3,

    /// <summary>
    /// <c>pagemap-protnone</c>: pagemap calls PROT_NONE pages present. Their entries have P=0, bit 8 and the frame, inverted or plain; they must fault.
    /// </summary>
    PagemapProtNone = 1 << 4,

    /// <summary>What QEMU 7.2 and Linux are known to do.</summary>
    Documented = NoRights | WideAddresses | PdpteAccessed | InfoTlbFrames | PagemapProtNone,
}

/// <summary>The quirks by the names they have on the command line.</summary>
internal static class QuirkNames
{
    /// <summary>All names, in the order they are listed.</summary>
    public static IReadOnlyList<(ImageQuirks Quirk, string Name)> All { get; } =
    [
        (ImageQuirks.NoRights, "no-rights"),
        (ImageQuirks.WideAddresses, "wide-addresses"),
        (ImageQuirks.PdpteAccessed, "pdpte-accessed"),
        (ImageQuirks.InfoTlbFrames, "info-tlb-frames"),
        (ImageQuirks.PagemapProtNone, "pagemap-protnone"),
    ];

    /// <summary>The names of the quirks in a set, or <c>none</c>.</summary>
    public static string Format(ImageQuirks quirks) =>
        quirks == ImageQuirks.None ? "none" : string.Join(", ", All.Where(q => quirks.HasFlag(q.Quirk)).Select(q => q.Name));
}
