using System.Text;

namespace FastMmu.Processor;

/// <summary>
/// The exception that the processor would deliver, as a value of 16 bytes: vector, error code and, for #PF, the address for CR2.
/// The default value is <see cref="None"/>. Guest behaviour never throws; it returns one of these.
/// </summary>
/// <remarks>Source: Intel SDM vol. 3A, "Interrupt 14 — Page-Fault Exception (#PF)" (6.15) and its neighbours.</remarks>
public readonly record struct MmuFault
{
    // Widest first: declared in another order, padding would make it 24 bytes.
    private readonly ulong _address;
    private readonly ushort _errorCode;
    private readonly byte _vector;
    private readonly byte _reason;
    private readonly byte _level;

    /// <summary>No fault.</summary>
    public static MmuFault None => default;

    /// <summary>
    /// The linear address that was refused. For #PF it is what CR2 receives; for other vectors CR2 stays as it was and this is only informative.
    /// </summary>
    public ulong Address => _address;

    /// <summary>The error code that the processor pushes: <see cref="PageFaultError"/> for #PF, a selector or zero for the others.</summary>
    public ushort ErrorCode => _errorCode;

    /// <summary>The vector; <see cref="ExceptionVector.None"/> when there is no fault.</summary>
    public ExceptionVector Vector => (ExceptionVector)_vector;

    /// <summary>Why, in more detail than the guest sees.</summary>
    public FaultReason Reason => (FaultReason)_reason;

    /// <summary>The paging level (1 = page table … 5 = PML5) whose entry was not present or reserved; 0 where no single level is to blame.</summary>
    public int Level => _level;

    /// <summary>Whether there is a fault.</summary>
    public bool IsFault => _vector != 0;

    /// <summary>The error code read as that of a page fault.</summary>
    public PageFaultError PageFaultError => (PageFaultError)ErrorCode;

    /// <summary>Makes a fault.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="errorCode">The error code pushed by the processor.</param>
    /// <param name="address">The linear address refused, or 0.</param>
    /// <param name="reason">Why.</param>
    /// <param name="level">Paging level to blame, or 0.</param>
    public MmuFault(ExceptionVector vector, ushort errorCode, ulong address, FaultReason reason, int level = 0)
    {
        _address = address;
        _errorCode = errorCode;
        _vector = (byte)vector;
        _reason = (byte)reason;
        _level = (byte)level;
    }

    /// <summary>A page fault.</summary>
    /// <param name="error">The error code.</param>
    /// <param name="address">What CR2 receives.</param>
    /// <param name="reason">Why.</param>
    /// <param name="level">Paging level to blame, or 0.</param>
    /// <example><code>
    /// Console.WriteLine(MmuFault.PageFault(PageFaultError.Present | PageFaultError.Write, 0x1000, FaultReason.WriteProtected));      // #PF(P|W) at 0x1000: write-protected page
    /// </code></example>
    public static MmuFault PageFault(PageFaultError error, ulong address, FaultReason reason, int level = 0) =>
        new(ExceptionVector.PageFault, (ushort)error, address, reason, level);

    /// <summary>A general-protection fault.</summary>
    /// <param name="errorCode">Zero, or the selector concerned with its RPL cleared.</param>
    /// <param name="reason">Why.</param>
    /// <param name="address">The linear address or offset concerned; informative.</param>
    /// <example><code>
    /// Console.WriteLine(MmuFault.GeneralProtection(0x10, FaultReason.SegmentPrivilege));      // #GP(0x10): segment privilege
    /// </code></example>
    public static MmuFault GeneralProtection(ushort errorCode, FaultReason reason, ulong address = 0) =>
        new(ExceptionVector.GeneralProtection, errorCode, address, reason);

    /// <summary>
    /// One line: <c>#PF(P|W|U) at 0x1234: write-protected page</c>, <c>#GP(0x10): null selector</c>, or <c>none</c>.
    /// </summary>
    public override string ToString()
    {
        if (!IsFault) return "none";
        var text = new StringBuilder();
        if (Vector == ExceptionVector.PageFault)
        {
            text.Append("#PF(").Append(FormatPageFaultError(PageFaultError)).Append(") at 0x").Append(Address.ToString("x"));
        }
        else
        {
            string mnemonic = Vector switch
            {
                ExceptionVector.InvalidTss => "#TS",
                ExceptionVector.SegmentNotPresent => "#NP",
                ExceptionVector.StackFault => "#SS",
                ExceptionVector.GeneralProtection => "#GP",
                ExceptionVector.AlignmentCheck => "#AC",
                _ => $"vector {_vector}",
            };
            text.Append(mnemonic).Append(ErrorCode == 0 ? "(0)" : $"(0x{ErrorCode:x})");
        }

        text.Append(": ").Append(Describe(Reason));
        if (Level != 0) text.Append(" at level ").Append(Level);
        return text.ToString();
    }

    /// <summary>The letters of a page-fault error code, lowest bit first: <c>P|W|U|RSVD|I|PK|SS</c>, or <c>0</c>.</summary>
    /// <param name="error">The error code.</param>
    /// <example><code>
    /// Console.WriteLine(MmuFault.FormatPageFaultError(PageFaultError.Present | PageFaultError.User));      // P|U
    /// </code></example>
    public static string FormatPageFaultError(PageFaultError error)
    {
        if (error == 0) return "0";
        var names = new List<string>(7);
        if (error.HasFlag(PageFaultError.Present)) names.Add("P");
        if (error.HasFlag(PageFaultError.Write)) names.Add("W");
        if (error.HasFlag(PageFaultError.User)) names.Add("U");
        if (error.HasFlag(PageFaultError.Reserved)) names.Add("RSVD");
        if (error.HasFlag(PageFaultError.InstructionFetch)) names.Add("I");
        if (error.HasFlag(PageFaultError.ProtectionKey)) names.Add("PK");
        if (error.HasFlag(PageFaultError.ShadowStack)) names.Add("SS");
        return string.Join('|', names);
    }

    private static string Describe(FaultReason reason) => reason switch
    {
        FaultReason.NotPresent => "not present",
        FaultReason.ReservedBit => "reserved bit set",
        FaultReason.SupervisorPage => "supervisor page",
        FaultReason.WriteProtected => "write-protected page",
        FaultReason.ExecuteDisabled => "execute-disabled page",
        FaultReason.Smep => "SMEP: supervisor fetch from a user page",
        FaultReason.Smap => "SMAP: supervisor access to a user page",
        FaultReason.ProtectionKey => "protection key",
        FaultReason.ShadowStack => "not a shadow-stack page of this privilege",
        FaultReason.NonCanonical => "non-canonical address",
        FaultReason.LinearAddressSpaceSeparation => "LASS: address in the other half",
        FaultReason.SegmentLimit => "outside the segment limit",
        FaultReason.SegmentType => "segment type",
        FaultReason.SegmentPrivilege => "segment privilege",
        FaultReason.NullSelector => "null selector",
        FaultReason.SelectorOutsideTable => "selector outside its descriptor table",
        FaultReason.SegmentNotPresent => "segment not present",
        FaultReason.RegisterWrite => "register write refused",
        FaultReason.PdpteReserved => "reserved bit in a PDPTE",
        FaultReason.Misaligned => "misaligned access",
        FaultReason.InvalidationOperand => "INVPCID operand",
        FaultReason.TableUnreachable => "a table could not be reached",
        FaultReason.Watch => "raised by the handler of a watch",
        _ => "no reason",
    };
}
