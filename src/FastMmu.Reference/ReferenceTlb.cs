using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>
/// The set of answers that the architecture permits one logical processor to give, in the face of translations it may have cached.
/// </summary>
/// <remarks>
/// <para>
/// A processor may answer from memory as it is now, or from what it remembers, and software cannot know which. So this is no TLB with a
/// size and a replacement policy. It is two sets of everything that a processor <em>may</em> remember:
/// </para>
/// <list type="bullet">
/// <item>translations of whole pages, as TLBs hold them: frame, rights, PAT index, key, and whether D was set;</item>
/// <item>tables, as paging-structure caches hold them: for a region, the next table and the rights of the path to it.</item>
/// </list>
/// <para>
/// An access may be answered by a walk from CR3; by a walk that begins at a remembered table of the current PCID and reads the rest from
/// memory; or by a remembered translation of the current PCID, or a global one, if it allows the access, and if D was set in case the
/// access writes: a page whose D flag was clear is walked again. Anything else is an invention, above all the frame of one translation with
/// the rights of another. Registers that are not part of a translation (WP, SMEP, SMAP, AC, keys) count as they are at the access.
/// </para>
/// <para>
/// Both sets grow by the walks that explain an observed answer, and by <see cref="MayHaveWalked(in PagingState, ulong)"/> for an implementation that walks ahead.
/// They shrink only by what the architecture promises: INVLPG, INVPCID, writes to CR0, CR3 and CR4, and page faults.
/// </para>
/// <para>
/// Drive it in step with an MMU: for each access call <see cref="Observe"/> with the MMU's answer, for each invalidation and register write
/// the method of that name; change page tables at will in between. One instance serves one logical processor, not several threads.
/// An access costs a look at everything remembered.
/// </para>
/// Source: Intel SDM vol. 3A, "Caching Translation Information" (4.10).
/// </remarks>
public sealed class ReferenceTlb
{
    private readonly IReferenceMemory _memory;
    private readonly SpuriousFaults _spuriousFaults;
    private readonly bool _entriesAreMarked;
    private readonly HashSet<CachedTranslation> _translations = [];
    private readonly HashSet<CachedTable> _tables = [];

