using FastMmu.Addresses;
using FastMmu.Paging.Entries;

namespace FastMmu.Paging.Mapping;

/// <summary>A present entry, met on one path through the tables of an address space.</summary>
/// <param name="Linear">The first linear address that is translated through it, canonical.</param>
/// <param name="EntryAddress">Its physical address; 0 for a PDPTE register.</param>
/// <param name="Reading">What it says.</param>
/// <param name="Path">Rights accumulated along the path, this entry included (<see cref="Walk.PathRights"/>).</param>
public readonly record struct TreeEntry(LinearAddress Linear, PhysicalAddress EntryAddress, EntryReading Reading, int Path);
