using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>
/// The memory-management unit of one virtual CPU: registers, segmentation, cached translations and the page walker over a
/// <see cref="PhysicalMemory"/> that other virtual CPUs may share.
/// </summary>
/// <remarks>
/// <para>Guest behaviour never throws: it is answered by a <see cref="MmuFault"/>. Exceptions are for the embedder's own mistakes.</para>
/// <para>Not thread-safe: one thread at a time drives one <see cref="Mmu"/>. Several of them may run over one memory; accessed and dirty
/// bits are set by compare-and-swap.</para>
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// memory.Write(0x1000, 0x2007UL);                         // PML4, PDPT and PD lead to
/// memory.Write(0x2000, 0x3007UL);
/// memory.Write(0x3000, 0x4007UL);
/// memory.Write(0x4008, 0x20_0007UL);                      // a PT with a page of the user's at 0x1000
/// memory.Write(0x4010, 0x20_1005UL);                      // and one that the user may only read at 0x2000
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// mmu.EnablePaging(0x1000UL);
/// Console.WriteLine(mmu.Mode);                            // FourLevel
/// </code></example>
public sealed unsafe partial class Mmu : IDisposable, IInvalidationTarget, IMemoryTarget, IMemoryListener
{
    private readonly PhysicalMemory _memory;
    private WalkContext _context;
    private LinearAddressRules _rules;
    private ModeWalker? _walker;
    private ulong _alignmentMask;

    /// <summary>Creates the MMU of a processor after reset: no paging, real mode, nothing cached.</summary>
    /// <param name="memory">Guest memory; not owned.</param>
    /// <param name="features">What the processor has.</param>
    /// <param name="options">Caches and statistics; null for <see cref="MmuOptions.Default"/>.</param>
    public Mmu(PhysicalMemory memory, ProcessorFeatures features, MmuOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(features);
        _memory = memory;
        Features = features;
        Options = options ?? MmuOptions.Default;
        if (!BatchKernels.IsAvailable(Options.Kernel)) throw new ArgumentException($"This processor cannot run the kernel {Options.Kernel}.", nameof(options));
        _tlb = Options.TlbFactory?.Invoke() ?? TranslationCache.Create(Options.Tlb, Options.Replacement, Options.Statistics, Options.Seed);
        _structures = new PagingStructureCache(Options.PagingStructures);
        _counting = Options.Statistics;
        _caching = Options.Tlb != TlbPreset.None || Options.TlbFactory is not null;
        _probeBudget = Options.ProbeBudget;
        _view = _fast.View;
        _base = memory.WindowBase;
        _listener = new MemoryListener(memory, this);
        Segments = new SegmentationUnit(new DescriptorMemory(this), features) { PrivilegeChanged = OnPrivilegeChanged };
        SetState(new PagingState(features));
    }

    /// <summary>Guest memory.</summary>
    public PhysicalMemory Memory => _memory;

    /// <summary>What the processor has.</summary>
    public ProcessorFeatures Features { get; }

    /// <summary>How this MMU was built.</summary>
    public MmuOptions Options { get; }

    /// <summary>A copy of the registers.</summary>
    public PagingState State => _context.State;

    /// <summary>The paging mode in force.</summary>
    public PagingMode Mode => _context.State.Mode;

    /// <summary>The address of the last page fault, as a real access (not a probe, not a batch) left it.</summary>
    public ulong Cr2 { get; set; }

    /// <summary>Translates a linear address for an access by the running program, at its CPL.</summary>
    /// <param name="linear">The address; outside long mode only its low 32 bits count.</param>
    /// <param name="access">What the access does.</param>
    /// <returns>The physical address, or the fault. Accessed and dirty bits are set as by the access.</returns>
    /// <example><code>
    /// mmu.SetCpl(3);
    /// Console.WriteLine(mmu.Translate(0x1234UL).Physical);    // 0x200234
    /// </code></example>
    public Translation Translate(LinearAddress linear, Access access = Access.Read) =>
        Translate(linear, access, _context.State.CurrentPrivilege);

