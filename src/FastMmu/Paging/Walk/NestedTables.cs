using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Paging.Walk;

/// <summary>The second stage of nested paging: from guest-physical to system-physical addresses, by the host's registers and tables.</summary>
internal sealed class NestedStage
{
    private readonly PhysicalMemory _memory;
    private readonly WalkContext _context;
    private readonly ModeWalker _walker;
    private readonly int _width;

    internal NestedStage(PhysicalMemory memory, PagingState host)
    {
        // Keys and shadow stacks are the guest's; a nested entry has neither.
        host.Cr4 = host.Cr4.Value & ~(Cr4.PkeBit | Cr4.PksBit | Cr4.CetBit);
        _memory = memory;
        _context = WalkContext.Create(in host);
        // The depth comes from the host's registers, whatever the guest has in its own.
        _walker = ModeWalker.For(host.Mode) ?? throw new ArgumentException("Nested paging needs a host with paging on.", nameof(host));
        _width = host.LinearWidth;
    }

    internal PhysicalMemory Memory => _memory;

    /// <summary>Translates a guest-physical address, always as a user access.</summary>
    /// <typeparam name="TEffects">Whether A and D are set in the nested tables.</typeparam>
    /// <param name="guestPhysical">The address; not canonical in any sense, zeros above the host's width.</param>
    /// <param name="access">What the access does to the guest-physical page.</param>
    /// <param name="kind"><see cref="NestedFaultError.FinalAddress"/> or <see cref="NestedFaultError.PageTable"/>.</param>
    /// <param name="result">The nested leaf.</param>
    /// <param name="fault">The fault, if false is returned.</param>
    internal bool TryTranslate<TEffects>(ulong guestPhysical, Access access, NestedFaultError kind, out WalkResult result, out NestedFault fault)
        where TEffects : struct, IWalkEffects
    {
        fault = default;
        if (guestPhysical >> _width != 0)
        {
            result = default;
            result.Fault = MmuFault.PageFault(_context.AccessBits(access, Privilege.User), guestPhysical, FaultReason.NotPresent, (int)_context.State.Mode);
        }
        else
        {
            WalkPath path = default;
            if (TEffects.UpdatesAccessedDirty) _walker.Access(_memory, in _context, guestPhysical, access, Privilege.User, ref path, out result);
            else _walker.Probe(_memory, in _context, guestPhysical, access, Privilege.User, ref path, out result);
        }

        if (!result.Fault.IsFault) return true;
        fault = new(PhysicalAddress.Truncate(guestPhysical), (NestedFaultError)result.Fault.ErrorCode | kind, result.Fault.Reason, result.Fault.Level);
        return false;
    }
}

/// <summary>
/// The guest's page tables, reached through the second stage. Every read of an entry is a nested write, since the processor may have to
/// set A or D in it.
/// </summary>
/// <typeparam name="TEffects">Whether A and D are set in the nested tables.</typeparam>
/// <param name="stage">The second stage.</param>
/// <remarks>Source: AMD APM vol. 2, "Nested Table Walk" (15.25.5).</remarks>
internal struct NestedTables<TEffects>(NestedStage stage) : ITableMemory where TEffects : struct, IWalkEffects
{
    /// <summary>Why a table could not be reached.</summary>
    internal NestedFault Fault;

    public bool TryRead64(ulong address, out ulong value)
    {
        bool reached = TryReach(address, out ulong system);
        value = reached ? stage.Memory.ReadEntry64(system) : 0;
        return reached;
    }

    public bool TryRead32(ulong address, out uint value)
    {
        bool reached = TryReach(address, out ulong system);
        value = reached ? stage.Memory.ReadEntry32(system) : 0;
        return reached;
    }

    // Where the table cannot be reached any more, the walk starts over and meets the fault when it reads.
    public bool CompareExchange64(ulong address, ulong expected, ulong value) =>
        TryReach(address, out ulong system) && stage.Memory.CompareExchangeEntry64(system, expected, value);

    public bool CompareExchange32(ulong address, uint expected, uint value) =>
        TryReach(address, out ulong system) && stage.Memory.CompareExchangeEntry32(system, expected, value);

    private bool TryReach(ulong address, out ulong system)
    {
        bool reached = stage.TryTranslate<TEffects>(address, Access.Write, NestedFaultError.PageTable, out WalkResult result, out Fault);
        system = reached ? result.Frame | (address & (result.PageSize.Bytes() - 1)) : 0;
        return reached;
    }
}
