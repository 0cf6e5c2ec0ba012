using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Pages;

/// <summary>What the entries of an area say before anything is known of a page (vm_page_prot).</summary>
/// <remarks>
/// A private writable area gives read-only entries: the first write must fault, to get its own copy. No rights at all are an entry that the
/// processor takes for absent. Every right includes reading, since x86 has no other kind. Source: arch/x86/mm/pgprot.c.
/// </remarks>
internal static class PageProtection
{
    private const ulong None = Pte.ProtNone | Pte.Accessed;
    private const ulong ReadExec = Pte.Present | Pte.User | Pte.Accessed;

    /// <summary>The protection that flags stand for.</summary>
    /// <param name="flags">The area's flags.</param>
    /// <param name="notify">Whether the file wants to hear of the first write to each page, so that a shared writable area starts read-only.</param>
    internal static ulong Of(VmFlags flags, bool notify)
    {
        ulong key = ((ulong)(flags & VmFlags.ProtectionKeyMask) >> 32) << Pte.KeyShift;
        if ((flags & VmFlags.AccessMask) == 0)
        {
            return None | key;
        }

        ulong entry = ReadExec | key;
        if ((flags & VmFlags.Exec) == 0)
        {
            entry |= Pte.NoExecute;
        }

        const VmFlags shared = VmFlags.Write | VmFlags.Shared;
        return (flags & shared) == shared && !notify ? entry | Pte.Write : entry;
    }
}