    /// <summary>A processor that has cached nothing.</summary>
    /// <param name="memory">Guest-physical memory. It is only read.</param>
    /// <param name="spuriousFaults">Which faults are permitted beyond those of a full walk.</param>
    /// <param name="entriesAreMarked">
    /// Whether the MMU sets A and D in this very memory, and no table is in memory that loses them: then a walk explains an answer only if the
    /// entries that it read have A, and D where the access writes.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="memory"/> is null.</exception>
    public ReferenceTlb(IReferenceMemory memory, SpuriousFaults spuriousFaults = SpuriousFaults.All, bool entriesAreMarked = false)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;
        _spuriousFaults = spuriousFaults;
        _entriesAreMarked = entriesAreMarked;
    }

    /// <summary>What drops anything here: what is permitted without one of these, and is not with it, should have been dropped by it.</summary>
    internal CacheDrops Drops { get; init; } = CacheDrops.All;

    /// <summary>How many different translations may be cached.</summary>
    public int TranslationCount => _translations.Count;

    /// <summary>How many different tables may be cached.</summary>
    public int TableCount => _tables.Count;

    /// <summary>Whether an answer is permitted. Nothing is remembered, so a side-effect-free probe can be judged too.</summary>
    /// <param name="state">Registers and features at the access.</param>
    /// <param name="access">The access.</param>
    /// <param name="answer">What the MMU answered.</param>
    /// <remarks>Page tables must still be as they were at the access, but for A and D flags that it set.</remarks>
    public Verdict Permits(in PagingState state, in ReferenceAccess access, in ObservedAnswer answer) =>
        Explain(PermittedAnswers(new Controls(state), access), answer, out _);

    /// <summary>
    /// Judges an answer, and remembers what follows from it: the walks that may have given it may be cached from now on, and a page fault
    /// has dropped what was cached for its address.
    /// </summary>
    /// <param name="state">Registers and features at the access.</param>
    /// <param name="access">The access.</param>
    /// <param name="answer">What the MMU answered.</param>
    /// <remarks>Page tables must still be as they were at the access, but for A and D flags that it set.</remarks>
    public Verdict Observe(in PagingState state, in ReferenceAccess access, in ObservedAnswer answer)
    {
        var controls = new Controls(state);
        Verdict verdict = Explain(PermittedAnswers(controls, access), answer, out List<PermittedAnswer> explanations);
        ulong linear = LinearRules.Effective(controls, access);
        if (answer.Ok)
        {
            foreach (PermittedAnswer explanation in explanations) Remember(controls, linear, explanation.Walk, access.IsWrite);
        }
        else if (answer.Vector == ExceptionVector.PageFault)
        {
            // The walk that led to the fault leaves nothing behind: what it may have cached is dropped with the rest.
            ForgetFaulting(controls.CurrentPcid, linear);
        }

        return verdict;
    }

    /// <summary>
    /// Remembers what walks for an address find now, from CR3 and from any remembered table, for processors that walk without being
    /// asked: ahead of the program, or on a path that it does not take.
    /// </summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="linear">The linear address in bytes.</param>
    /// <remarks>
    /// To model a processor that may walk any address at any time, call this for every address of interest before each change of a page
    /// table. Rights do not matter, and tables above an entry that is not present are remembered too. Such a processor sets A in what it
    /// caches; page tables are not changed here. Source: Intel SDM vol. 3A, "Details of TLB Use" (4.10.2.3), 4.10.3.1.
    /// </remarks>
    public void MayHaveWalked(in PagingState state, ulong linear) => MayHaveWalked(state, linear, wrote: false);

    /// <summary>As <see cref="MayHaveWalked(in PagingState, ulong)"/>, of a write that has set D, whatever it has made of the entry since.</summary>
    internal void MayHaveWalked(in PagingState state, ulong linear, bool wrote)
    {
        var controls = new Controls(state);
        if (controls.Mode == ReferenceMode.None || !IsUsable(controls, ref linear)) return;
        foreach ((_, TableWalk walk) in Walks(controls, linear).ToList()) Remember(controls, linear, walk, wrote);
    }

    /// <summary>
    /// Remembers the tables on the way to an address, from CR3 and from any remembered table, down to the first entry without A: what a walk may leave
    /// behind whose fault was reported and not delivered, so that it dropped nothing. No translation is remembered.
    /// </summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="linear">The linear address in bytes.</param>
    internal void MayHaveWalkedInVain(in PagingState state, ulong linear)
    {
        var controls = new Controls(state);
        if (controls.Mode == ReferenceMode.None || !IsUsable(controls, ref linear)) return;
        foreach ((_, TableWalk walk) in Walks(controls, linear).ToList())
        {
            foreach (TablePosition position in walk.Positions)
            {
                if (IsMarkedAbove(controls, walk, position.Level)) Remember(controls, linear, position);
            }
        }
    }

    /// <summary>INVLPG: drops the page's translations, global ones in all contexts, and all tables of the current PCID.</summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="linear">The operand, a linear address in bytes. It is not masked, and a non-canonical one does nothing.</param>
    /// <remarks>Source: Intel SDM vol. 3A, "Operations that Invalidate TLBs and Paging-Structure Caches" (4.10.4.1).</remarks>
    public void InvalidatePage(in PagingState state, ulong linear)
    {
        var controls = new Controls(state);

        if (!Drops.HasFlag(CacheDrops.InvalidatePage) || !IsUsable(controls, ref linear)) return;
        _translations.RemoveWhere(translation => translation.Serves(controls.CurrentPcid, linear));
        _tables.RemoveWhere(table => table.Pcid == controls.CurrentPcid);
    }

    /// <summary>INVPCID.</summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="type">The register operand: 0 individual address, 1 single context, 2 all contexts with globals, 3 all contexts.</param>
    /// <param name="context">Bits 63:0 of the descriptor: the PCID in bits 11:0, the rest reserved.</param>
    /// <param name="linear">Bits 127:64 of the descriptor: a linear address, used by type 0.</param>
    /// <returns>False if the operands make the instruction raise #GP(0); nothing is dropped then.</returns>
    /// <remarks>Source: Intel SDM vol. 2A, "INVPCID"; vol. 3A, 4.10.4.1.</remarks>
    public bool InvalidateProcessContext(in PagingState state, ulong type, ulong context, ulong linear)
    {
        var controls = new Controls(state);
        if (type > 3 || (context & Bits.Range(63, 12)) != 0) return false;
        int pcid = (int)Bits.Field(context, 11, 0);
        if (type <= 1 && pcid != 0 && !controls.ContextsEnabled) return false;

        // Like a base or an MSR, the address is canonical by the processor's width, not the mode's: bits 63:56 equal if LA57 exists.
        ulong upper = Bits.Range(63, state.Features.La57 ? 56 : 47);
        if (type == 0 && (linear & upper) != 0 && (linear & upper) != upper) return false;

        if (!Drops.HasFlag(CacheDrops.InvalidateProcessContext)) return true;

        // Type 0 takes all 64 bits of the address, outside 64-bit mode too.
        _translations.RemoveWhere(translation => type switch
        {
            0 => !translation.Page.Global && translation.Pcid == pcid && translation.Page.Covers(linear),
            1 => !translation.Page.Global && translation.Pcid == pcid,
            2 => true,
            _ => !translation.Page.Global,
        });
        _tables.RemoveWhere(table => type switch
        {
            0 => table.Pcid == pcid && table.Covers(linear),
            1 => table.Pcid == pcid,
            _ => true,
        });
        return true;
    }

    /// <summary>
    /// MOV to CR3: drops what is not global, and all tables, of the context that is current afterwards; nothing if PCIDE=1 and bit 63 of the
    /// operand is 1.
    /// </summary>
    /// <param name="state">The state before or after; only CR4 counts.</param>
    /// <param name="operand">The operand of the instruction, bit 63 included.</param>
    /// <remarks>Source: Intel SDM vol. 3A, 4.10.4.1.</remarks>
    public void WriteCr3(in PagingState state, ulong operand)
    {
        bool contexts = new Controls(state).ContextsEnabled;
        if (!Drops.HasFlag(CacheDrops.WriteCr3) || (contexts && Bits.IsSet(operand, 63))) return;
        int pcid = contexts ? (int)Bits.Field(operand, 11, 0) : 0;
        _translations.RemoveWhere(translation => !translation.Page.Global && translation.Pcid == pcid);
        _tables.RemoveWhere(table => table.Pcid == pcid);
    }

    /// <summary>MOV to CR0 or CR4: drops everything, or everything of the current PCID, or nothing, by which bits change.</summary>
    /// <param name="before">The state before.</param>
    /// <param name="after">The state after.</param>
    /// <remarks>
    /// WRMSR to IA32_EFER needs no call: no promise is made for it. Source: Intel SDM vol. 3A, 4.10.4.1; "Invalidating the Translation
    /// Lookaside Buffers" (11.9) for PE and PSE.
    /// </remarks>
    public void WriteControlRegister(in PagingState before, in PagingState after)
    {
        if (!Drops.HasFlag(CacheDrops.WriteControlRegister)) return;
        ulong cr0 = before.Cr0.Value ^ after.Cr0.Value;
        ulong cr4 = before.Cr4.Value ^ after.Cr4.Value;
        ulong cleared = cr4 & before.Cr4.Value;
        ulong set = cr4 & after.Cr4.Value;

        // Everything: CR0.PE (0) or PG (31) changes; CR4.PSE (4), PAE (5) or PGE (7) changes; CR4.PCIDE (17) goes from 1 to 0.
        if (Bits.IsSet(cr0, 0) || Bits.IsSet(cr0, 31) || (cr4 & ((1UL << 4) | (1UL << 5) | (1UL << 7))) != 0 || Bits.IsSet(cleared, 17))
        {
            _translations.Clear();
            _tables.Clear();
        }
        else if (Bits.IsSet(set, 20))
        {
            // CR4.SMEP goes from 0 to 1: everything of the current PCID, its global translations too.
            int pcid = new Controls(before).CurrentPcid;
            _translations.RemoveWhere(translation => translation.Pcid == pcid);
            _tables.RemoveWhere(table => table.Pcid == pcid);
        }
    }

    /// <summary>
    /// The flags, A (bit 5) and D (bit 6), that an access may have set, for each entry that it may have read; an entry may stand there several times.
    /// Ask before it is observed, and change no table in between.
    /// </summary>
    /// <param name="state">Registers and features at the access.</param>
    /// <param name="access">The access.</param>
    /// <param name="translated">Whether it was permitted.</param>
    /// <remarks>
    /// A refused access may have marked the entries above the one that stopped it, but not that one. Source: Intel SDM vol. 3A, "Accessed and
    /// Dirty Flags" (4.8).
    /// </remarks>
    internal IReadOnlyList<(ulong Entry, ulong Flags)> FlagsThatMayBeSet(in PagingState state, in ReferenceAccess access, bool translated)
    {
        var controls = new Controls(state);
        ulong linear = LinearRules.Effective(controls, access);
        if (controls.Mode == ReferenceMode.None || LinearRules.Violations(controls, access, linear).Count != 0) return [];
        List<(ulong Entry, ulong Flags)> all = new(5);
        foreach ((_, TableWalk walk) in Walks(controls, linear))
        {
            bool permitted = translated && ReferenceWalker.Finish(controls, access, linear, walk).Ok;
            for (int i = 0; i < walk.Entries.Count; i++)
            {
                ReferenceEntry read = walk.Entries[i];
                if (!EntryRules.CarriesRights(controls.Mode, read.Level)) continue;
                bool isLast = i == walk.Entries.Count - 1;
                ulong flags = 0;
                if (!isLast || permitted) flags |= 1UL << 5;
                if (isLast && permitted && access.IsWrite) flags |= 1UL << 6;
                all.Add((read.Address, flags));
            }
        }

        return all;
    }

    /// <summary>All answers that are permitted to an access now.</summary>
    private IEnumerable<PermittedAnswer> PermittedAnswers(Controls controls, ReferenceAccess access)
    {
        ulong linear = LinearRules.Effective(controls, access);
        List<FaultReason> refused = LinearRules.Violations(controls, access, linear);
        if (refused.Count != 0)
        {
            yield return new PermittedAnswer(new(AnswerOrigin.Address), new ReferenceAnswer { Fault = LinearRules.Fault(access, refused) }, null);
            yield break;
        }

        if (controls.Mode == ReferenceMode.None)
        {
            yield return new PermittedAnswer(new(AnswerOrigin.NoPaging), new ReferenceAnswer { Physical = linear, Rights = Paging.Rights.UserAll }, null);
            yield break;
        }

        foreach ((AnswerSource source, TableWalk walk) in Walks(controls, linear))
        {
            ReferenceAnswer answer = ReferenceWalker.Finish(controls, access, linear, walk);
            bool spurious = !answer.Ok && source.Origin != AnswerOrigin.FullWalk;
            if (!spurious || _spuriousFaults != SpuriousFaults.None) yield return new PermittedAnswer(source, answer, walk);
        }

        foreach (CachedTranslation translation in _translations)
        {
            if (!translation.Serves(controls.CurrentPcid, linear)) continue;
            ReferenceAnswer answer = ReferenceWalker.Judge(controls, access, linear, translation.Page);
            if (answer.Ok ? access.IsWrite && !translation.Page.Dirty : _spuriousFaults != SpuriousFaults.All) continue;
            yield return new PermittedAnswer(new(AnswerOrigin.CachedTranslation, Pcid: translation.Pcid), answer, null);
        }
    }

    /// <summary>The walks that a processor may make for an address: from CR3, and from every remembered table on the way to it.</summary>
    private IEnumerable<(AnswerSource Source, TableWalk Walk)> Walks(Controls controls, ulong linear)
    {
        TableWalk full = TableWalk.FromRoot(controls, _memory, linear);
        yield return (new(AnswerOrigin.FullWalk), full);
        foreach (CachedTable table in _tables)
        {
            if (table.Pcid != controls.CurrentPcid || !table.Covers(linear)) continue;

            // A walk that goes on as the full walk did finds what that found, except that it sets no flag above; where these are set, it is the same.
            if (full.Positions.Contains(table.Position) && IsMarkedAbove(controls, full, table.Position.Level)) continue;
            yield return (new(AnswerOrigin.CachedTable, table.Position), TableWalk.From(table.Position, controls, _memory, linear));
        }
    }

    private static bool IsMarkedAbove(Controls controls, TableWalk walk, int level)
    {
        foreach (ReferenceEntry entry in walk.Entries)
        {
            bool isAbove = entry.Level > level && EntryRules.CarriesRights(controls.Mode, entry.Level);
            if (isAbove && !Bits.IsSet(entry.Before, 5)) return false;
        }

        return true;
    }

    private Verdict Explain(IEnumerable<PermittedAnswer> permitted, in ObservedAnswer answer, out List<PermittedAnswer> explanations)
    {
        explanations = [];
        var others = new List<PermittedAnswer>();
        foreach (PermittedAnswer candidate in permitted)
        {
            bool explains = candidate.Answer.Matches(answer) && Unmarked(candidate) is null;
            (explains ? explanations : others).Add(candidate);
        }

        if (explanations.Count != 0) return new Verdict(true, explanations[0].Source.ToString());
        ObservedAnswer observed = answer;
        IEnumerable<string> texts = others.Select(other => $"{other.Source} gives {other.Answer} ({other.Answer.Difference(observed) ?? Unmarked(other)})");
        return new Verdict(false, $"{answer}, but {string.Join("; ", texts)}");
    }

    /// <summary>An entry that the walk of a permitted access must have marked and that is not marked; null if there is none, or nobody asks.</summary>
    private string? Unmarked(PermittedAnswer candidate)
    {
        if (!_entriesAreMarked || candidate.Walk is null || !candidate.Answer.Ok) return null;
        foreach (ReferenceEntry entry in candidate.Answer.Entries)
        {
            if (entry.After != entry.Before) return $"accessed or dirty flag missing, {entry}";
        }

        return null;
    }

    /// <summary>Truncates an address as operations do that take it without metadata (LAM); false if it is not canonical.</summary>
    private static bool IsUsable(Controls controls, ref ulong linear)
    {
        var access = new ReferenceAccess(linear, Access.Execute, Privilege.ImplicitSupervisor);
        linear = LinearRules.Effective(controls, access);
        return !LinearRules.Violations(controls, access, linear).Contains(FaultReason.NonCanonical);
    }

    private void Remember(Controls controls, ulong linear, TableWalk? walk, bool wrote)
    {
        if (walk is null) return;
        if (walk.Mapping is { } page) _translations.Add(new CachedTranslation(controls.CurrentPcid, wrote ? page with { Dirty = true } : page));
        foreach (TablePosition position in walk.Positions) Remember(controls, linear, position);
    }

    private void Remember(Controls controls, ulong linear, TablePosition position)
    {
        // The entry that referred to this table stands one level above it, and translates the region.
        int regionBits = EntryRules.LowestIndexBit(controls.Mode, position.Level + 1);
        _tables.Add(new CachedTable(controls.CurrentPcid, linear >> regionBits, regionBits, position));
    }

    /// <summary>
    /// A page fault drops the translations of its page that belong to the current PCID, and the tables that a walk for it would use.
    /// </summary>
    private void ForgetFaulting(int pcid, ulong linear)
    {
        if (!Drops.HasFlag(CacheDrops.PageFault)) return;
        _translations.RemoveWhere(translation => translation.Pcid == pcid && translation.Page.Covers(linear));
        _tables.RemoveWhere(table => table.Pcid == pcid && table.Covers(linear));
    }
}
