using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Paging.Modes;
using FastMmu.Processor;

namespace FastMmu.Paging.Walk;

/// <summary>
/// The one page walker: every translation, probe, explanation, nested walk and batch fall-back is an instantiation of it.
/// </summary>
/// <typeparam name="TMode">The paging mode.</typeparam>
/// <remarks>
/// Order of checks, as the processor makes them: level by level from the top, P and then the reserved bits; the leaf's rights and
/// key last. So a not-present entry above wins over a reserved bit below, and a reserved bit wins over a refused right.
/// Source: Intel SDM vol. 3A, 4.3 to 4.7; accessed and dirty flags 4.8.
/// </remarks>
public static class PageWalker<TMode> where TMode : struct, IPagingMode
{
    /// <summary>Where a full walk for an address begins.</summary>
    /// <typeparam name="TTables">Where the tables are.</typeparam>
    /// <param name="tables">Where the tables are; read only where PAE's PDPTEs are fetched on demand.</param>
    /// <param name="context">The context of this mode.</param>
    /// <param name="linear">The linear address, already canonical or truncated to 32 bits.</param>
    /// <param name="path">Receives the PDPTE in PAE; cleared first.</param>
    /// <param name="start">The first table.</param>
    /// <returns>None if there is a table to begin with, else what is wrong with the PDPTE.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FaultReason Start<TTables>(ref TTables tables, in WalkContext context, ulong linear, ref WalkPath path, out WalkStart start)
        where TTables : struct, ITableMemory
    {
        path.Clear();
        if (TMode.TopTableLevel < TMode.Levels) return StartFromPdpte(ref tables, in context, linear, ref path, out start);
        start = new(context.Root, TMode.Levels, PathRights.Unrestricted);
        return FaultReason.None;
    }

    private static FaultReason StartFromPdpte<TTables>(ref TTables tables, in WalkContext context, ulong linear, ref WalkPath path, out WalkStart start)
        where TTables : struct, ITableMemory
    {
        int index = (int)(linear >> 30) & 3;
        ulong pdpte = context.State.Pdptes[index];
        ulong address = 0;
        start = default;
        bool onDemand = context.State.Features.PdptesReadOnDemand;
        if (onDemand)
        {
            address = context.Root + (8 * (ulong)index);
            if (!tables.TryRead64(address, out pdpte)) return FaultReason.TableUnreachable;
        }

        path.Add(TMode.Levels, address, pdpte);
        if ((pdpte & EntryBits.Present) == 0) return FaultReason.NotPresent;
        // Registers were checked when they were loaded.
        if (onDemand && (pdpte & context.Reserved[2 * TMode.Levels]) != 0) return FaultReason.ReservedBit;
        start = new(pdpte & TMode.FrameMask, TMode.TopTableLevel, PathRights.Unrestricted);
        return FaultReason.None;
    }

    /// <summary>Walks from the root.</summary>
    /// <typeparam name="TTables">Where the tables are.</typeparam>
    /// <typeparam name="TEffects">Whether accessed and dirty bits are set.</typeparam>
    /// <param name="tables">Where the tables are.</param>
    /// <param name="context">The context of this mode.</param>
    /// <param name="linear">The linear address, already canonical or truncated to 32 bits.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">For whom.</param>
    /// <param name="path">Receives the entries read.</param>
    /// <param name="result">The leaf, or the fault. A walk that faults changes no entry.</param>
    public static void WalkFromRoot<TTables, TEffects>(
        ref TTables tables, in WalkContext context, ulong linear, Access access, Privilege privilege, ref WalkPath path, out WalkResult result)
        where TTables : struct, ITableMemory
        where TEffects : struct, IWalkEffects
    {
        while (true)
        {
            FaultReason reason = Start(ref tables, in context, linear, ref path, out WalkStart start);
            if (reason != FaultReason.None)
            {
                result = default;
                result.TableUnreachable = reason == FaultReason.TableUnreachable;
                PageFaultError error = context.AccessBits(access, privilege);
                if (reason == FaultReason.ReservedBit) error |= PageFaultError.Present | PageFaultError.Reserved;
                if (!result.TableUnreachable) result.Fault = MmuFault.PageFault(error, linear, reason, TMode.Levels);
                return;
            }

            if (TryWalk<TTables, TEffects>(ref tables, in context, in start, linear, access, privilege, ref path, out result)) return;
        }
    }