    /// <summary>Translates a linear address.</summary>
    /// <param name="linear">The address; outside long mode only its low 32 bits count.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <param name="stack">Whether the access goes through SS: a non-canonical address is #SS instead of #GP.</param>
    /// <returns>The physical address, or the fault. Accessed and dirty bits are set as by the access; a page fault sets <see cref="Cr2"/>.</returns>
    /// <example><code>
    /// Console.WriteLine(mmu.Translate(0x1234UL, Access.Write, Privilege.User));   // 0x200234 (4 KiB page, user, writable, executable)
    /// Console.WriteLine(mmu.Translate(0x2234UL, Access.Write, Privilege.User));   // #PF(P|W|U) at 0x2234: write-protected page
    /// Console.WriteLine(mmu.Cr2.ToString("x"));                                   // 2234
    /// Console.WriteLine(mmu.Translate(1UL &lt;&lt; 60, Access.Read, Privilege.User));   // #GP(0): non-canonical address
    /// </code></example>
    public Translation Translate(LinearAddress linear, Access access, Privilege privilege, bool stack = false)
    {
        return TryTranslateFast(linear.Value, access, privilege, out Translation translation)
            ? translation
            : TranslateAndNote(linear.Value, access, privilege, stack);
    }

    /// <summary>Translates a linear address, and tells no more than where it is: the fastest way for one address.</summary>
    /// <param name="linear">The address; outside long mode only its low 32 bits count.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <param name="physical">The physical address; zero if the access faults.</param>
    /// <returns>
    /// Whether there is a physical address. If not, the fault was delivered: a page fault has set <see cref="Cr2"/>. <see cref="Probe(LinearAddress, Access, Privilege, bool)"/>
    /// says which it was.
    /// </returns>
    /// <example><code>
    /// Console.WriteLine(mmu.TryTranslate(0x1234UL, Access.Write, Privilege.User, out PhysicalAddress physical));      // True
    /// Console.WriteLine(physical);                                                // 0x200234
    /// Console.WriteLine(mmu.TryTranslate(0x2234UL, Access.Write, Privilege.User, out physical));      // False
    /// Console.WriteLine(mmu.Probe(0x2234UL, Access.Write, Privilege.User));       // #PF(P|W|U) at 0x2234: write-protected page
    /// </code></example>
    public bool TryTranslate(LinearAddress linear, Access access, Privilege privilege, out PhysicalAddress physical)
    {
        ulong address = linear.Value;
        if (_view->TryFind(address, 1, PermissionTable.RowOf(access, privilege), out ulong found))
        {
            physical = PhysicalAddress.Within(found);
            return true;
        }

        found = TranslateOrFaulted(address, access, privilege);
        physical = PhysicalAddress.Within(found == BatchResult.FaultedLane ? 0 : found);
        return found != BatchResult.FaultedLane;
    }

    /// <summary>Translates without a trace: no accessed or dirty bit, no cached entry, no CR2. Always walks the tables as they are now.</summary>
    /// <param name="linear">The address; outside long mode only its low 32 bits count.</param>
    /// <param name="access">What the access would do.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <param name="stack">Whether the access would go through SS.</param>
    /// <returns>The physical address, or the fault that the access would raise.</returns>
    /// <example><code>
    /// Console.WriteLine(mmu.Probe(0x2234UL, Access.Write, Privilege.User));       // #PF(P|W|U) at 0x2234: write-protected page
    /// Console.WriteLine(mmu.Cr2);                                                 // 0
    /// </code></example>
    public Translation Probe(LinearAddress linear, Access access = Access.Read, Privilege privilege = Privilege.Supervisor, bool stack = false) =>
        Probe(linear, access, privilege, out _, stack);

