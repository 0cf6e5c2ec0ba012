namespace FastMmu;

/// <content>Registers as a whole, for snapshots.</content>
public sealed partial class Mmu
{
    /// <summary>A copy of the registers, segmentation included.</summary>
    internal ProcessorRegisters CaptureRegisters() => new(_context.State, Segments.Capture(), Cr2);

    /// <summary>Takes the registers as they were, whatever they are now, and drops everything cached.</summary>
    internal void RestoreRegisters(ProcessorRegisters registers)
    {
        InvalidateAll();
        SetState(registers.State);
        Segments.Restore(registers.Segments);
        Cr2 = registers.Cr2;
    }
}
