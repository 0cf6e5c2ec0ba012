using System.Runtime.CompilerServices;
using FastMmu.Memory;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;

namespace FastMmu.Paging.Mapping;

/// <summary>Reads entries as the walker does: memory, or PAE's registers; all ones where a table has no memory behind it.</summary>
internal static class EntrySource<TMode> where TMode : struct, IPagingMode
{
    /// <summary>Reads an entry.</summary>
    /// <param name="memory">Where tables are.</param>
    /// <param name="context">The context of the mode.</param>
    /// <param name="table">Physical address of the table.</param>
    /// <param name="level">Its level.</param>
    /// <param name="index">Which entry.</param>
    /// <param name="address">Receives the entry's physical address; 0 for a PDPTE register.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Read(PhysicalMemory memory, in WalkContext context, ulong table, int level, int index, out ulong address)
    {
        address = table + ((ulong)index * (ulong)TMode.EntryBytes);
        if (TMode.EntryBytes == 4) return memory.ReadEntry32(address);
        if (!TableGeometry<TMode>.HasNoRights(level) || context.State.Features.PdptesReadOnDemand) return memory.ReadEntry64(address);
        address = 0;
        return context.State.Pdptes[index];
    }
}
