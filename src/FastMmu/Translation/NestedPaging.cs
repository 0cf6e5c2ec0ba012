using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>
/// Two-stage translation as AMD's nested paging does it: the guest's walk runs over guest-physical addresses, each of which the host's
/// tables translate, those of the guest's page-table entries and the one it ends at.
/// </summary>
/// <remarks>
/// <para>Guest-physical accesses are user accesses. Those to page tables are writes, the last one is what the guest does. The nested depth
/// is the host's; in PAE the guest's PDPTEs are read on demand. Nothing is cached: up to 24 entries are read each time.</para>
/// <para>Not thread-safe; several may run over one memory.</para>
/// <para>Source: AMD APM vol. 2, "Nested Paging" (15.25).</para>
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// var frames = new BumpFrameAllocator(memory, new PhysicalRange(32 * MiB, 32 * MiB));
/// PageMapper host = PageMapper.Create&lt;Paging4Level&gt;(memory, frames);
/// host.Map(linear: 0, physical: 16 * MiB, length: 16 * MiB, Rights.UserAll);            // the guest's memory lies at 16 MiB
/// memory.Write(16 * MiB + 0x1000, 0x2007UL);                                            // the guest's own tables
/// memory.Write(16 * MiB + 0x2000, 0x3007UL);
/// memory.Write(16 * MiB + 0x3000, 0x4007UL);
/// memory.Write(16 * MiB + 0x4008, 0x5007UL);
/// var nested = new NestedPaging(
///     memory,
///     PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, host.Root),
///     PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, root: 0x1000UL));
/// Console.WriteLine(nested.Probe(0x1234));                                              // 0x1005234 (guest 0x5234, 4 KiB page)
/// </code></example>
public sealed class NestedPaging
{
    private readonly PhysicalMemory _memory;
    private NestedStage _stage;
    private WalkContext _guest;
    private LinearAddressRules _rules;

