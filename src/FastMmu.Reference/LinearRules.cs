using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>What happens to a linear address before paging: truncation, masking, the canonical check, LASS.</summary>
internal static class LinearRules
{
    /// <summary>The linear address that is translated, and that a page fault would put in CR2.</summary>
    internal static ulong Effective(Controls controls, in ReferenceAccess access)
    {
        // Outside IA-32e mode a linear address has 32 bits (SDM vol. 3A, 3.3).
        if (!controls.IsLongMode) return access.Linear & 0xffff_ffff;

        // "Linear Address Masking" (LAM): data accesses only; fetches use the address as it is.
        if (access.IsFetch) return access.Linear;

        // Bit 63 alone says whose pointer it is, whatever the CPL. LAM_U57 wins over LAM_U48; LAM_SUP takes the width of the paging mode.
        // The sign bit of the narrowed pointer: 47 for LAM48, 56 for LAM57.
        int signBit;
        if (!Bits.IsSet(access.Linear, 63))
        {
            if (controls.LamUser57) signBit = 56;
            else if (controls.LamUser48) signBit = 47;
            else return access.Linear;
        }
        else
        {
            if (!controls.LamSupervisor) return access.Linear;
            signBit = controls.Mode == ReferenceMode.FiveLevel ? 56 : 47;
        }

        // The metadata, bits 62:48 or 62:57, takes the value of the sign bit; bit 63 stays. The canonical check below then fails exactly
        // for the pointers that the manual's modified check refuses: those whose bit 63 is not the sign bit.
        ulong metadata = Bits.Range(62, signBit + 1);
        return Bits.IsSet(access.Linear, signBit) ? access.Linear | metadata : access.Linear & ~metadata;
    }

    /// <summary>The rules that <paramref name="linear"/> breaks before paging looks at it; empty if paging may go on.</summary>
    internal static List<FaultReason> Violations(Controls controls, in ReferenceAccess access, ulong linear)
    {
        var violations = new List<FaultReason>();
        if (!controls.IsLongMode) return violations;

        // SDM vol. 1, 3.3.7.1: canonical means that bits 63:47 are all equal with four levels, bits 63:56 with five.
        int top = controls.Mode == ReferenceMode.FiveLevel ? 56 : 47;
        ulong upper = Bits.Range(63, top);
        if ((linear & upper) != 0 && (linear & upper) != upper) violations.Add(FaultReason.NonCanonical);

        if (controls.Lass && BreaksSeparation(controls, access, linear)) violations.Add(FaultReason.LinearAddressSpaceSeparation);
        return violations;
    }

    /// <summary>"Linear-Address Space Separation": bit 63 clear is the user's half, set the supervisor's; nobody enters the other half.</summary>
    private static bool BreaksSeparation(Controls controls, in ReferenceAccess access, ulong linear)
    {
        bool supervisorHalf = Bits.IsSet(linear, 63);

        // User-mode accesses, data and fetches: no supervisor half.
        if (access.IsUserMode) return supervisorHalf;

        // Supervisor-mode fetches: no user half.
        if (access.IsFetch) return !supervisorHalf;

        // Supervisor-mode data accesses: no user half if SMAP=1, unless the access is explicit and RFLAGS.AC=1.
        bool exempt = access.Privilege == Privilege.Supervisor && controls.AlignmentCheck;
        return controls.Smap && !exempt && !supervisorHalf;
    }

    /// <summary>The fault for an address refused before paging: #SS(0) through the stack segment, else #GP(0). CR2 keeps its value.</summary>
    internal static ReferenceFault Fault(in ReferenceAccess access, List<FaultReason> violations) =>
        new(access.ThroughStack ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0, null, 0, violations);
}
