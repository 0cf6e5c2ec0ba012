using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Batch;

/// <summary>
/// When a leaf entry, read behind a remembered table, answers an access without further question: <c>(entry &amp; Mask) == Expected</c>.
/// Whatever does not match goes to the walker, which has the last word.
/// </summary>
internal readonly struct LeafRule
{
    /// <summary>The bits that are looked at.</summary>
    internal readonly ulong Mask;

    /// <summary>What they must be.</summary>
    internal readonly ulong Expected;

    /// <summary>Rights that the path above the leaf must have: <see cref="PathRights.Write"/>, <see cref="PathRights.User"/>.</summary>
    internal readonly int NeededAbove;

    /// <summary>Rights that the path above must not have: <see cref="PathRights.ExecuteDisable"/> for fetches.</summary>
    internal readonly int RefusedAbove;

    /// <summary>Whether there is such a rule: not for shadow stacks, nor where key 0 itself is refused.</summary>
    internal readonly bool Exists;

    /// <summary>The rule for an access in a state.</summary>
    /// <remarks>Source: Intel SDM vol. 3A, 4.6 and 4.8; a stricter rule than the manual's is correct, a laxer one is not.</remarks>
    internal LeafRule(in WalkContext context, Access access, Privilege privilege)
    {
        ref readonly PagingState state = ref context.State;
        bool user = privilege == Privilege.User;
        ulong required = EntryBits.Present | EntryBits.Accessed;
        ulong clear = context.Reserved[2];
        if (access == Access.Write)
        {
            required |= EntryBits.Dirty;
            if (user || state.Cr0.Wp)
            {
                required |= EntryBits.Write;
                NeededAbove |= PathRights.Write;
            }
        }

        if (access == Access.Execute)
        {
            clear |= EntryBits.ExecuteDisable;
            RefusedAbove = PathRights.ExecuteDisable;
        }

        if (user)
        {
            required |= EntryBits.User;
            NeededAbove |= PathRights.User;
        }
        else if (access == Access.Execute ? state.Cr4.Smep : state.Cr4.Smap && !(privilege == Privilege.Supervisor && state.RFlags.Ac))
        {
            clear |= EntryBits.User;
        }

        bool keys = (context.UserKeys || context.SupervisorKeys) && access != Access.Execute;
        // Key 0 is nearly every page's; the others are the walker's.
        if (keys) clear |= 15UL << EntryBits.ProtectionKeyShift;
        bool keyZeroRefused = keys
            && (context.KeyRefuses(0, PathRights.User, access, privilege) || context.KeyRefuses(0, 0, access, privilege));
        Exists = access <= Access.Execute && !keyZeroRefused;
        Mask = required | clear;
        Expected = required;
    }

    /// <summary>Whether the path above a leaf leaves the decision to the leaf.</summary>
    /// <param name="rights">Accumulated rights.</param>
    internal bool AllowsAbove(int rights) => (rights & NeededAbove) == NeededAbove && (rights & RefusedAbove) == 0;
}
