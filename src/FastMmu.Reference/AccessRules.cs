using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>Which accesses a translation allows, and the error code of those that it does not.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "Access Rights" (4.6), "Page-Fault Exceptions" (4.7).</remarks>
internal static class AccessRules
{
    /// <summary>Every rule that the access breaks; empty if it is allowed.</summary>
    internal static List<FaultReason> Violations(Controls controls, in ReferenceAccess access, in Mapping page)
    {
        var violations = new List<FaultReason>();

        // User-mode accesses reach user-mode addresses only.
        if (access.IsUserMode && !page.User) violations.Add(FaultReason.SupervisorPage);

        if (access.IsFetch) AddFetchViolations(violations, controls, access, page);
        else AddDataViolations(violations, controls, access, page);
        return violations;
    }

    private static void AddFetchViolations(List<FaultReason> violations, Controls controls, in ReferenceAccess access, in Mapping page)
    {
        // Supervisor-mode fetches from user-mode addresses: not with SMEP=1, whatever WP says.
        if (!access.IsUserMode && page.User && controls.Smep) violations.Add(FaultReason.Smep);

        // XD in any entry of the path forbids fetches by anyone, while NXE=1.
        if (controls.ExecuteDisable && page.ExecuteDisabled) violations.Add(FaultReason.ExecuteDisabled);
    }

    private static void AddDataViolations(List<FaultReason> violations, Controls controls, in ReferenceAccess access, in Mapping page)
    {
        if (access.IsShadowStack)
        {
            // Shadow-stack accesses reach shadow-stack pages only, each mode its own.
            bool ownPage = page.User == access.IsUserMode;
            if (!controls.ShadowStacks || !page.IsShadowStack || !ownPage) violations.Add(FaultReason.ShadowStack);
        }
        else if (access.IsWrite && !page.Writable && (access.IsUserMode || controls.WriteProtect))
        {
            // Writes need R/W=1 along the path: always in user mode, in supervisor mode while WP=1.
            violations.Add(FaultReason.WriteProtected);
        }

        // Supervisor-mode accesses to user-mode addresses: not with SMAP=1, reads and writes alike, whatever WP says.
        // RFLAGS.AC=1 exempts explicit accesses; implicit ones (descriptor tables, TSS) are never exempt.
        bool exempt = access.Privilege == Privilege.Supervisor && controls.AlignmentCheck;
        if (!access.IsUserMode && page.User && controls.Smap && !exempt) violations.Add(FaultReason.Smap);

        if (IsRefusedByKey(controls, access, page)) violations.Add(FaultReason.ProtectionKey);
    }

    /// <summary>"Protection Keys" (4.6.2): data accesses in four-level and five-level paging; the page's own mode picks the register.</summary>
    private static bool IsRefusedByKey(Controls controls, in ReferenceAccess access, in Mapping page)
    {
        if (!controls.IsLongMode) return false;

        // PKRU for user-mode addresses with PKE=1, IA32_PKRS for supervisor-mode addresses with PKS=1.
        if (!(page.User ? controls.UserKeys : controls.SupervisorKeys)) return false;
        uint register = page.User ? controls.Pkru : controls.Pkrs;

        // AD is bit 2i, WD bit 2i+1 of key i.
        bool accessDisabled = Bits.IsSet(register, 2 * page.ProtectionKey);
        bool writeDisabled = Bits.IsSet(register, (2 * page.ProtectionKey) + 1);
        if (accessDisabled) return true;

        // WD refuses writes, in supervisor mode only while WP=1.
        return access.IsWrite && writeDisabled && (access.IsUserMode || controls.WriteProtect);
    }

    /// <summary>The page fault of a walk that an entry ended.</summary>
    internal static ReferenceFault WalkFault(Controls controls, in ReferenceAccess access, ulong linear, FaultReason reason, int level)
    {
        // P=0 says that an entry was not present. A reserved bit counts only in a present entry, so RSVD=1 comes with P=1.
        int code = AccessBits(controls, access);
        if (reason == FaultReason.ReservedBit) code |= (1 << 0) | (1 << 3);
        return new ReferenceFault(ExceptionVector.PageFault, code, linear, level, [reason]);
    }

    /// <summary>The page fault of an access that a complete translation does not allow.</summary>
    internal static ReferenceFault RightsFault(Controls controls, in ReferenceAccess access, ulong linear, List<FaultReason> violations)
    {
        // P=1. PK is set if the key refuses the access, also where other rules refuse it as well.
        int code = AccessBits(controls, access) | (1 << 0);
        if (violations.Contains(FaultReason.ProtectionKey)) code |= 1 << 5;
        return new ReferenceFault(ExceptionVector.PageFault, code, linear, 0, violations);
    }

    /// <summary>The bits that describe the access, not the translation: W/R (1), U/S (2), I/D (4), SS (6).</summary>
    private static int AccessBits(Controls controls, in ReferenceAccess access)
    {
        int code = 0;
        if (access.IsWrite) code |= 1 << 1;
        if (access.IsUserMode) code |= 1 << 2;

        // I/D is reported only with SMEP=1, or with PAE=1 and NXE=1.
        bool reportsFetches = controls.Smep || (controls.PhysicalAddressExtension && controls.ExecuteDisable);
        if (access.IsFetch && reportsFetches) code |= 1 << 4;
        if (access.IsShadowStack) code |= 1 << 6;
        return code;
    }
}
