using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Modes;
using FastMmu.Processor;

namespace FastMmu.Cli.Images;

/// <summary>A recorded guest, loaded: its description and its memory.</summary>
internal sealed class RecordedGuest : IDisposable
{
    /// <summary>How much of all that is done with a guest is its loading, roughly: for whoever watches.</summary>
    public const double LoadingShare = 0.2;

    // Table 4-8 of the SDM reserves bits 8:5 of a PDPTE; bit 5 is A in every other entry.
    private const ulong PdpteAccessedBit = 1UL << 5;

    private RecordedGuest(CaseDirectory directory, GuestDescription description, PhysicalMemory memory)
    {
        Directory = directory;
        Description = description;
        Memory = memory;
    }

    /// <summary>The folder it was read from.</summary>
    public CaseDirectory Directory { get; }

    /// <summary>Registers and what else is known.</summary>
    public GuestDescription Description { get; }

    /// <summary>The guest's physical memory.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>The paging mode of all address spaces.</summary>
    public PagingMode Mode => Description.State(PhysicalAddress.MaxWidth).Mode;

    /// <summary>Loads a guest.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="work">Told how far the loading is.</param>
    /// <exception cref="InputException">Something is missing or makes no sense.</exception>
    public static RecordedGuest Load(string path, LongWork work)
    {
        CaseDirectory directory = CaseDirectory.Open(path);
        GuestDescription description = GuestDescriptionReader.Read(directory.Require("meta.json"));
        return new(directory, description, MemoryLoader.Load(directory.Require("memory.raw"), description.Memory, work));
    }

    /// <summary>An MMU that has the features to be asked under <paramref name="quirks"/>; <see cref="TrySelect"/> gives it registers.</summary>
    /// <param name="quirks">How the guest's memory and answers are to be taken.</param>
    /// <param name="options">Caches; null for the usual ones.</param>
    public Mmu CreateMmu(ImageQuirks quirks, MmuOptions? options = null)
    {
        int bits = quirks.HasFlag(ImageQuirks.WideAddresses) ? PhysicalAddress.MaxWidth : Description.PhysicalAddressBits ?? PhysicalAddress.MaxWidth;
        return new(Memory, ProcessorFeatures.Everything with { PhysicalAddressBits = bits }, options);
    }

    /// <summary>Gives an MMU the guest's registers, with another CR3.</summary>
    /// <param name="mmu">From <see cref="CreateMmu"/>.</param>
    /// <param name="cr3">What CR3 holds.</param>
    /// <param name="quirks">How to ask.</param>
    /// <param name="refusal">Why no processor would take the registers.</param>
    public bool TrySelect(Mmu mmu, ulong cr3, ImageQuirks quirks, out string refusal)
    {
        PagingState state = Description.State(mmu.Features.PhysicalAddressBits);
        state.Cr3 = cr3;
        if (quirks.HasFlag(ImageQuirks.NoRights))
        {
            state.Cr4 = state.Cr4.Value & ~(Cr4.SmapBit | Cr4.SmepBit | Cr4.LassBit | Cr4.PkeBit | Cr4.PksBit);
        }

        bool pdptesFromHere = state.Mode == PagingMode.Pae && quirks.HasFlag(ImageQuirks.PdpteAccessed);
        MmuFault fault = MmuFault.None;
        refusal = "";
        if (pdptesFromHere) fault = LoadPdptes(ref state);
        if (!fault.IsFault)
        {
            if (ControlRegisterRules.Inconsistency(in state) is string reason)
            {
                refusal = reason;
                return false;
            }

            fault = mmu.LoadState(in state, loadPdptes: !pdptesFromHere);
        }

        if (fault.IsFault) refusal = $"loading CR3 raises {fault}";
        return !fault.IsFault;
    }

    public void Dispose() => Memory.Dispose();

    private MmuFault LoadPdptes(ref PagingState state)
    {
        ulong reserved = PagingPae.ReservedBits(in state, level: 3, largeLeaf: false);
        for (int i = 0; i < 4; i++)
        {
            ulong pdpte = Memory.Read<ulong>(PhysicalAddress.Truncate(state.Cr3.PdptBase.Value + (8 * (ulong)i))) & ~PdpteAccessedBit;
            if ((pdpte & 1) != 0 && (pdpte & reserved) != 0) return MmuFault.GeneralProtection(0, FaultReason.PdpteReserved);
            state.Pdptes[i] = pdpte;
        }

        return MmuFault.None;
    }
}