    /// <summary>Creates the two stages.</summary>
    /// <param name="memory">System-physical memory.</param>
    /// <param name="host">The host's registers: CR3 is the root of the nested tables (nCR3), CR0, CR4 and EFER give them their form.</param>
    /// <param name="guest">The guest's registers; paging may be off.</param>
    /// <exception cref="ArgumentException">The host's paging is off.</exception>
    public NestedPaging(PhysicalMemory memory, in PagingState host, in PagingState guest)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;
        _stage = new(memory, host);
        SetGuest(in guest);
    }

    /// <summary>Replaces the host's registers.</summary>
    /// <param name="host">The host's registers.</param>
    /// <exception cref="ArgumentException">The host's paging is off.</exception>
    /// <example><code>
    /// nested.SetHost(PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, root: 0x5000UL));
    /// Console.WriteLine(nested.Probe(0x1234));        // #NPF(0x200000006) at guest-physical 0x1000: NotPresent at level 4
    /// </code></example>
    public void SetHost(in PagingState host) => _stage = new(_memory, host);

    /// <summary>Replaces the guest's registers.</summary>
    /// <param name="guest">The guest's registers; paging may be off.</param>
    /// <example><code>
    /// nested.SetGuest(new PagingState(ProcessorFeatures.Zen4));
    /// Console.WriteLine(nested.Probe(0x1234));        // 0x1001234 (guest 0x1234, 2 MiB page)
    /// </code></example>
    public void SetGuest(in PagingState guest)
    {
        PagingState state = guest;
        if (!state.Features.PdptesReadOnDemand) state.Features = state.Features with { PdptesReadOnDemand = true };
        _guest = WalkContext.Create(in state);
        _rules = new LinearAddressRules(in state);
    }

    /// <summary>Translates for an access of the guest's: A and D are set in both stages.</summary>
    /// <param name="linear">The guest's linear address; outside long mode only its low 32 bits count.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">On whose behalf, inside the guest.</param>
    /// <param name="stack">Whether it goes through SS.</param>
    /// <example><code>
    /// Console.WriteLine(nested.Translate(0x1234, Access.Write, Privilege.User));      // 0x1005234 (guest 0x5234, 4 KiB page)
    /// Console.WriteLine(nested.Translate(0x2234, Access.Write, Privilege.User));      // #PF(W|U) at 0x2234: not present at level 1
    /// </code></example>
    public NestedTranslation Translate(LinearAddress linear, Access access = Access.Read, Privilege privilege = Privilege.Supervisor, bool stack = false) =>
        Run<RealAccess>(linear.Value, access, privilege, stack);

    /// <summary>Translates without a trace in either stage.</summary>
    /// <param name="linear">The guest's linear address; outside long mode only its low 32 bits count.</param>
    /// <param name="access">What the access would do.</param>
    /// <param name="privilege">On whose behalf, inside the guest.</param>
    /// <param name="stack">Whether it would go through SS.</param>
    /// <example><code>
    /// Console.WriteLine(nested.Probe(0x1234));                                        // 0x1005234 (guest 0x5234, 4 KiB page)
    /// Console.WriteLine(memory.Read&lt;ulong&gt;(16 * MiB + 0x4008).ToString("x"));         // 5007
    /// </code></example>
    public NestedTranslation Probe(LinearAddress linear, Access access = Access.Read, Privilege privilege = Privilege.Supervisor, bool stack = false) =>
        Run<ProbeOnly>(linear.Value, access, privilege, stack);

    private NestedTranslation Run<TEffects>(ulong linear, Access access, Privilege privilege, bool stack) where TEffects : struct, IWalkEffects
    {
        if (!_rules.TryPrepare(ref linear, access, privilege, stack, out MmuFault refused)) return new() { GuestFault = refused };
        var tables = new NestedTables<TEffects>(_stage);
        WalkPath path = default;
        // Without paging a linear address is a guest-physical one; every nested page is then as good as the guest's.
        WalkResult guest = new() { Frame = linear & 0xc000_0000, PageSize = PageSize.Size1G, Path = PathRights.Unrestricted };
        switch (_guest.State.Mode)
        {
            case PagingMode.TwoLevel: Walk<Paging2Level, TEffects>(ref tables, linear, access, privilege, ref path, out guest); break;
            case PagingMode.Pae: Walk<PagingPae, TEffects>(ref tables, linear, access, privilege, ref path, out guest); break;
            case PagingMode.FourLevel: Walk<Paging4Level, TEffects>(ref tables, linear, access, privilege, ref path, out guest); break;
            case PagingMode.FiveLevel: Walk<Paging5Level, TEffects>(ref tables, linear, access, privilege, ref path, out guest); break;
            default: break;
        }

        if (guest.TableUnreachable) return new() { NestedFault = tables.Fault };
        if (guest.Fault.IsFault) return new() { GuestFault = guest.Fault };
        ulong guestPhysical = guest.Frame | (linear & (guest.PageSize.Bytes() - 1));
        Access final = access switch { Access.ShadowStackRead => Access.Read, Access.ShadowStackWrite => Access.Write, _ => access };
        Rights rights = PathRights.ToRights(guest.Path, guest.Global);
        if (!_stage.TryTranslate<TEffects>(guestPhysical, final, NestedFaultError.FinalAddress, out WalkResult nested, out NestedFault fault))
        {
            return new() { GuestPhysical = PhysicalAddress.Truncate(guestPhysical), NestedFault = fault };
        }

        ulong system = nested.Frame | (guestPhysical & (nested.PageSize.Bytes() - 1));
        PageSize size = (PageSize)Math.Min((byte)guest.PageSize, (byte)nested.PageSize);
        return new(PhysicalAddress.Truncate(system), PhysicalAddress.Truncate(guestPhysical), size, rights, MmuFault.None, default);
    }

    private void Walk<TMode, TEffects>(
        ref NestedTables<TEffects> tables, ulong linear, Access access, Privilege privilege, ref WalkPath path, out WalkResult result)
        where TMode : struct, IPagingMode
        where TEffects : struct, IWalkEffects =>
        PageWalker<TMode>.WalkFromRoot<NestedTables<TEffects>, TEffects>(ref tables, in _guest, linear, access, privilege, ref path, out result);
}
