using System.Runtime.CompilerServices;
using FastMmu.Paging.Modes;
using FastMmu.Processor;

namespace FastMmu.Paging.Walk;

/// <summary>Reserved-bit masks of levels 1 to 5: element 2·level for tables and 4-KiB leaves, 2·level + 1 for large leaves.</summary>
[InlineArray(12)]
public struct ReservedMasks
{
    private ulong _mask0;
}

/// <summary>
/// Everything a walk needs, derived from the registers once per register write: root, reserved bits, the permission table, the
/// bits of error codes that do not depend on the page.
/// </summary>
public struct WalkContext
{
    /// <summary>The registers this was derived from.</summary>
    public PagingState State;

    /// <summary>Reserved bits by level and kind.</summary>
    public ReservedMasks Reserved;

    /// <summary>Which accesses which paths refuse.</summary>
    public PermissionTable Permissions;

    /// <summary>Physical address of the top table (levels 2, 4 or 5); unused in PAE.</summary>
    public ulong Root;

    /// <summary>Bit n set: PS=1 at level n makes a leaf.</summary>
    public int LargeLeafLevels;

    /// <summary>I/D in the error code of fetches: only with SMEP, or with PAE and NXE.</summary>
    public PageFaultError FetchBit;

    /// <summary>CR4.PGE.</summary>
    public bool GlobalPages;

    /// <summary>CR4.CET: shadow-stack pages are told apart.</summary>
    public bool ShadowStacks;

    /// <summary>PKRU counts for user pages, IA32_PKRS for supervisor pages.</summary>
    public bool UserKeys, SupervisorKeys;

    /// <summary>CR0.WP.</summary>
    public bool WriteProtect;

    // The rows of explicit supervisor data accesses while RFLAGS.AC is clear, and while it is set: a toggle of AC chooses, and derives nothing.
    private (ushort Read, ushort Write) _restricted, _exempt;

    /// <summary>Derives the context.</summary>
    /// <param name="state">Registers and features.</param>
    /// <returns>The context for the mode that the registers select.</returns>
    public static WalkContext Create(in PagingState state) => state.Mode switch
    {
        PagingMode.TwoLevel => Create<Paging2Level>(in state),
        PagingMode.Pae => Create<PagingPae>(in state),
        PagingMode.FourLevel => Create<Paging4Level>(in state),
        PagingMode.FiveLevel => Create<Paging5Level>(in state),
        _ => new WalkContext { State = state },
    };

    /// <summary>
    /// Takes over a state that differs only in CR3's table, RFLAGS.AC, the protection keys or CPL: what is derived from the rest stays.
    /// </summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="exemptionChanged">Whether RFLAGS.AC differs, so that the rows it exempts from SMAP must be built anew.</param>
    internal void Replace(in PagingState state, bool exemptionChanged)
    {
        State = state;
        Root = RootOf(in state);
        if (exemptionChanged) SetExemption(state.RFlags);
    }

    /// <summary>Takes over RFLAGS that differ in AC only: it exempts explicit supervisor accesses from SMAP.</summary>
    /// <param name="flags">The new RFLAGS.</param>
    internal void SetExemption(RFlags flags)
    {
        State.RFlags = flags;
        (ushort read, ushort write) = flags.Ac ? _exempt : _restricted;
        Permissions[PermissionTable.RowOf(Access.Read, Privilege.Supervisor)] = read;
        Permissions[PermissionTable.RowOf(Access.Write, Privilege.Supervisor)] = write;
    }

    private static ulong RootOf(in PagingState state) => state.Mode switch
    {
        PagingMode.TwoLevel => state.Cr3.PageDirectoryBase.Value,
        PagingMode.Pae => state.Cr3.PdptBase.Value,
        PagingMode.None => 0,
        _ => state.Cr3.LongModeRoot.Value,
    };

    private static WalkContext Create<TMode>(in PagingState state) where TMode : struct, IPagingMode
    {
        var context = new WalkContext
        {
            State = state,
            Root = RootOf(in state),
            Permissions = PermissionTable.Build(in state),
            LargeLeafLevels = TMode.LargeLeafLevels(in state),
            FetchBit = state.Cr4.Smep || (state.Cr4.Pae && state.Efer.Nxe) ? PageFaultError.InstructionFetch : 0,
            GlobalPages = state.Cr4.Pge,
            ShadowStacks = state.Cr4.Cet,
            UserKeys = TMode.IsLongMode && state.Cr4.Pke,
            SupervisorKeys = TMode.IsLongMode && state.Cr4.Pks,
            WriteProtect = state.Cr0.Wp,
            _restricted = PermissionTable.BuildSupervisorRows(in state, exempt: false),
            _exempt = PermissionTable.BuildSupervisorRows(in state, exempt: true),
        };
        for (int level = 1; level <= TMode.Levels; level++)
        {
            context.Reserved[2 * level] = TMode.ReservedBits(in state, level, largeLeaf: false);
            context.Reserved[(2 * level) + 1] = TMode.ReservedBits(in state, level, largeLeaf: true);
        }

        return context;
    }

