using FastMmu.Addresses;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Images;

/// <summary>The guest's processor as it stood: an MMU with its registers, segments included, over the guest's memory.</summary>
internal sealed class GuestProcessor : IDisposable
{
    private GuestProcessor(RecordedGuest guest, Mmu mmu)
    {
        Guest = guest;
        Mmu = mmu;
    }

    /// <summary>The guest.</summary>
    public RecordedGuest Guest { get; }

    /// <summary>The MMU. Translating sets accessed and dirty bits in the guest's memory; probing does not.</summary>
    public Mmu Mmu { get; }

    /// <summary>Brings the processor up.</summary>
    /// <param name="guest">The guest; not owned.</param>
    /// <param name="cr3">Another address space than the running one.</param>
    /// <param name="cpl">Another privilege level than the running one.</param>
    /// <param name="quirks">How the guest's memory and answers are to be taken.</param>
    /// <param name="options">Caches; null for the usual ones.</param>
    /// <exception cref="InputException">No processor would take the registers.</exception>
    public static GuestProcessor Create(
        RecordedGuest guest, ulong? cr3, int? cpl, ImageQuirks quirks = ImageQuirks.PdpteAccessed, MmuOptions? options = null)
    {
        Mmu mmu = guest.CreateMmu(quirks, options);
        if (!guest.TrySelect(mmu, cr3 ?? guest.Description.Cr3.Value, quirks, out string refusal))
        {
            mmu.Dispose();
            throw new InputException($"CR3 0x{cr3 ?? guest.Description.Cr3.Value:x}: {refusal}");
        }

        LoadSegments(guest.Description, mmu.Segments);
        mmu.SetCpl(cpl ?? guest.Description.Cpl);
        return new(guest, mmu);
    }

    public void Dispose() => Mmu.Dispose();

    private static void LoadSegments(GuestDescription description, SegmentationUnit unit)
    {
        if (description.Gdt is DescriptorTableRegister gdt) unit.Gdtr = gdt;
        foreach (SegmentRegister register in Enum.GetValues<SegmentRegister>())
        {
            if (description.Segments.TryGetValue(register.ToString(), out CachedSegment segment)) unit[register] = segment;
        }

        if (description.Segments.TryGetValue("LDT", out CachedSegment ldt)) unit.Ldtr = ldt;
        if (description.Segments.TryGetValue("TR", out CachedSegment task)) unit.Tr = task;
    }
}
