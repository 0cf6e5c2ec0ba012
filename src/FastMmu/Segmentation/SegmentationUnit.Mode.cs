using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

// The mode, and everything that is derived from it or replaced as a whole.
public sealed partial class SegmentationUnit
{
    // Of all registers outside segmentation, what it depends on; widths in bits, 0 where linear addresses are not masked.
    private readonly record struct ModeInputs(
        bool ProtectedMode, bool Virtual8086, bool LongMode, int LinearWidth, int LamUserWidth, int LamSupervisorWidth);

    private bool LongMode => _inputs.LongMode;

    /// <summary>Brings back the state after reset.</summary>
    /// <example><code>
    /// segments.Reset();
    /// Console.WriteLine(segments.Mode);                       // Real
    /// segments.TryToLinear(SegmentRegister.CS, 0xfff0, 1, Access.Execute, out ulong first, out _);
    /// Console.WriteLine($"0x{first:x}");                      // 0xfffffff0
    /// </code></example>
    public void Reset()
    {
        _inputs = new(ProtectedMode: false, Virtual8086: false, LongMode: false, LinearWidth: 48, LamUserWidth: 0, LamSupervisorWidth: 0);
        _gdtr = new(0, 0xffff);
        _ldtr = new(0, 0, 0xffff, 0x82);
        _tr = new(0, 0, 0xffff, 0x8b);
        for (int i = 0; i < RegisterCount; i++) _segments[i] = new(0, 0, 0xffff, 0x93);
        _segments[(int)SegmentRegister.CS] = new(0xf000, 0xffff_0000, 0xffff, 0x9b);
        DeriveMode();
        StoredCpl = 0;
    }

    /// <summary>
    /// Takes over what decides the mode: CR0.PE, RFLAGS.VM, EFER.LMA, the width of a linear address, its masking (LAM), and CPL.
    /// To be called after every change of one of these.
    /// </summary>
    /// <param name="state">The registers.</param>
    /// <example><code>
    /// var alone = new SegmentationUnit(new NoTables(), ProcessorFeatures.Pentium4);      // without an Mmu, which calls this itself
    /// var state = new PagingState(ProcessorFeatures.Pentium4) { Cr0 = Cr0.PeBit, RFlags = RFlags.VmBit };
    /// alone.Update(in state);
    /// Console.WriteLine(alone.Mode);                          // Virtual8086
    /// Console.WriteLine(alone.Cpl);                           // 3
    ///
    /// sealed class NoTables : IDescriptorMemory
    /// {
    ///     public bool TryRead64(LinearAddress address, out ulong value, out MmuFault fault) { value = 0; fault = default; return true; }
    ///     public bool TrySetBits(LinearAddress address, byte bits, out MmuFault fault) { fault = default; return true; }
    /// }
    /// </code></example>
    public void Update(in PagingState state)
    {
        bool longMode = state.Efer.Lma;
        var inputs = new ModeInputs(
            state.Cr0.Pe,
            state.RFlags.Vm,
            longMode,
            longMode ? state.LinearWidth : 48,
            state.Cr3.LamU57 ? 57 : state.Cr3.LamU48 ? 48 : 0,
            state.Cr4.LamSup ? state.LinearWidth : 0);
        // Most register writes, and every change of CPL or AC, leave all of this as it is.
        if (inputs != _inputs)
        {
            _inputs = inputs;
            DeriveMode();
        }

        // Last: whoever is told reads Cpl, which depends on the mode.
        StoredCpl = state.Cpl & 3;
    }

    /// <summary>Takes over all registers and the mode of another unit, as a snapshot does.</summary>
    /// <param name="other">The unit to copy.</param>
    /// <example><code>
    /// using var second = new Mmu(memory, mmu.Features);       // another virtual CPU that continues where the first stands
    /// second.LoadState(mmu.State);
    /// second.Segments.CopyFrom(segments);
    /// Console.WriteLine(second.Segments[SegmentRegister.CS] == segments[SegmentRegister.CS]);     // True
    /// </code></example>
    public void CopyFrom(SegmentationUnit other)
    {
        ArgumentNullException.ThrowIfNull(other);
        _segments = other._segments;
        _windows = other._windows;
        (_ldtr, _tr, _gdtr) = (other._ldtr, other._tr, other._gdtr);
        (_mode, _inputs, StoredCpl, _kernelGsBase) = (other._mode, other._inputs, other.StoredCpl, other._kernelGsBase);
    }

    /// <summary>A copy of the registers.</summary>
    internal SegmentationRegisters Capture() => new(((ReadOnlySpan<CachedSegment>)_segments)[..RegisterCount].ToArray(), _ldtr, _tr, _gdtr, StoredCpl, _kernelGsBase);

    /// <summary>Takes the registers as they were; what else decides the mode has been told by <see cref="Update"/>.</summary>
    internal void Restore(SegmentationRegisters registers)
    {
        registers.Segments.CopyTo(_segments);
        (_ldtr, _tr, _gdtr, _kernelGsBase) = (registers.Ldtr, registers.Tr, registers.Gdtr, registers.KernelGsBase);
        DeriveMode();
        StoredCpl = registers.Cpl;
    }

    private void DeriveMode()
    {
        _mode = !_inputs.ProtectedMode ? SegmentationMode.Real
            : LongMode ? (_segments[(int)SegmentRegister.CS].Attributes.L ? SegmentationMode.SixtyFourBit : SegmentationMode.Compatibility)
            : _inputs.Virtual8086 ? SegmentationMode.Virtual8086
            : SegmentationMode.Protected;
        for (int i = 0; i < RegisterCount; i++) DeriveWindow(i);
    }

    private void DeriveWindow(int index)
    {
        ref readonly CachedSegment segment = ref _segments[index];
        bool hasBase = index is (int)SegmentRegister.FS or (int)SegmentRegister.GS;
        bool isCode = index == (int)SegmentRegister.CS;
        _windows[index] = _mode switch
        {
            SegmentationMode.SixtyFourBit => SegmentWindow.Canonical(hasBase ? segment.Base : 0, _inputs.LinearWidth),
            SegmentationMode.Real => SegmentWindow.Limited(segment, isCode, anyType: isCode, unlimited: !Features.RealModeLimits),
            SegmentationMode.Virtual8086 => SegmentWindow.Limited(segment, isCode, anyType: isCode, unlimited: false),
            _ => SegmentWindow.Limited(segment, isCode, anyType: false, unlimited: false),
        };
    }
}