    /// <summary>Whether a present entry maps a large page: PS counts only at some levels, elsewhere it is ignored, reserved or PAT.</summary>
    /// <param name="level">Paging level of the entry, 1 to 5.</param>
    /// <param name="raw">The entry.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsLargeLeaf(int level, ulong raw) => (raw & EntryBits.PageSize) != 0 && ((LargeLeafLevels >> level) & 1) != 0 && level > 1;

    /// <summary>The reserved bits that are set in a present entry; zero if the entry is legal.</summary>
    /// <param name="level">Paging level of the entry, 1 to 5.</param>
    /// <param name="raw">The entry.</param>
    /// <param name="largeLeaf">What <see cref="IsLargeLeaf"/> says of it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong ReservedBitsSet(int level, ulong raw, bool largeLeaf) => raw & Reserved[(2 * level) + (largeLeaf ? 1 : 0)];

    /// <summary>Whether a leaf maps a shadow-stack page: R/W=1 in every entry above, R/W=0 and D=1 in the leaf, CR4.CET=1.</summary>
    /// <param name="above">Rights accumulated above the leaf.</param>
    /// <param name="leaf">The leaf.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsShadowStack(int above, ulong leaf) =>
        ShadowStacks && (above & PathRights.Write) != 0 && (leaf & (EntryBits.Write | EntryBits.Dirty)) == EntryBits.Dirty;

    /// <summary>Whether a protection key refuses a data access.</summary>
    /// <param name="key">The leaf's key, 0 to 15.</param>
    /// <param name="path">Accumulated rights: the key register is chosen by the page's U/S along the path, not by CPL.</param>
    /// <param name="access">What the access does; fetches are never refused.</param>
    /// <param name="privilege">For whom; with CR0.WP=0 a supervisor ignores write-disable.</param>
    /// <remarks>Source: Intel SDM vol. 3A, "Protection Keys" (4.6.2).</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool KeyRefuses(int key, int path, Access access, Privilege privilege)
    {
        bool userPage = (path & PathRights.User) != 0;
        if (!(userPage ? UserKeys : SupervisorKeys) || access == Access.Execute) return false;
        ProtectionKeyRights rights = userPage ? State.Pkru : State.Pkrs;
        if (rights.AccessDisabled(key)) return true;
        bool write = access is Access.Write or Access.ShadowStackWrite;
        return write && rights.WriteDisabled(key) && (privilege == Privilege.User || WriteProtect);
    }

    /// <summary>The error-code bits that the access alone decides: W/R, U/S, I/D, SS.</summary>
    /// <param name="access">What it does.</param>
    /// <param name="privilege">For whom.</param>
    public readonly PageFaultError AccessBits(Access access, Privilege privilege)
    {
        PageFaultError error = access switch
        {
            Access.Write => PageFaultError.Write,
            Access.Execute => FetchBit,
            Access.ShadowStackRead => PageFaultError.ShadowStack,
            Access.ShadowStackWrite => PageFaultError.ShadowStack | PageFaultError.Write,
            _ => 0,
        };
        return privilege == Privilege.User ? error | PageFaultError.User : error;
    }

    /// <summary>
    /// The fault of a path that is present and legal but refuses the access, by rights or by key: every cause that applies is in the error code.
    /// </summary>
    /// <param name="linear">What CR2 receives.</param>
    /// <param name="path">Accumulated rights.</param>
    /// <param name="key">The leaf's protection key.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">For whom.</param>
    public readonly MmuFault RightsFault(ulong linear, int path, int key, Access access, Privilege privilege)
    {
        PageFaultError error = AccessBits(access, privilege) | PageFaultError.Present;
        FaultReason reason = PermissionTable.Reason(in State, access, privilege, path);
        if (KeyRefuses(key, path, access, privilege))
        {
            error |= PageFaultError.ProtectionKey;
            if (reason == FaultReason.None) reason = FaultReason.ProtectionKey;
        }

        return MmuFault.PageFault(error, linear, reason);
    }
}
