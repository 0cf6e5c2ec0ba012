using FastMmu.Memory;
using FastMmu.Paging.Modes;
using FastMmu.Processor;

namespace FastMmu.Paging.Walk;

/// <summary>
/// The walker of the mode in force, chosen by one switch when a register changes the mode; behind it, straight-line code for that mode.
/// </summary>
internal abstract class ModeWalker
{
    private static readonly ModeWalker TwoLevel = new Of<Paging2Level>();
    private static readonly ModeWalker Pae = new Of<PagingPae>();
    private static readonly ModeWalker FourLevel = new Of<Paging4Level>();
    private static readonly ModeWalker FiveLevel = new Of<Paging5Level>();

    /// <summary>The walker of a mode; null when paging is off.</summary>
    internal static ModeWalker? For(PagingMode mode) => mode switch
    {
        PagingMode.TwoLevel => TwoLevel,
        PagingMode.Pae => Pae,
        PagingMode.FourLevel => FourLevel,
        PagingMode.FiveLevel => FiveLevel,
        _ => null,
    };

    /// <summary>A full walk with accessed and dirty bits.</summary>
    internal abstract void Access(
        PhysicalMemory memory, in WalkContext context, ulong linear, Access access, Privilege privilege, ref WalkPath path, out WalkResult result);

    /// <summary>A full walk without a trace.</summary>
    internal abstract void Probe(
        PhysicalMemory memory, in WalkContext context, ulong linear, Access access, Privilege privilege, ref WalkPath path, out WalkResult result);

    /// <summary>A walk with accessed and dirty bits from a remembered table; false if it must begin again from the root.</summary>
    internal abstract bool AccessFrom(
        PhysicalMemory memory, in WalkContext context, in WalkStart start, ulong linear, Access access, Privilege privilege,
        ref WalkPath path, out WalkResult result);

    private sealed class Of<TMode> : ModeWalker where TMode : struct, IPagingMode
    {
        internal override void Access(
            PhysicalMemory memory, in WalkContext context, ulong linear, Access access, Privilege privilege, ref WalkPath path, out WalkResult result)
        {
            var tables = new PhysicalTables(memory);
            PageWalker<TMode>.WalkFromRoot<PhysicalTables, RealAccess>(ref tables, in context, linear, access, privilege, ref path, out result);
        }

        internal override void Probe(
            PhysicalMemory memory, in WalkContext context, ulong linear, Access access, Privilege privilege, ref WalkPath path, out WalkResult result)
        {
            var tables = new PhysicalTables(memory);
            PageWalker<TMode>.WalkFromRoot<PhysicalTables, ProbeOnly>(ref tables, in context, linear, access, privilege, ref path, out result);
        }

        internal override bool AccessFrom(
            PhysicalMemory memory, in WalkContext context, in WalkStart start, ulong linear, Access access, Privilege privilege,
            ref WalkPath path, out WalkResult result)
        {
            var tables = new PhysicalTables(memory);
            path.Clear();
            return PageWalker<TMode>.TryWalk<PhysicalTables, RealAccess>(
                ref tables, in context, in start, linear, access, privilege, ref path, out result);
        }
    }
}
