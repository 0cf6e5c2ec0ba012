using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>What happens to a linear address before paging sees it: truncation, masking (LAM), separation (LASS), the canonical check.</summary>
/// <remarks>Source: Intel SDM vol. 1, "Canonical Addressing" (3.3.7.1); vol. 3A, "Linear-Address Pre-Processing": LASS, then LAM, then the canonical check.</remarks>
internal struct LinearAddressRules
{
    private readonly bool _longMode;
    private readonly bool _separation;
    private readonly bool _separationOfSupervisorData;
    private readonly bool _masking;
    private readonly byte _width;
    private readonly byte _userMaskWidth;
    private readonly byte _supervisorMaskWidth;
    private readonly bool _ac;

    /// <summary>The rules for a state.</summary>
    internal LinearAddressRules(in PagingState state)
    {
        _longMode = state.Efer.Lma;
        if (!_longMode) return;
        int width = state.LinearWidth;
        _width = (byte)width;
        _separation = state.Cr4.Lass;
        _separationOfSupervisorData = state.Cr4.Smap;
        _ac = state.RFlags.Ac;
        _userMaskWidth = (byte)(state.Cr3.LamU57 ? 57 : state.Cr3.LamU48 ? 48 : 0);
        _supervisorMaskWidth = (byte)(state.Cr4.LamSup ? width : 0);
        _masking = (_userMaskWidth | _supervisorMaskWidth) != 0;
    }

    /// <summary>Whether 64-bit addresses pass unchanged unless they are not canonical: neither LAM nor LASS.</summary>
    internal readonly bool Plain => _longMode && !_masking && !_separation;

    /// <summary>Prepares an address for paging.</summary>
    /// <param name="linear">The address; on success what paging translates.</param>
    /// <param name="access">What the access does; fetches are never masked.</param>
    /// <param name="privilege">For whom.</param>
    /// <param name="stack">Whether the access goes through SS, so that the fault is #SS.</param>
    /// <param name="fault">#GP(0) or #SS(0). CR2 stays as it was.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool TryPrepare(ref ulong linear, Access access, Privilege privilege, bool stack, out MmuFault fault)
    {
        fault = default;
        if (!_longMode)
        {
            linear = (uint)linear;
            return true;
        }

        if (!_masking && !_separation)
        {
            if (new LinearAddress(linear).IsCanonical(_width)) return true;
            fault = Refuse(linear, stack, FaultReason.NonCanonical);
            return false;
        }

        return TryPrepareWithExtensions(ref linear, access, privilege, stack, out fault);
    }

    private readonly bool TryPrepareWithExtensions(ref ulong linear, Access access, Privilege privilege, bool stack, out MmuFault fault)
    {
        fault = default;
        bool upper = linear >> 63 != 0;
        if (_separation)
        {
            bool user = privilege == Privilege.User;
            bool violation = user
                ? upper
                : !upper && (access == Access.Execute || (_separationOfSupervisorData && !(privilege == Privilege.Supervisor && _ac)));
            if (violation)
            {
                fault = Refuse(linear, stack, FaultReason.LinearAddressSpaceSeparation);
                return false;
            }
        }

        ulong masked = linear;
        int width = upper ? _supervisorMaskWidth : _userMaskWidth;
        if (access != Access.Execute && width != 0)
        {
            masked = new LinearAddress(linear).WithoutMetadata(width).Value;
        }

        if (!new LinearAddress(masked).IsCanonical(_width))
        {
            fault = Refuse(linear, stack, FaultReason.NonCanonical);
            return false;
        }

        linear = masked;
        return true;
    }

    private static MmuFault Refuse(ulong linear, bool stack, FaultReason reason) =>
        new(stack ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0, linear, reason);
}
