using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;

namespace FastMmu.Tlb;

/// <summary>
/// What every geometry of TLB has in common: the native memory of its arrays, the numbers of its contexts, and everything that is not
/// a lookup or an insertion, working on the shapes as data.
/// </summary>
/// <remarks>
/// What makes the pointers right: every record pointer is an array's first record plus a set number masked by its set count, every way is
/// below its ways, and both come from the shapes that sized the block. Disposal empties <c>Present</c>, without which nothing is read.
/// A cache nobody refers to any more is kept from its finalizer until the call that reads its block is over.
/// </remarks>
public abstract unsafe partial class TlbStorage : TranslationCache
{
    private protected const int SideArrays = 3;
    private protected const int DataFirst = 0;
    private protected const int InstructionFirst = SideArrays;
    private protected const int DataSecond = 2 * SideArrays;
    private protected const int InstructionSecond = 3 * SideArrays;

    private const long NoPcid = long.MinValue;
    private const int FilterRegions = 1024;
    private const int FilterRegionShift = (int)PageSize.Size2M;

    private protected ArrayTable Arrays12;
    private protected TlbStatistics Counted;

    /// <summary>The PCID whose number is <see cref="Own"/>, or <see cref="NoPcid"/>; wider than a PCID, so that no caller's number is that.</summary>
    private protected long SelectedPcid = NoPcid;
    private protected ulong Own;
    private protected ulong Globals;

    /// <summary>Bit n: some slot bears page size n. Sizes that are not there are not looked for.</summary>
    private protected uint Present;

    private readonly List<TlbArrayDescription> _descriptions = [];
    private readonly List<int> _described = [];
    private readonly TlbContexts _contexts;
    private byte* _block;

    /// <summary>
    /// How many slots bear a 4-KiB page of each 2-MiB region, modulo <see cref="FilterRegions"/>: spares large pages the search for small ones.
    /// </summary>
    private int* _smallPagesOfRegion;
    private SizeCounts _slotsOfSize;

    private protected TlbStorage(uint lastContext)
    {
        _contexts = new TlbContexts(lastContext);
        Globals = _contexts.Global;
    }

    /// <summary>Frees the native memory of a cache that nobody disposed of.</summary>
    ~TlbStorage() => Dispose(false);

    /// <inheritdoc/>
    public sealed override IReadOnlyList<TlbArrayDescription> Arrays => _descriptions;

    /// <inheritdoc/>
    public sealed override TlbStatistics Statistics => Counted;

    /// <summary>Native blocks allocated and not freed, of all caches of the process: what a leak test counts.</summary>
    internal static long LiveBlocks => Interlocked.Read(ref s_liveBlocks);

    private static long s_liveBlocks;

    /// <inheritdoc/>
    public sealed override void ResetStatistics() => Counted = default;

    /// <inheritdoc/>
    public sealed override bool TryPeek(ulong linear, int pcid, TlbAccess kind, out TlbEntry entry)
    {
        uint own = _contexts.Of(pcid);
        for (int i = 0; i < _described.Count && TlbArray.CanHold(linear); i++)
        {
            if (!(kind == TlbAccess.Data ? _descriptions[i].Data : _descriptions[i].Instruction)) continue;
            ref TlbArray array = ref Arrays12[_described[i]];
            for (int size = 0; size < TlbPageIndex.Count; size++)
            {
                if (((int)array.Pages & (int)Present & (1 << size)) == 0) continue;
                byte* record = array.RecordOf(linear, size);
                ulong page = TlbArray.TagOf(linear, size);
                int way = TlbArray.FindWay(TlbArray.Tags(record), array.Ways, page | (own == 0 ? Globals : own), page | Globals);
                if (way < 0) continue;
                entry = array.Entries(record)[way];
                GC.KeepAlive(this);
                return true;
            }
        }

        GC.KeepAlive(this);

        entry = default;
        return false;
    }

    /// <inheritdoc/>
    public sealed override void InvalidatePage(ulong linear, int pcid) => ClearPage(linear, _contexts.Of(pcid), _contexts.Global);

