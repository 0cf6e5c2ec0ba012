using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Segmentation;

/// <summary>
/// The segmentation of one virtual processor: six segment registers with their hidden parts, GDTR, LDTR and TR. Turns logical addresses
/// into linear ones and makes every check on the way.
/// </summary>
/// <remarks>
/// Not thread-safe, as a processor is not. Nothing here allocates after construction. Operations named <c>Try</c> either succeed, or change
/// nothing and say which exception the processor would deliver; only the accessed bits of descriptors already checked may have been set.
/// Source: Intel SDM vol. 3A, chapters 3 and 5.
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(MiB);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// SegmentationUnit segments = mmu.Segments;
/// byte[] table = new byte[LinuxGdt.I386.SizeInBytes];
/// LinuxGdt.I386.Write(table, new LinuxGdtContents { TssBase = 0x3000, TssBusy = false, LdtBase = 0x2000, LdtEntries = 1, CpuNode = new(5, 1) });
/// memory.Write(0x1000, table);
/// segments.TryLoadGdtr(new(Base: 0x1000, Limit: 0xff), out _);
/// mmu.WriteCr0(Cr0.PeBit);
/// segments.TryFarJump(0x60, 0x100, out _, out _);         // __KERNEL_CS
/// segments.TryLoad(SegmentRegister.SS, 0x68, out _);      // __KERNEL_DS
/// Console.WriteLine(segments.Mode);                       // Protected
/// Console.WriteLine(segments[SegmentRegister.CS]);        // 0x60 (GDT 12, RPL 0): code32 RX accessed DPL 0, base 0x0, limit 0xffffffff
/// </code></example>
public sealed partial class SegmentationUnit
{
    private const int RegisterCount = 6;

    private readonly IDescriptorMemory _memory;
    private Registers<CachedSegment> _segments;
    private Registers<SegmentWindow> _windows;
    private CachedSegment _ldtr;
    private CachedSegment _tr;
    private DescriptorTableRegister _gdtr;
    private SegmentationMode _mode;
    private ModeInputs _inputs;

    // CPL as set, whatever the mode. Whoever owns the unit follows it: far transfers, loads of snapshots and the setter all come through here.
    private int StoredCpl
    {
        get;
        set
        {
            field = value;
            PrivilegeChanged?.Invoke();
        }
    }

    // Eight rather than six, so that an index masked to three bits needs no bounds check; the last two refuse everything.
    [InlineArray(8)]
    private struct Registers<T>
        where T : struct
    {
        private T _first;
    }

