using FastMmu.Addresses;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>Registers: every write follows the architecture's rules and tells the caches what to drop.</content>
public sealed partial class Mmu
{
    /// <summary>MOV to CR0.</summary>
    /// <param name="value">The operand.</param>
    /// <returns>The #GP that the write deserves, and nothing is changed; or none.</returns>
    /// <example><code>
    /// Console.WriteLine(mmu.Translate(0x2000UL, Access.Write));           // #PF(P|W) at 0x2000: write-protected page
    /// mmu.WriteCr0(mmu.State.Cr0.Value &amp; ~Cr0.WpBit);
    /// Console.WriteLine(mmu.Translate(0x2000UL, Access.Write).Ok);        // True
    /// Console.WriteLine(mmu.WriteCr0(Cr0.PgBit));                         // #GP(0): register write refused
    /// </code></example>
    public MmuFault WriteCr0(ulong value)
    {
        PagingState next = _context.State;
        return Commit(ref next, ControlRegisterRules.WriteCr0(ref next, value, In64BitMode));
    }

    /// <summary>MOV to CR3. Loads the PDPTE registers in PAE paging.</summary>
    /// <param name="value">The operand; bit 63 with CR4.PCIDE=1 keeps cached translations.</param>
    /// <returns>The #GP that the write deserves, and nothing is changed; or none.</returns>
    /// <example><code>
    /// memory.Write(0x8000, 0x2007UL);                         // another PML4 over the same tables
    /// Console.WriteLine(mmu.WriteCr3(0x8000));                // none
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);    // 0x200000
    /// Console.WriteLine(mmu.WriteCr3(1UL &lt;&lt; 60));             // #GP(0): register write refused
    /// </code></example>
    public MmuFault WriteCr3(ulong value)
    {
        PagingState next = _context.State;
        return Commit(ref next, ControlRegisterRules.WriteCr3(ref next, value));
    }

    /// <summary>MOV to CR4.</summary>
    /// <param name="value">The operand.</param>
    /// <returns>The #GP that the write deserves, and nothing is changed; or none.</returns>
    /// <example><code>
    /// mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.SmapBit);        // what the supervisor touches of the user's now faults
    /// Console.WriteLine(mmu.Translate(0x1000UL));             // #PF(P) at 0x1000: SMAP: supervisor access to a user page
    /// Console.WriteLine(mmu.WriteCr4(mmu.State.Cr4.Value &amp; ~Cr4.PaeBit));     // #GP(0): register write refused
    /// </code></example>
    public MmuFault WriteCr4(ulong value)
    {
        PagingState next = _context.State;
        return Commit(ref next, ControlRegisterRules.WriteCr4(ref next, value));
    }

    /// <summary>WRMSR to IA32_EFER.</summary>
    /// <param name="value">The operand; LMA is ignored.</param>
    /// <returns>The #GP that the write deserves, and nothing is changed; or none.</returns>
    /// <example><code>
    /// Console.WriteLine(mmu.WriteEfer(mmu.State.Efer.Value &amp; ~Efer.NxeBit));  // none
    /// Console.WriteLine(mmu.WriteEfer(0));                                    // #GP(0): register write refused
    /// </code></example>
    public MmuFault WriteEfer(ulong value)
    {
        PagingState next = _context.State;
        return Commit(ref next, ControlRegisterRules.WriteEfer(ref next, value));
    }

    /// <summary>WRPKRU. Takes effect at once, cached translations included, and flushes nothing.</summary>
    /// <param name="value">The new rights.</param>
    /// <example><code>
    /// mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PkeBit);
    /// memory.Write(0x4010, 0x20_1005UL | 1UL &lt;&lt; 59);          // the page at 0x2000 gets protection key 1
    /// mmu.WritePkru(0b0100);                                  // AD of key 1
    /// Console.WriteLine(mmu.Translate(0x2000UL));             // #PF(P|PK) at 0x2000: protection key
    /// mmu.WritePkru(0);
    /// Console.WriteLine(mmu.Translate(0x2000UL).Ok);          // True
    /// </code></example>
    public void WritePkru(uint value)
    {
        _context.State.Pkru = value;
        _leafRulesKnown = 0;
        _fast.Enter(FastFingerprint.Of(in _context.State));
    }

    /// <summary>WRMSR to IA32_PKRS. Takes effect at once, cached translations included, and flushes nothing.</summary>
    /// <param name="value">The operand; bits 63:32 are reserved.</param>
    /// <returns>The #GP that the write deserves, and nothing is changed; or none.</returns>
    /// <example><code>
    /// using var other = new Mmu(memory, ProcessorFeatures.SapphireRapids);
    /// Console.WriteLine(other.WritePkrs(0b10));               // none
    /// Console.WriteLine(mmu.WritePkrs(0b10));                 // #GP(0): register write refused
    /// </code></example>
    public MmuFault WritePkrs(ulong value)
    {
        if (!Features.Pks || value >> 32 != 0) return MmuFault.GeneralProtection(0, FaultReason.RegisterWrite);
        _context.State.Pkrs = (uint)value;
        _leafRulesKnown = 0;
        _fast.Enter(FastFingerprint.Of(in _context.State));
        return MmuFault.None;
    }

    /// <summary>Sets RFLAGS as translation sees it: AC (STAC, CLAC, POPF) and VM. Flushes nothing.</summary>
    /// <param name="value">The new RFLAGS.</param>
    /// <example><code>
    /// mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.SmapBit);
    /// mmu.SetRFlags(RFlags.AcBit);                            // STAC: the supervisor may touch the user's pages
    /// Console.WriteLine(mmu.Translate(0x1000UL).Ok);          // True
    /// mmu.SetRFlags(0);                                       // CLAC
    /// Console.WriteLine(mmu.Translate(0x1000UL).Ok);          // False
    /// </code></example>
    public void SetRFlags(ulong value)
    {
        ref PagingState state = ref _context.State;
        RFlags flags = value;
        if (flags.Vm != state.RFlags.Vm || (flags.Ac != state.RFlags.Ac && !_rules.Plain))
        {
            PagingState next = state;
            next.RFlags = flags;
            SetState(in next);
            return;
        }

        // STAC and CLAC are as frequent as a kernel's accesses to user memory: nothing is derived anew.
        bool exemptionChanged = flags.Ac != state.RFlags.Ac;
        if (!exemptionChanged)
        {
            state.RFlags = flags;
            return;
        }

        _context.SetExemption(flags);
        _leafRulesKnown &= ~ExemptedRows;
        OnPrivilegeChanged();
        if (state.Cr4.Smap) _fast.Enter(_fast.Fingerprint.WithExemption(flags.Ac));
    }

    /// <summary>Sets the current privilege level, here and in <see cref="Segments"/>. Flushes nothing.</summary>
    /// <param name="cpl">0 to 3.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 to 3.</exception>
    /// <example><code>
    /// memory.Write(0x4010, 0x20_1001UL);                      // the page at 0x2000 becomes the supervisor's
    /// Console.WriteLine(mmu.Translate(0x2000UL).Ok);          // True
    /// mmu.SetCpl(3);
    /// Console.WriteLine(mmu.Translate(0x2000UL));             // #PF(P|U) at 0x2000: supervisor page
    /// </code></example>
    public void SetCpl(int cpl)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cpl);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cpl, 3);
        Segments.Cpl = cpl;
    }

    /// <summary>
    /// Turns paging on as a kernel would: EFER, CR4, CR3, CR0 in this order, with WP, and with NX, PGE and PSE where the processor has them.
    /// </summary>
    /// <param name="root">The root table: what goes into CR3.</param>
    /// <param name="mode">The paging mode; not <see cref="PagingMode.None"/>. A root says nothing of it: four levels, unless another is named.</param>
    /// <returns>The fault of the step that failed (a PDPTE with reserved bits, a root beyond MAXPHYADDR), or none.</returns>
    /// <exception cref="ArgumentException">The processor does not have the mode, or the root lies above 4 GiB in a 32-bit mode.</exception>
    /// <example><code>
    /// memory.Write(0x8000, 0x87u);                            // a page directory: the first 4 MiB
    /// using var old = new Mmu(memory, ProcessorFeatures.Pentium4);
    /// Console.WriteLine(old.EnablePaging(0x8000UL, PagingMode.TwoLevel));     // none
    /// Console.WriteLine(old.Translate(0x1234UL));             // 0x1234 (4 MiB page, user, writable, executable)
    /// </code></example>
    public MmuFault EnablePaging(PhysicalAddress root, PagingMode mode = PagingMode.FourLevel)
    {
        bool longMode = mode is PagingMode.FourLevel or PagingMode.FiveLevel;
        if (mode == PagingMode.None || !Features.Has(mode)) throw new ArgumentException($"This processor has no paging mode {mode}.", nameof(mode));
        if (!longMode && root.Value >> 32 != 0) throw new ArgumentException($"CR3 has 32 bits in paging mode {mode}.", nameof(root));
        if (_context.State.Cr0.Pg)
        {
            // A kernel that changes mode goes through paging off first; PCIDE would forbid that.
            _ = WriteCr4(_context.State.Cr4.Value & ~Cr4.PcideBit);
            _ = WriteCr0(_context.State.Cr0.Value & ~Cr0.PgBit);
        }

        ulong efer = _context.State.Efer.Value & ~(Efer.LmeBit | Efer.NxeBit);
        if (longMode) efer |= Efer.LmeBit;
        if (Features.ExecuteDisable && mode != PagingMode.TwoLevel) efer |= Efer.NxeBit;
        MmuFault fault = WriteEfer(efer);
        if (fault.IsFault) return fault;
        ulong cr4 = _context.State.Cr4.Value & ~(Cr4.PaeBit | Cr4.La57Bit);
        if (mode != PagingMode.TwoLevel) cr4 |= Cr4.PaeBit;
        if (mode == PagingMode.FiveLevel) cr4 |= Cr4.La57Bit;
        if (Features.GlobalPages) cr4 |= Cr4.PgeBit;
        if (Features.Pse) cr4 |= Cr4.PseBit;
        fault = WriteCr4(cr4);
        if (fault.IsFault) return fault;
        fault = WriteCr3(root.Value);
        if (fault.IsFault) return fault;
        fault = WriteCr0(_context.State.Cr0.Value | Cr0.PgBit | Cr0.PeBit | Cr0.WpBit);
        // Until long mode is active CR3 takes 32 bits: a kernel whose tables lie higher writes it again.
        return fault.IsFault || root.Value >> 32 == 0 ? fault : WriteCr3(root.Value);
    }

    /// <summary>Turns paging on with the tables of a mapper, in their mode, as <see cref="EnablePaging(PhysicalAddress, PagingMode)"/> does.</summary>
    /// <param name="space">The tables.</param>
    /// <returns>The fault of the step that failed, or none.</returns>
    /// <exception cref="ArgumentException">The tables are in another memory, or the processor does not have their mode.</exception>
    /// <example><code>
    /// using var small = PhysicalMemory.Create(16 * MiB);
    /// PageMapper space = PageMapper.Create&lt;PagingPae&gt;(small, new BitmapFrameAllocator(small));
    /// space.Map(0x5000, 0x20_0000, 4 * KiB, Rights.UserReadWrite);
    /// using var cpu = new Mmu(small, ProcessorFeatures.Zen4);
    /// Console.WriteLine(cpu.EnablePaging(space));             // none
    /// Console.WriteLine(cpu.Mode);                            // Pae
    /// Console.WriteLine(cpu.Translate(0x5123UL).Physical);    // 0x200123
    /// </code></example>
    public MmuFault EnablePaging(PageMapper space)
    {
        ArgumentNullException.ThrowIfNull(space);
        if (space.Memory != _memory) throw new ArgumentException("The tables are in another memory.", nameof(space));
        return EnablePaging(space.Root, space.Mode);
    }

    /// <summary>
    /// Loads all registers at once, as a debugger or a snapshot does, and drops everything cached.
    /// </summary>
    /// <param name="state">The registers; their features must be those of this processor.</param>
    /// <param name="loadPdptes">Whether PAE's PDPTE registers are loaded from memory at CR3 instead of taken from <paramref name="state"/>.</param>
    /// <returns>#GP(0) if a PDPTE that was loaded has reserved bits, and nothing is changed; or none.</returns>
    /// <exception cref="ArgumentException">No processor can hold this combination; the message says why.</exception>
    /// <example><code>
    /// PagingState state = mmu.State;
    /// state.Cpl = 3;
    /// using var second = new Mmu(memory, mmu.Features);       // another virtual CPU that continues where the first stands
    /// Console.WriteLine(second.LoadState(in state));          // none
    /// Console.WriteLine(second.Translate(0x1000UL).Physical); // 0x200000
    /// </code></example>
    public MmuFault LoadState(in PagingState state, bool loadPdptes = true)
    {
        PagingState next = state;
        next.Features = Features;
        string? inconsistency = ControlRegisterRules.Inconsistency(in next);
        if (inconsistency is not null) throw new ArgumentException($"Inconsistent registers: {inconsistency}.", nameof(state));
        return Commit(ref next, new(MmuFault.None, CacheEffect.Everything, loadPdptes && next.Mode == PagingMode.Pae));
    }

    private bool In64BitMode => Segments.Mode == SegmentationMode.SixtyFourBit;

    private MmuFault Commit(ref PagingState next, RegisterWriteOutcome outcome)
    {
        if (outcome.Fault.IsFault) return outcome.Fault;
        if (outcome.LoadsPdptes && !Features.PdptesReadOnDemand)
        {
            MmuFault fault = LoadPdptes(ref next);
            if (fault.IsFault) return fault;
        }

        SetState(in next);
        Apply(outcome.Cache);
        return MmuFault.None;
    }

    // Source: Intel SDM vol. 3A, "PDPTE Registers" (4.4.1): one bad present entry refuses the whole write.
    private MmuFault LoadPdptes(ref PagingState next)
    {
        ulong table = next.Cr3.PdptBase.Value;
        ulong reserved = PagingPae.ReservedBits(in next, level: 3, largeLeaf: false);
        PdpteRegisters loaded = default;
        for (int i = 0; i < 4; i++)
        {
            ulong pdpte = _memory.ReadEntry64(table + (8 * (ulong)i));
            if ((pdpte & EntryBits.Present) != 0 && (pdpte & reserved) != 0) return MmuFault.GeneralProtection(0, FaultReason.PdpteReserved);
            loaded[i] = pdpte;
        }

        next.Pdptes = loaded;
        return MmuFault.None;
    }
}