    /// <summary>Walks from a given table.</summary>
    /// <typeparam name="TTables">Where the tables are.</typeparam>
    /// <typeparam name="TEffects">Whether accessed and dirty bits are set.</typeparam>
    /// <param name="tables">Where the tables are.</param>
    /// <param name="context">The context of this mode.</param>
    /// <param name="start">The first table.</param>
    /// <param name="linear">The linear address, already canonical or truncated to 32 bits.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">For whom.</param>
    /// <param name="path">Receives the entries read, behind those it holds.</param>
    /// <param name="result">The leaf, or the fault. A walk that faults changes no entry.</param>
    /// <returns>
    /// False if another processor changed an entry between its being read and its being marked: nothing is known then, begin again from the root.
    /// </returns>
    public static bool TryWalk<TTables, TEffects>(
        ref TTables tables, in WalkContext context, in WalkStart start, ulong linear, Access access, Privilege privilege,
        ref WalkPath path, out WalkResult result)
        where TTables : struct, ITableMemory
        where TEffects : struct, IWalkEffects
    {
        result = default;
        int firstStep = path.Count;
        ulong table = start.Table;
        int rights = start.Path;
        int above = rights;
        int level = start.Level;
        ulong raw;
        bool largeLeaf;
        while (true)
        {
            int shift = 12 + ((level - 1) * TMode.IndexBits);
            ulong entryAddress = table + (((linear >> shift) & ((1UL << TMode.IndexBits) - 1)) * (ulong)TMode.EntryBytes);
            if (!TryReadEntry(ref tables, entryAddress, out raw))
            {
                result.TableUnreachable = true;
                return true;
            }

            path.Add(level, entryAddress, raw);
            if ((raw & EntryBits.Present) == 0)
            {
                result.Fault = MmuFault.PageFault(context.AccessBits(access, privilege), linear, FaultReason.NotPresent, level);
                return true;
            }

            largeLeaf = context.IsLargeLeaf(level, raw);
            if (context.ReservedBitsSet(level, raw, largeLeaf) != 0)
            {
                result.Fault = MmuFault.PageFault(
                    context.AccessBits(access, privilege) | PageFaultError.Present | PageFaultError.Reserved, linear, FaultReason.ReservedBit, level);
                return true;
            }

            above = rights;
            rights = PathRights.Through(rights, raw);
            if (largeLeaf || level == 1) break;
            table = raw & TMode.FrameMask;
            level--;
        }

        if (context.IsShadowStack(above, raw)) rights |= PathRights.ShadowStack;

        int key = TMode.IsLongMode ? (int)(raw >> EntryBits.ProtectionKeyShift) & 15 : 0;
        if (context.Permissions.Refuses(PermissionTable.RowOf(access, privilege), rights)
            || context.KeyRefuses(key, rights, access, privilege))
        {
            result.Fault = context.RightsFault(linear, rights, key, access, privilege);
            return true;
        }

        ulong dirty = access is Access.Write or Access.ShadowStackWrite ? EntryBits.Dirty : 0;
        if (TEffects.UpdatesAccessedDirty && !TryMark(ref tables, ref path, firstStep, dirty)) return false;

        PageSize size = TMode.LeafSize(level);
        result.PageSize = size;
        result.Frame = FrameOf(raw, size);
        result.Path = (byte)rights;
        result.Key = (byte)key;
        result.PatIndex = (byte)PatIndexOf(raw, level > 1);
        result.Global = context.GlobalPages && (raw & EntryBits.Global) != 0;
        result.Dirty = ((TEffects.UpdatesAccessedDirty ? raw | dirty : raw) & EntryBits.Dirty) != 0;
        return true;
    }

    /// <summary>The physical address of a leaf's first byte.</summary>
    /// <param name="leaf">A leaf whose reserved bits are clear.</param>
    /// <param name="size">The size it maps.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong FrameOf(ulong leaf, PageSize size) => size == PageSize.Size4M
        ? Paging2Level.LargeFrame(leaf)
        : leaf & TMode.FrameMask & ~(size.Bytes() - 1);

    /// <summary>PAT·4 + PCD·2 + PWT of a leaf; the PAT bit is bit 7 of a 4-KiB leaf and bit 12 of a large one.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="large">Whether it maps a large page.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PatIndexOf(ulong leaf, bool large) =>
        ((int)(leaf >> 3) & 3) | ((int)(leaf >> (large ? 12 : 7)) & 1) << 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadEntry<TTables>(ref TTables tables, ulong address, out ulong raw) where TTables : struct, ITableMemory
    {
        if (TMode.EntryBytes == 8) return tables.TryRead64(address, out raw);
        bool read = tables.TryRead32(address, out uint narrow);
        raw = narrow;
        return read;
    }

    // Sets A in every entry used and D in the leaf, from the top down, each by compare-and-swap on the value that was checked:
    // an entry that changed meanwhile may no longer permit the access, so the walk starts over and nothing is ever written back from memory of old.
    private static bool TryMark<TTables>(ref TTables tables, ref WalkPath path, int firstStep, ulong dirty) where TTables : struct, ITableMemory
    {
        for (int i = firstStep; i < path.Count; i++)
        {
            WalkStep step = path[i];
            ulong marked = step.Raw | EntryBits.Accessed | (i == path.Count - 1 ? dirty : 0);
            if (marked == step.Raw || TrySwap(ref tables, step.EntryAddress, step.Raw, marked)) continue;

            // A table that contains itself is met again further down, marked by this very walk: no change by somebody else.
            bool metAbove = false;
            for (int above = firstStep; above < i; above++) metAbove |= path[above].EntryAddress == step.EntryAddress;
            if (!metAbove || !TrySwap(ref tables, step.EntryAddress, step.Raw | EntryBits.Accessed, marked)) return false;
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TrySwap<TTables>(ref TTables tables, ulong address, ulong expected, ulong value) where TTables : struct, ITableMemory =>
        TMode.EntryBytes == 8
            ? tables.CompareExchange64(address, expected, value)
            : tables.CompareExchange32(address, (uint)expected, (uint)value);
}