    /// <inheritdoc/>
    public sealed override void InvalidateAddress(int pcid, ulong linear) => ClearPage(linear, _contexts.Of(pcid), 0);

    /// <inheritdoc/>
    public sealed override void InvalidatePcid(int pcid)
    {
        _contexts.Forget(pcid);
        SelectedPcid = NoPcid;
    }

    /// <inheritdoc/>
    public sealed override void InvalidateNonGlobal()
    {
        _contexts.ForgetPcids();
        SelectedPcid = NoPcid;
    }

    /// <inheritdoc/>
    public sealed override void InvalidateAll()
    {
        _contexts.ForgetPcids();
        if (_contexts.Exhausted) RenumberContexts();
        _contexts.ForgetGlobals();
        Globals = _contexts.Global;
        SelectedPcid = NoPcid;
    }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<TlbSlot> Contents()
    {
        var slots = new List<TlbSlot>();
        if (_block == null) return slots;
        for (int i = 0; i < _described.Count; i++)
        {
            ref TlbArray array = ref Arrays12[_described[i]];
            for (int set = 0; set <= array.SetMask; set++)
            {
                byte* record = array.Record(set);
                for (int way = 0; way < array.Ways; way++)
                {
                    TlbEntry entry = array.Entries(record)[way];
                    if (Lives(TlbArray.Tags(record)[way], entry)) slots.Add(new(i, set, way, entry));
                }
            }
        }

        GC.KeepAlive(this);
        return slots;
    }

    /// <inheritdoc/>
    protected sealed override void Dispose(bool disposing)
    {
        if (_block == null) return;

        // Nothing is present any more, so no lookup and no invalidation touches what is freed here.
        Present = 0;
        NativeMemory.AlignedFree(_block);
        _block = null;
        Interlocked.Decrement(ref s_liveBlocks);
    }

    /// <summary>Lays the arrays out in one native block and initialises them.</summary>
    /// <param name="levels">The shapes of the first level for data and fetches and of the second for data and fetches.</param>
    /// <param name="unified">Whether fetches go through the data arrays of each level.</param>
    /// <param name="stateBytes">Bytes of replacement state for a number of ways.</param>
    /// <param name="initialize">Initialises the replacement state of a set.</param>
    private protected void Allocate(
        ReadOnlySpan<TlbLevelShape> levels, (bool First, bool Second) unified, Func<int, int> stateBytes, Action<nint, int> initialize)
    {
        nuint bytes = FilterRegions * sizeof(int);
        for (int side = 0; side < levels.Length; side++)
        {
            TlbLevelShape level = levels[side];
            TlbPages seen = TlbPages.None;
            for (int slot = 0; slot < SideArrays; slot++)
            {
                TlbArrayShape shape = slot == 0 ? level.First : slot == 1 ? level.Second : level.Third;
                if (shape.Sets == 0) continue;
                Check(shape, ref seen);
                int state = stateBytes(shape.Ways);
                int index = (side * SideArrays) + slot;
                bool second = side >= 2;
                Arrays12[index] = new TlbArray
                {
                    Records = (byte*)bytes,
                    SetMask = shape.Sets - 1,
                    Ways = shape.Ways,
                    RecordBytes = TlbArray.RecordBytesOf(shape.Ways, state),
                    EntriesOffset = TlbArray.EntriesOffsetOf(shape.Ways, state),
                    Pages = shape.Pages,
                };
                bytes += (nuint)shape.Sets * (nuint)Arrays12[index].RecordBytes;
                bool data = (side & 1) == 0;
                _described.Add(index);
                _descriptions.Add(new(second ? 2 : 1, data, !data || (second ? unified.Second : unified.First), shape));
            }
        }

        _block = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        Interlocked.Increment(ref s_liveBlocks);
        NativeMemory.Clear(_block, bytes);
        _smallPagesOfRegion = (int*)_block;
        foreach (int index in _described)
        {
            ref TlbArray array = ref Arrays12[index];
            array.Records = _block + (nuint)array.Records;
            for (int set = 0; set <= array.SetMask; set++) initialize((nint)array.Record(set) + TlbArray.StateOffsetOf(array.Ways), array.Ways);
        }
    }

