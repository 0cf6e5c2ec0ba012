using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Paging.Walk;

/// <summary>What a walk found: a leaf, or a fault.</summary>
public struct WalkResult
{
    /// <summary>The fault, or <see cref="MmuFault.None"/>.</summary>
    public MmuFault Fault;

    /// <summary>Physical address of the page's first byte.</summary>
    public ulong Frame;

    /// <summary>The page's size.</summary>
    public PageSize PageSize;

    /// <summary>Accumulated rights (<see cref="PathRights"/>).</summary>
    public byte Path;

    /// <summary>Protection key of the leaf; 0 where the mode has none.</summary>
    public byte Key;

    /// <summary>PAT·4 + PCD·2 + PWT of the leaf.</summary>
    public byte PatIndex;

    /// <summary>Whether the translation is global (G with CR4.PGE).</summary>
    public bool Global;

    /// <summary>Whether the leaf's dirty bit is set now.</summary>
    public bool Dirty;

    /// <summary>
    /// Whether the walk stopped because a table could not be reached: nested paging only, where the second stage has the fault.
    /// </summary>
    public bool TableUnreachable;
}