    /// <summary>A processor after reset: real mode, CS at FFFF0000h, limits of 64 KiB.</summary>
    /// <param name="memory">Where descriptor tables are read.</param>
    /// <param name="features">What the processor has: real-mode limits and the width of a linear address count.</param>
    public SegmentationUnit(IDescriptorMemory memory, ProcessorFeatures features)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(features);
        _memory = memory;
        Features = features;
        Reset();
    }

    /// <summary>What the processor has.</summary>
    public ProcessorFeatures Features { get; }

    /// <summary>Called after <see cref="Cpl"/> may have changed.</summary>
    internal Action? PrivilegeChanged { get; init; }

    /// <summary>How selectors and offsets are read at present.</summary>
    public SegmentationMode Mode => _mode;

    /// <summary>
    /// Current privilege level, 0 to 3. Real mode has 0 and virtual-8086 mode 3 whatever was set. Far transfers change it.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Set to something else than 0 to 3.</exception>
    public int Cpl
    {
        get => _mode switch { SegmentationMode.Real => 0, SegmentationMode.Virtual8086 => 3, _ => StoredCpl };
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 3);
            StoredCpl = value;
        }
    }

    /// <summary>GDTR; setting it makes no check (see <see cref="TryLoadGdtr"/>).</summary>
    public DescriptorTableRegister Gdtr
    {
        get => _gdtr;
        set => _gdtr = value;
    }

    /// <summary>LDTR with its hidden part; setting it makes no check (see <see cref="TryLoadLdtr"/>).</summary>
    public CachedSegment Ldtr
    {
        get => _ldtr;
        set => _ldtr = value;
    }

    /// <summary>TR with its hidden part; setting it makes no check (see <see cref="TryLoadTr"/>).</summary>
    public CachedSegment Tr
    {
        get => _tr;
        set => _tr = value;
    }

    /// <summary>A segment register with its hidden part. Setting it loads both directly and makes no check, as a snapshot or a debugger does.</summary>
    /// <param name="register">The register.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not one of the six.</exception>
    public CachedSegment this[SegmentRegister register]
    {
        get => _segments[Index(register)];
        set => SetSegment(Index(register), value);
    }

    /// <summary>The linear address of a logical one, if the segment allows the access.</summary>
    /// <param name="segment">The segment register.</param>
    /// <param name="offset">
    /// Offset in bytes, already cut to the address size of the instruction. Outside 64-bit mode only the low 32 bits count.
    /// </param>
    /// <param name="size">Number of bytes accessed, at least 1; the caller sees to it, for the fast path has no room to.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="linear">The linear address of the first byte; with a fault, what was refused.</param>
    /// <param name="fault">
    /// #SS(0) through SS, else #GP(0): null or unusable segment, type, limit (of every byte; no access wraps past 4 GiB), or, in 64-bit mode,
    /// a non-canonical first or last byte.
    /// </param>
    /// <returns>Whether the access is allowed.</returns>
    /// <remarks>
    /// A few instructions without a branch on mode or type: both are folded into a window of valid offsets when the register is loaded.
    /// Source: Intel SDM vol. 3A, "Limit Checking" (5.3), "Type Checking" (5.4); vol. 1, "Canonical Addressing" (3.3.7.1).
    /// </remarks>
    /// <example><code>
    /// segments[SegmentRegister.DS] = CachedSegment.FromDescriptor(0x68, GdtEntry.Init(0x4093, 0x5000, 0xfff));
    /// Console.WriteLine(segments.TryToLinear(SegmentRegister.DS, 0xffc, 4, Access.Read, out ulong linear, out MmuFault fault));   // True
    /// Console.WriteLine($"0x{linear:x}");                                                                                         // 0x5ffc
    /// Console.WriteLine(segments.TryToLinear(SegmentRegister.DS, 0xffd, 4, Access.Read, out linear, out fault));                  // False
    /// Console.WriteLine(fault);                                                                                                   // #GP(0): outside the segment limit
    /// </code></example>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryToLinear(SegmentRegister segment, ulong offset, int size, Access access, out ulong linear, out MmuFault fault)
    {
        ref readonly SegmentWindow window = ref _windows[(int)segment & 7];
        ulong cut = offset & window.Mask;
        ulong first = cut + window.Bias;
        ulong last = first + (uint)(size - 1);
        // Both ends: the last byte of an access that wraps at 2^64 can look valid when the first one is not.
        if ((first <= window.Span) & (last <= window.Span) & (((window.Allowed >> (int)access) & 1) != 0))
        {
            linear = (cut + window.Base) & window.Mask;
            fault = default;
            return true;
        }

        return Refuse(segment, offset, size, access, out linear, out fault);
    }

    /// <summary>How many bytes from <paramref name="offset"/> on may be fetched through CS before the limit, or the canonical range, ends.</summary>
    /// <param name="offset">Offset of the first byte in CS.</param>
    /// <param name="wanted">How many bytes the caller would like, at least 0.</param>
    /// <returns>
    /// 0 to <paramref name="wanted"/>. A decoder asks for fifteen, takes what it gets, and has a fault only if the instruction needs more.
    /// </returns>
    /// <example><code>
    /// segments[SegmentRegister.CS] = segments[SegmentRegister.CS] with { Limit = 0xfff };
    /// Console.WriteLine(segments.FetchableBytes(0xff0, 15));  // 15
    /// Console.WriteLine(segments.FetchableBytes(0xffd, 15));  // 3
    /// </code></example>
    public int FetchableBytes(ulong offset, int wanted)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(wanted);
        ref readonly SegmentWindow window = ref _windows[(int)SegmentRegister.CS];
        ulong first = (offset & window.Mask) + window.Bias;
        if (first > window.Span) return 0;
        ulong behind = window.Span - first;
        return behind < (ulong)wanted ? (int)behind + 1 : wanted;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Refuse(SegmentRegister segment, ulong offset, int size, Access access, out ulong linear, out MmuFault fault)
    {
        int index = Index(segment);
        ref readonly SegmentWindow window = ref _windows[index];
        linear = ((offset & window.Mask) + window.Base) & window.Mask;
        FaultReason reason;
        if (_mode == SegmentationMode.SixtyFourBit)
        {
            if (access != Access.Execute && TryUntag(linear, out ulong untagged) && IsCanonical(untagged) && IsCanonical(untagged + (uint)(size - 1)))
            {
                linear = untagged;
                fault = default;
                return true;
            }

            reason = FaultReason.NonCanonical;
        }
        else if (!_segments[index].Usable) reason = FaultReason.NullSelector;
        else if (((window.Allowed >> (int)access) & 1) == 0) reason = FaultReason.SegmentType;
        else reason = FaultReason.SegmentLimit;

        ExceptionVector vector = segment == SegmentRegister.SS ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection;
        fault = new(vector, 0, linear, reason);
        return false;
    }

    // Linear-address masking (SDM vol. 3A, 4.4): bit 63 says whose rule applies.
    private bool TryUntag(ulong linear, out ulong untagged)
    {
        int width = (long)linear < 0 ? _inputs.LamSupervisorWidth : _inputs.LamUserWidth;
        untagged = width == 0 ? linear : new LinearAddress(linear).WithoutMetadata(width).Value;
        return width != 0;
    }

    private bool IsCanonical(ulong linear) => new LinearAddress(linear).IsCanonical(_inputs.LinearWidth);

    private static int Index(SegmentRegister register)
    {
        if ((uint)register >= RegisterCount) throw new ArgumentOutOfRangeException(nameof(register), register, "not a segment register");
        return (int)register;
    }

    private void SetSegment(int index, in CachedSegment value)
    {
        _segments[index] = value;
        // CS.L is part of the mode.
        if (index == (int)SegmentRegister.CS) DeriveMode();
        else DeriveWindow(index);
    }
}