    /// <summary>Checks that an entry can be stored and makes its PCID the selected one.</summary>
    /// <param name="entry">What is to be inserted.</param>
    /// <returns>The number of its page size.</returns>
    private protected int Admit(in TlbEntry entry)
    {
        ObjectDisposedException.ThrowIf(_block == null, this);
        if (!entry.Valid) throw new ArgumentException("An empty entry is no translation.", nameof(entry));
        if (!TlbArray.CanHold(entry.Linear)) throw new ArgumentException($"0x{entry.Linear:x} is not canonical for 57 bits.", nameof(entry));
        int size = TlbPageIndex.Of(entry.Size);
        if (entry.Pcid != SelectedPcid) Select(entry.Pcid);
        return size;
    }

    /// <summary>Clears a slot.</summary>
    /// <param name="tag">Where its tag is; not empty.</param>
    private protected void Clear(ulong* tag)
    {
        Discount(*tag);
        *tag = 0;
    }

    /// <summary>Notes that a slot bears a tag now.</summary>
    /// <param name="tag">The tag.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected void Count(ulong tag)
    {
        int size = TlbArray.SizeOf(tag);
        _slotsOfSize[size]++;
        Present |= 1U << size;
        if (size == 0) _smallPagesOfRegion[RegionOf(TlbArray.LinearOf(tag))]++;
    }

    /// <summary>Notes that a slot does not bear a tag any more.</summary>
    /// <param name="tag">The tag.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected void Discount(ulong tag)
    {
        int size = TlbArray.SizeOf(tag);
        if (--_slotsOfSize[size] == 0) Present &= ~(1U << size);
        if (size == 0) _smallPagesOfRegion[RegionOf(TlbArray.LinearOf(tag))]--;
    }

    private static void Check(TlbArrayShape shape, ref TlbPages seen)
    {
        if (shape.Sets < 0 || (shape.Sets & (shape.Sets - 1)) != 0) throw new ArgumentException($"{shape.Sets} sets: not a power of two.");
        if (shape.Ways is < 1 or > TlbArrayShape.MaxWays) throw new ArgumentException($"{shape.Ways} ways: not 1 to {TlbArrayShape.MaxWays}.");
        if ((shape.Pages & ~TlbPages.All) != 0 || shape.Pages == 0) throw new ArgumentException($"{shape.Pages}: not a set of page sizes.");
        if ((shape.Pages & seen) != 0) throw new ArgumentException($"{shape.Pages & seen}: two arrays of one level hold the same page size.");
        seen |= shape.Pages;
    }

    /// <summary>Clears the slots of every page size that hold an address under either of two numbers; 0 is nobody's.</summary>
    private void ClearPage(ulong linear, uint own, uint global)
    {
        if (!TlbArray.CanHold(linear)) return;
        for (int size = 0; size < TlbPageIndex.Count; size++)
        {
            if ((Present & (1U << size)) == 0) continue;
            ulong page = TlbArray.TagOf(linear, size);
            foreach (int index in CollectionsMarshal.AsSpan(_described))
            {
                ref TlbArray array = ref Arrays12[index];
                if (((int)array.Pages & (1 << size)) == 0) continue;
                ulong* tags = TlbArray.Tags(array.RecordOf(linear, size));
                for (int way = 0; way < array.Ways; way++)
                {
                    uint context = (uint)(tags[way] & TlbArray.ContextMask);
                    if (context != 0 && tags[way] - context == page && (context == own || context == global)) Clear(tags + way);
                }
            }
        }

        GC.KeepAlive(this);
    }

    /// <summary>The arrays of the four sides, three each; a side without arrays of its own is not used.</summary>
    [InlineArray(4 * SideArrays)]
    private protected struct ArrayTable
    {
        private TlbArray _first;
    }

    [InlineArray(TlbPageIndex.Count)]
    private struct SizeCounts
    {
        private int _first;
    }
}