    /// <summary>As <see cref="Probe(LinearAddress, Access, Privilege, bool)"/>, and tells every table entry that was read.</summary>
    /// <param name="linear">The address; outside long mode only its low 32 bits count.</param>
    /// <param name="access">What the access would do.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <param name="path">Receives the entries read, from the top down, up to the one that decided.</param>
    /// <param name="stack">Whether the access would go through SS.</param>
    /// <returns>The physical address, or the fault that the access would raise.</returns>
    /// <example><code>
    /// mmu.Probe(0x2234UL, Access.Read, Privilege.User, out WalkPath path);
    /// for (int i = 0; i &lt; path.Count; i++) Console.WriteLine(path[i].Raw.ToString("x"));     // 2007
    ///                                                                                     // 3007
    ///                                                                                     // 4007
    ///                                                                                     // 201005
    /// </code></example>
    public Translation Probe(LinearAddress linear, Access access, Privilege privilege, out WalkPath path, bool stack = false)
    {
        path = default;
        ulong address = linear.Value;
        if (!_rules.TryPrepare(ref address, access, privilege, stack, out MmuFault fault)) return new(fault);
        if (_walker is null) return Unpaged(address);
        _walker.Probe(_memory, in _context, address, access, privilege, ref path, out WalkResult result);
        return ToTranslation(address, in result);
    }

    /// <summary>Frees the cached translations. The memory is not disposed.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        lock (_disposing) _fast.Dispose();
        _tlb.Dispose();
        _structures.Dispose();
    }

    private static Translation ToTranslation(ulong linear, in WalkResult result)
    {
        if (result.Fault.IsFault) return new(result.Fault);
        ulong offset = linear & (result.PageSize.Bytes() - 1);
        return new(result.Frame | offset, result.PageSize, PathRights.ToRights(result.Path, result.Global), result.PatIndex);
    }

    private void NoteFault(MmuFault fault)
    {
        if (fault.Vector == ExceptionVector.PageFault) Cr2 = fault.Address;
    }

    // Everything that follows from the registers is derived here, and only what a write can have changed.
    private void SetState(in PagingState state)
    {
        ref PagingState old = ref _context.State;
        bool rulesChanged = old.Features is null || old.Cr0 != state.Cr0 || old.Cr4 != state.Cr4 || old.Efer != state.Efer
            || old.RFlags.Vm != state.RFlags.Vm || ((old.Cr3.Value ^ state.Cr3.Value) & (Cr3.LamU48Bit | Cr3.LamU57Bit)) != 0;
        bool exemptionChanged = old.RFlags.Ac != state.RFlags.Ac;
        if (rulesChanged)
        {
            _context = WalkContext.Create(in state);
            _walker = ModeWalker.For(state.Mode);
            _structures.IndexBits = state.Mode == PagingMode.TwoLevel ? 10 : 9;
            _fast.SetLinearWidth(state.LinearWidth);
            _view->SignBias = state.Efer.Lma ? 1UL << (state.LinearWidth - 1) : 0;
            _view->SignMask = ulong.MaxValue << state.LinearWidth;
            _levels = state.LinearWidth > 48 ? 5 : 4;
            Segments.Update(in state);
        }
        else
        {
            _context.Replace(in state, exemptionChanged);
            if (Segments.Cpl != state.Cpl) Segments.Cpl = state.Cpl;
        }

        if (rulesChanged || exemptionChanged)
        {
            _rules = new LinearAddressRules(in state);
            DecideWhatIsFast();
        }

        _leafRulesKnown = 0;
        _pcid = state.Pcid;
        OnPrivilegeChanged();
        _fast.Enter(FastFingerprint.Of(in state));
    }

    // CPL lives in the segmentation unit, which far transfers change; virtual-8086 mode has 3 whatever was set.
    private void OnPrivilegeChanged()
    {
        _context.State.Cpl = Segments.Cpl;
        _alignmentMask = _context.State.Cr0.Am && _context.State.RFlags.Ac && _context.State.Cpl == 3 ? ulong.MaxValue : 0;
    }
}
