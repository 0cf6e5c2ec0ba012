using System.Runtime.CompilerServices;

namespace FastMmu.Tlb;

/// <summary>A set-associative TLB of one or two levels, compiled for its geometry, its replacement policy and whether it counts.</summary>
/// <typeparam name="TGeometry">Sets, ways and page sizes of every array.</typeparam>
/// <typeparam name="TReplacement">Which entry of a full set makes room.</typeparam>
/// <typeparam name="TStatistics">Whether hits, misses and evictions are counted.</typeparam>
/// <remarks>
/// <para>
/// An insertion fills the first and the second level; a hit in the second refills the first; neither level contains the other. All
/// copies of a translation are alike at any time: inserting it again rewrites them all.
/// </para>
/// <para>
/// Cost of a hit: two vector comparisons for every four ways of the set; in sets of more than 32 ways, usually two comparisons in all. Nothing is
/// allocated after construction.
/// </para>
/// <para>Owned by one virtual CPU: not thread-safe.</para>
/// </remarks>
public sealed unsafe partial class SetAssociativeTlb<TGeometry, TReplacement, TStatistics> : TlbStorage
    where TGeometry : struct, ITlbGeometry
    where TReplacement : struct, IReplacementPolicy
    where TStatistics : struct, ITlbStatisticsMode
{
    private ulong _random;

    /// <summary>Makes an empty TLB.</summary>
    /// <param name="seed">Seed of random replacement.</param>
    /// <exception cref="ArgumentException">
    /// The geometry has sets that are no power of two, ways out of range, or a page size twice in a level.
    /// </exception>
    public SetAssociativeTlb(ulong seed = 1)
        : this(seed, TlbArray.LastContext)
    {
    }

    /// <summary>Makes an empty TLB whose context numbers run out sooner than they need.</summary>
    /// <param name="seed">Seed of random replacement.</param>
    /// <param name="lastContext">The last context number.</param>
    internal SetAssociativeTlb(ulong seed, uint lastContext)
        : base(lastContext)
    {
        // A multiplication spreads small seeds; xorshift needs anything but zero.
        _random = (seed * 0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
        if (_random == 0) _random = 1;
        Allocate(
            [TGeometry.Data, TGeometry.Instruction, TGeometry.SecondData, TGeometry.SecondInstruction],
            (TGeometry.Instruction == TlbLevelShape.None, TGeometry.Unified),
            TReplacement.StateBytes,
            static (state, ways) => TReplacement.Initialize((byte*)state, ways));
    }

    /// <inheritdoc/>
    public override bool TryFind(ulong linear, int pcid, TlbAccess kind, out TlbEntry entry)
    {
        // Only small pages of data are looked for here: all else is a jump away, so that this is a leaf that saves no register.
        if (pcid != SelectedPcid) return FindUnder(pcid, linear, kind, out entry);
        if (kind != TlbAccess.Data) return FindInstruction(linear, out entry);
        return Find<DataSide>(linear, out entry);
    }

    /// <inheritdoc/>
    public override void Insert(in TlbEntry entry, TlbAccess kind)
    {
        int size = Admit(in entry);
        if (TStatistics.Counts) Counted.Insertions++;
        if (entry.Global || (Present & ~(1U << size)) != 0) ClearOverlaps(in entry, size);
        if (kind == TlbAccess.Data) Store<DataSide, InstructionSide>(in entry, size);
        else Store<InstructionSide, DataSide>(in entry, size);
        GC.KeepAlive(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TlbArrayShape ShapeOf(TlbLevelShape level, int slot) => slot == 0 ? level.First : slot == 1 ? level.Second : level.Third;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SlotOf(TlbLevelShape level, int size)
    {
        int page = 1 << size;
        if (((int)level.First.Pages & page) != 0) return 0;
        if (((int)level.Second.Pages & page) != 0) return 1;
        return ((int)level.Third.Pages & page) != 0 ? 2 : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int EntriesOffset(int ways) => TlbArray.EntriesOffsetOf(ways, TReplacement.StateBytes(ways));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TlbEntry* EntriesOf(byte* record, int ways) => (TlbEntry*)(record + EntriesOffset(ways));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* StateOf(byte* record, int ways) => record + TlbArray.StateOffsetOf(ways);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* HintsOf(byte* record, int ways) => record + TlbArray.HintsOffsetOf(ways, TReplacement.StateBytes(ways));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasHints(TlbLevelShape level) =>
        TlbArray.IsHinted(level.First.Ways) || TlbArray.IsHinted(level.Second.Ways) || TlbArray.IsHinted(level.Third.Ways);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* RecordOf(TlbArrayShape shape, int array, ulong linear, int size)
    {
        nuint set = (nuint)(linear >> TlbPageIndex.Shift(size)) & (nuint)(shape.Sets - 1);
        return Arrays12[array].Records + (set * (nuint)TlbArray.RecordBytesOf(shape.Ways, TReplacement.StateBytes(shape.Ways)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool FindUnder(int pcid, ulong linear, TlbAccess kind, out TlbEntry entry)
    {
        Select(pcid);
        return TryFind(linear, pcid, kind, out entry);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool FindInstruction(ulong linear, out TlbEntry entry) => Find<InstructionSide>(linear, out entry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Find<TSide>(ulong linear, out TlbEntry entry) where TSide : struct, ISide
    {
        if ((Present & 1) == 0 || !TlbArray.CanHold(linear)) return FindFurther<TSide>(linear, out entry);
        TlbEntry* found = Probe(TSide.First, TSide.FirstArrays, linear, 0);
        if (found == null) return FindFurther<TSide>(linear, out entry);
        if (TStatistics.Counts) Counted.CountHit(1, TSide.Kind, 0);
        entry = *found;
        GC.KeepAlive(this);
        return true;
    }

    /// <summary>Looks where <see cref="Find"/> did not: at the first level's large pages, then in the second level.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool FindFurther<TSide>(ulong linear, out TlbEntry entry) where TSide : struct, ISide
    {
        TlbEntry* found = null;
        if (TlbArray.CanHold(linear))
        {
            found = ProbeLarge(TSide.First, TSide.FirstArrays, linear, out int size);
            if (found == null && HasHints(TSide.First)) found = Search<FirstOf<TSide>>(linear, out size);
            if (found != null)
            {
                if (TStatistics.Counts) Counted.CountHit(1, TSide.Kind, size);
                entry = *found;
                GC.KeepAlive(this);
                return true;
            }

            found = FindSecond<TSide>(linear, out size);
            if (found != null)
            {
                if (TStatistics.Counts) Counted.CountHit(2, TSide.Kind, size);
                entry = *found;
                Fill<FirstOf<TSide>>(in entry, size, TlbArray.TagOf(linear, size) | (entry.Global ? Globals : Own));
                GC.KeepAlive(this);
                return true;
            }
        }

        if (TStatistics.Counts) Counted.CountMiss(TSide.Kind);
        GC.KeepAlive(this);
        entry = default;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* FindSecond<TSide>(ulong linear, out int size) where TSide : struct, ISide
    {
        size = 0;
        TlbEntry* found = (Present & 1) != 0 ? Probe(TSide.Second, TSide.SecondArrays, linear, 0) : null;
        if (found == null) found = ProbeLarge(TSide.Second, TSide.SecondArrays, linear, out size);
        if (found == null && HasHints(TSide.Second)) found = Search<SecondOf<TSide>>(linear, out size);
        return found;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* ProbeLarge(TlbLevelShape level, int arrays, ulong linear, out int size)
    {
        TlbEntry* found = null;
        uint present = Present;
        size = 1;
        if ((present & 2) != 0) found = Probe(level, arrays, linear, 1);
        if (found != null || present < 4) return found;
        size = 2;
        if ((present & 4) != 0) found = Probe(level, arrays, linear, 2);
        if (found != null || present < 8) return found;
        size = 3;
        return Probe(level, arrays, linear, 3);
    }

    /// <summary>Looks for a page of one size: in its whole set, or, where sets have hints, only where the hint points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* Probe(TlbLevelShape level, int arrays, ulong linear, int size)
    {
        int slot = SlotOf(level, size);
        if (slot < 0) return null;
        TlbArrayShape shape = ShapeOf(level, slot);
        byte* record = RecordOf(shape, arrays + slot, linear, size);
        ulong page = TlbArray.TagOf(linear, size);
        int way;
        if (TlbArray.IsHinted(shape.Ways))
        {
            way = HintsOf(record, shape.Ways)[TlbArray.HintOf(linear, size)];
            ulong tag = TlbArray.Tags(record)[way];
            if (tag != (page | Own) && tag != (page | Globals)) return null;
        }
        else
        {
            way = TlbArray.FindWay(TlbArray.Tags(record), shape.Ways, page | Own, page | Globals);
            if (way < 0) return null;
        }

        TReplacement.Touch(StateOf(record, shape.Ways), shape.Ways, way);
        return EntriesOf(record, shape.Ways) + way;
    }

    /// <summary>Looks through the whole sets of a level that have hints, which <see cref="Probe"/> found to be wrong, and corrects them.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* Search<TLevel>(ulong linear, out int size) where TLevel : struct, ILevel
    {
        for (size = 0; size < TlbPageIndex.Count; size++)
        {
            int slot = SlotOf(TLevel.Shape, size);
            if ((Present & (1U << size)) == 0 || slot < 0) continue;
            TlbArrayShape shape = ShapeOf(TLevel.Shape, slot);
            if (!TlbArray.IsHinted(shape.Ways)) continue;
            byte* record = RecordOf(shape, TLevel.Arrays + slot, linear, size);
            ulong page = TlbArray.TagOf(linear, size);
            int way = TlbArray.FindWay(TlbArray.Tags(record), shape.Ways, page | Own, page | Globals);
            if (way < 0) continue;
            HintsOf(record, shape.Ways)[TlbArray.HintOf(linear, size)] = (byte)way;
            TReplacement.Touch(StateOf(record, shape.Ways), shape.Ways, way);
            return EntriesOf(record, shape.Ways) + way;
        }

        return null;
    }

    private void Store<TSide, TOther>(in TlbEntry entry, int size)
        where TSide : struct, ISide
        where TOther : struct, ISide
    {
        ulong tag = TlbArray.TagOf(entry.Linear, size) | (entry.Global ? Globals : Own);
        if (!Rewrite<FirstOf<TSide>>(in entry, size, tag)) Fill<FirstOf<TSide>>(in entry, size, tag);
        if (!Rewrite<SecondOf<TSide>>(in entry, size, tag)) Fill<SecondOf<TSide>>(in entry, size, tag);
        if (TOther.FirstArrays != TSide.FirstArrays) Rewrite<FirstOf<TOther>>(in entry, size, tag);
        if (TOther.SecondArrays != TSide.SecondArrays) Rewrite<SecondOf<TOther>>(in entry, size, tag);
    }

    /// <summary>Rewrites the copy of a page that a level holds, or clears it if it is a global one and the entry is not.</summary>
    /// <returns>Whether the level holds the entry now.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Rewrite<TLevel>(in TlbEntry entry, int size, ulong tag) where TLevel : struct, ILevel
    {
        int slot = SlotOf(TLevel.Shape, size);
        if (slot < 0) return false;
        TlbArrayShape shape = ShapeOf(TLevel.Shape, slot);
        byte* record = RecordOf(shape, TLevel.Arrays + slot, entry.Linear, size);
        ulong* tags = TlbArray.Tags(record);
        int way = TlbArray.FindWay(tags, shape.Ways, tag, (tag & ~TlbArray.ContextMask) | Globals);
        if (way < 0) return false;
        if (tags[way] != tag)
        {
            Clear(tags + way);
            return false;
        }

        EntriesOf(record, shape.Ways)[way] = entry;
        TReplacement.Touch(StateOf(record, shape.Ways), shape.Ways, way);
        return true;
    }

    /// <summary>Puts an entry that a level does not hold into it, if it holds such pages.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Fill<TLevel>(in TlbEntry entry, int size, ulong tag) where TLevel : struct, ILevel
    {
        int slot = SlotOf(TLevel.Shape, size);
        if (slot < 0) return;
        TlbArrayShape shape = ShapeOf(TLevel.Shape, slot);
        byte* record = RecordOf(shape, TLevel.Arrays + slot, entry.Linear, size);
        ulong* tags = TlbArray.Tags(record);
        SweepIfStale(ref Arrays12[TLevel.Arrays + slot], record, shape.Ways);
        byte* state = StateOf(record, shape.Ways);
        int way = TlbArray.FindEmpty(tags, shape.Ways);
        if (way >= shape.Ways)
        {
            way = TReplacement.Victim(state, shape.Ways, ref _random);
            ulong victim = tags[way];
            if (TStatistics.Counts) Counted.CountEviction(TLevel.Number, TLevel.Kind, TlbArray.SizeOf(victim));
            Discount(victim);
        }

        tags[way] = tag;
        EntriesOf(record, shape.Ways)[way] = entry;
        if (TlbArray.IsHinted(shape.Ways)) HintsOf(record, shape.Ways)[TlbArray.HintOf(entry.Linear, size)] = (byte)way;
        Count(tag);
        TReplacement.Touch(state, shape.Ways, way);
    }
}
