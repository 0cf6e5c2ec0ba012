using System.Runtime.CompilerServices;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>What goes on inside.</content>
public sealed unsafe partial class Mmu
{
    private IWalkObserver? _walkObserver;

    /// <summary>
    /// Is told of every page walk, with every table entry that it read; null for nobody, at no cost. While there is one the fast table is off, so that the TLB and the
    /// paging-structure caches of <see cref="Options"/> decide which walks there are. No answer depends on it.
    /// </summary>
    /// <remarks>
    /// Of accesses of all kinds, batches and descriptor reads too. Not of <see cref="Probe(Addresses.LinearAddress, Access, Privilege, bool)"/>, nor of nested paging. A walk that
    /// another processor made begin again, because it changed an entry meanwhile, is told once.
    /// </remarks>
    /// <example><code>
    /// mmu.WalkObserver = new Log();
    /// mmu.Translate(0x1234UL);
    /// mmu.Translate(0x1238UL);                                // the TLB knows
    /// mmu.Translate(0x3000UL);                                // the paging-structure caches know the page table; but only a walk from the root may fault
    /// mmu.WalkObserver = null;
    /// Console.WriteLine(string.Join('\n', Log.Lines));        // 0x1234 Read: 4 0x1000=2007, 3 0x2000=3007, 2 0x3000=4007, 1 0x4008=200007
    ///                                                         // 0x3000 Read: 1 0x4018=0
    ///                                                         // 0x3000 Read: 4 0x1000=2027, 3 0x2000=3027, 2 0x3000=4027, 1 0x4018=0; #PF(0) at 0x3000: not present at level 1
    /// class Log : IWalkObserver
    /// {
    ///     public static readonly List&lt;string&gt; Lines = new();
    ///     public void OnWalk(Mmu mmu, in PageWalk walk) => Lines.Add(walk.ToString());
    /// }
    /// </code></example>
    public IWalkObserver? WalkObserver
    {
        get => _walkObserver;
        set
        {
            _walkObserver = value;
            DecideWhatIsFast();
            _fast.ForgetAll();
        }
    }

    /// <summary>What the fast table holds of all contexts that are remembered: pages whose accesses need no question.</summary>
    /// <returns>Its entries, by context, kind of access and address. Empty while it is off. Some hundred microseconds.</returns>
    /// <remarks>
    /// With <see cref="TranslationCache.Contents"/> of <see cref="Tlb"/> and <see cref="PagingStructureCache.Contents"/> of <see cref="PagingStructures"/>, that is what is cached.
    /// </remarks>
    /// <example><code>
    /// mmu.Translate(0x1234UL, Access.Read, Privilege.User);
    /// mmu.Translate(0x2234UL, Access.Write, Privilege.Supervisor);            // refused
    /// mmu.Translate(0x2234UL, Access.Read, Privilege.Supervisor);
    /// foreach (FastEntry entry in mmu.FastEntries()) Console.WriteLine(entry);    // 0x2000 -&gt; 0x201000 Read Supervisor, pcid 0
    ///                                                                         // 0x1000 -&gt; 0x200000 Read User, pcid 0
    /// </code></example>
    public IReadOnlyList<FastEntry> FastEntries() => _fast.Contents();

    private void DecideWhatIsFast()
    {
        bool longMode = _context.State.Efer.Lma;
        _fastUsable = !_counting && _caching && _walkObserver is null && (_rules.Plain || !longMode);
        _leavesUsable = _fastUsable && longMode;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReportWalk(ulong linear, Access access, Privilege privilege, in WalkPath path, MmuFault fault)
    {
        var walk = new PageWalk(linear, access, privilege, path, fault);
        _walkObserver!.OnWalk(this, in walk);
    }
}
