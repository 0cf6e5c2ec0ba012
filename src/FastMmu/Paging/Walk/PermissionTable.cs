using System.Runtime.CompilerServices;
using FastMmu.Processor;

namespace FastMmu.Paging.Walk;

/// <summary>
/// Which accesses a path refuses, as one row of 16 bits per kind of access: bit n is set when a path with rights n
/// (<see cref="PathRights"/>) refuses it. Rebuilt when CR0, CR4, EFER or RFLAGS.AC change, so that a check is a load and a shift.
/// </summary>
/// <remarks>Source: Intel SDM vol. 3A, "Determination of Access Rights" (4.6.1). Protection keys come on top (4.6.2).</remarks>
[InlineArray(RowCount)]
public struct PermissionTable
{
    /// <summary>Kinds of access: five <see cref="Access"/> times three <see cref="Privilege"/>, padded.</summary>
    public const int RowCount = 16;

    private ushort _row0;

    /// <summary>The row for an access.</summary>
    /// <param name="access">What it does.</param>
    /// <param name="privilege">For whom.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RowOf(Access access, Privilege privilege) => ((int)access * 3) + (int)privilege;

    /// <summary>Whether the row refuses a path.</summary>
    /// <param name="row">From <see cref="RowOf"/>.</param>
    /// <param name="path">Accumulated rights.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Refuses(int row, int path) => ((this[row] >> path) & 1) != 0;

    /// <summary>Builds the table for a state.</summary>
    /// <param name="state">Registers and features.</param>
    public static PermissionTable Build(in PagingState state)
    {
        PermissionTable table = default;
        for (int access = 0; access <= (int)Access.ShadowStackWrite; access++)
        {
            for (int privilege = 0; privilege <= (int)Privilege.ImplicitSupervisor; privilege++)
            {
                table[RowOf((Access)access, (Privilege)privilege)] = BuildRow(in state, (Access)access, (Privilege)privilege);
            }
        }

        return table;
    }

    /// <summary>Builds the rows that RFLAGS.AC decides, explicit supervisor reads and writes, as they are with AC set or clear.</summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="exempt">Whether AC is taken as set.</param>
    internal static (ushort Read, ushort Write) BuildSupervisorRows(in PagingState state, bool exempt)
    {
        PagingState assumed = state;
        assumed.RFlags = exempt ? state.RFlags.Value | RFlags.AcBit : state.RFlags.Value & ~RFlags.AcBit;
        return (BuildRow(in assumed, Access.Read, Privilege.Supervisor), BuildRow(in assumed, Access.Write, Privilege.Supervisor));
    }

    private static ushort BuildRow(in PagingState state, Access access, Privilege privilege)
    {
        int row = 0;
        for (int path = 0; path < 16; path++)
        {
            if (Reason(in state, access, privilege, path) != FaultReason.None) row |= 1 << path;
        }

        return (ushort)row;
    }

    /// <summary>Why a path refuses an access; <see cref="FaultReason.None"/> if it does not. Protection keys are not looked at.</summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">For whom.</param>
    /// <param name="path">Accumulated rights.</param>
    public static FaultReason Reason(in PagingState state, Access access, Privilege privilege, int path)
    {
        bool userPage = (path & PathRights.User) != 0;
        bool user = privilege == Privilege.User;
        if (access is Access.ShadowStackRead or Access.ShadowStackWrite)
        {
            // User shadow-stack accesses go to user pages only, supervisor ones to supervisor pages only; SMAP does not enter.
            if (user && !userPage) return FaultReason.SupervisorPage;
            return user == userPage && (path & PathRights.ShadowStack) != 0 ? FaultReason.None : FaultReason.ShadowStack;
        }

        if (user && !userPage) return FaultReason.SupervisorPage;
        if (access == Access.Execute)
        {
            if (!user && userPage && state.Cr4.Smep) return FaultReason.Smep;
            return (path & PathRights.ExecuteDisable) != 0 ? FaultReason.ExecuteDisabled : FaultReason.None;
        }

        if (!user && userPage && state.Cr4.Smap)
        {
            // AC exempts explicit accesses only; those are supervisor-mode only below CPL 3, so CPL need not be asked.
            bool exempt = privilege == Privilege.Supervisor && state.RFlags.Ac;
            if (!exempt) return FaultReason.Smap;
        }

        bool writeProtected = (path & PathRights.Write) == 0 && (user || state.Cr0.Wp);
        return access == Access.Write && writeProtected ? FaultReason.WriteProtected : FaultReason.None;
    }
}
