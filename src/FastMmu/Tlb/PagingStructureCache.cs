using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <summary>
/// The paging-structure caches of one virtual CPU: which table a linear address's walk reaches at each level, and what the path to it
/// allows. Rights belong to the path: the same table reached by two paths is two entries.
/// </summary>
/// <remarks>
/// <code>
/// record:  +------------------+----------------+--------------------+- - - -+      sets one after the other
///          | tag of each way  | ages (LRU)     | value of each way  | to 64 |
///          +------------------+----------------+--------------------+- - - -+
/// tag:     bits 63:19 the linear prefix (address bits 56:12 with those below the table's reach zero), 16:0 context, 0 = empty
/// value:   bits 63:52 PCID, 51:12 the table, 3:0 path rights
/// </code>
/// <para>No entry is ever global, and what refers to a page (PS=1) is none of these caches' entries.</para>
/// <para>
/// Walks of fewer levels use the same caches: PAE paging caches PDEs alone, its PDPTEs being registers; two-level paging caches PDEs that reach
/// 4 MiB instead of 2, see <see cref="IndexBits"/>.
/// </para>
/// <para>Owned by one virtual CPU: not thread-safe. A lookup or an insertion is some nanoseconds and allocates nothing.</para>
/// Source: Intel SDM vol. 3A, "Paging-Structure Caches" (4.10.3) and "Operations that Invalidate TLBs and Paging-Structure Caches" (4.10.4.1).
/// </remarks>
/// <example><code>
/// using var tables = new PagingStructureCache(PagingStructureGeometry.Default);
/// tables.Insert(0x40_0000, pcid: 1, level: 1, table: 0x5000, PathRights.Write | PathRights.User);     // a PDE: the page table at 0x5000
/// tables.Insert(0x40_0000, pcid: 1, level: 3, table: 0x3000, PathRights.Write | PathRights.User);     // a PML4E
/// Console.WriteLine(tables.Contents().Count);             // 2
/// </code></example>
public sealed unsafe partial class PagingStructureCache : IDisposable
{
    /// <summary>The highest level of a table that an entry refers to: a PML5E's.</summary>
    public const int TopLevel = 4;

    private const ulong TableMask = 0x000f_ffff_ffff_f000;
    private const int PcidPosition = 52;

    /// <summary>No PCID is selected: wider than a PCID, so that no caller's number is this.</summary>
    private const long NoPcid = long.MinValue;

    private static long s_liveBlocks;

    private readonly TlbContexts _contexts;
    private Levels _levels;
    private byte* _block;
    private int _indexBits = 9;
    private long _pcid = NoPcid;
    private ulong _own;

    /// <summary>Makes empty caches for tables of 512 entries.</summary>
    /// <param name="geometry">Sets and ways of each.</param>
    /// <exception cref="ArgumentException">Sets that are no power of two, or ways out of range.</exception>
    public PagingStructureCache(PagingStructureGeometry geometry)
        : this(geometry, TlbArray.LastContext)
    {
    }

    /// <summary>Makes empty caches whose context numbers run out sooner than they need.</summary>
    /// <param name="geometry">Sets and ways of each.</param>
    /// <param name="lastContext">The last context number.</param>
    internal PagingStructureCache(PagingStructureGeometry geometry, uint lastContext)
    {
        _contexts = new TlbContexts(lastContext);
        nuint bytes = 0;
        for (int level = 1; level <= TopLevel; level++)
        {
            PagingStructureShape shape = level switch { 1 => geometry.Pde, 2 => geometry.Pdpte, 3 => geometry.Pml4e, _ => geometry.Pml5e };
            if (shape.Sets < 0 || (shape.Sets & (shape.Sets - 1)) != 0)
            {
                throw new ArgumentException($"{shape.Sets} sets: not a power of two.", nameof(geometry));
            }

            if (shape.Sets == 0) continue;
            if (shape.Ways is < 1 or > TlbArrayShape.MaxWays)
            {
                throw new ArgumentException($"{shape.Ways} ways: not 1 to {TlbArrayShape.MaxWays}.", nameof(geometry));
            }

            ref Level cache = ref _levels[level];
            cache.Records = (byte*)bytes;
            cache.Sets = shape.Sets;
            cache.Ways = shape.Ways;
            cache.AgesOffset = TlbArray.TagSlots(shape.Ways) * sizeof(ulong);
            cache.ValuesOffset = cache.AgesOffset + TrueLru.StateBytes(shape.Ways);
            cache.RecordBytes = (cache.ValuesOffset + (shape.Ways * sizeof(ulong)) + 63) & ~63;
            bytes += (nuint)shape.Sets * (nuint)cache.RecordBytes;
        }

        Geometry = geometry;
        _block = (byte*)NativeMemory.AlignedAlloc(Math.Max(bytes, 64), 64);
        Interlocked.Increment(ref s_liveBlocks);
        NativeMemory.Clear(_block, bytes);
        for (int level = 1; level <= TopLevel; level++)
        {
            ref Level cache = ref _levels[level];
            cache.Records = _block + (nuint)cache.Records;
            for (int set = 0; set < cache.Sets; set++) TrueLru.Initialize(cache.Record(set) + cache.AgesOffset, cache.Ways);
        }
    }

    /// <summary>Frees the native memory of a cache that nobody disposed of.</summary>
    ~PagingStructureCache() => Free();

    /// <summary>Sets and ways of each cache.</summary>
    public PagingStructureGeometry Geometry { get; }

    /// <summary>
    /// Bits of a linear address that each level of tables translates: 9, or 10 in two-level paging. Setting another value drops everything,
    /// as the change of paging mode does that asks for it.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 9 or 10.</exception>
    public int IndexBits
    {
        get => _indexBits;
        set
        {
            if (value is not (9 or 10)) throw new ArgumentOutOfRangeException(nameof(value), value, "Tables have 2^9 or 2^10 entries.");
            if (value != _indexBits) InvalidateAll();
            _indexBits = value;
        }
    }

    /// <summary>Native blocks allocated and not freed, of all caches of the process: what a leak test counts.</summary>
    internal static long LiveBlocks => Interlocked.Read(ref s_liveBlocks);

    /// <summary>Finds the lowest table on the way to an address.</summary>
    /// <param name="linear">The linear address, canonical for 57 bits; others are never found.</param>
    /// <param name="pcid">The current PCID.</param>
    /// <param name="entry">Where the walk may begin, or <c>default</c>.</param>
    /// <returns>Whether there is one; if not, the walk begins at the root.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pcid"/> is not 0 to 4095.</exception>
    /// <example><code>
    /// tables.TryFindDeepest(0x40_1234, 1, out PagingStructureEntry deepest);
    /// Console.WriteLine($"level {deepest.Level} at {deepest.Table:x}");           // level 1 at 5000
    /// tables.TryFindDeepest(0x80_0000, 1, out deepest);
    /// Console.WriteLine($"level {deepest.Level} at {deepest.Table:x}");           // level 3 at 3000
    /// </code></example>
    public bool TryFindDeepest(ulong linear, int pcid, out PagingStructureEntry entry)
    {
        if (pcid != _pcid) Select(pcid);
        if (TlbArray.CanHold(linear))
        {
            for (int level = 1; level <= TopLevel; level++)
            {
                ref Level cache = ref _levels[level];
                if (cache.Sets == 0) continue;
                byte* record = cache.RecordOf(linear, ReachOf(level));
                ulong tag = TagOf(linear, level) | _own;
                int way = TlbArray.FindWay((ulong*)record, cache.Ways, tag, tag);
                if (way < 0) continue;
                TrueLru.Touch(record + cache.AgesOffset, cache.Ways, way);
                entry = EntryOf(tag, cache.Values(record)[way], level);
                GC.KeepAlive(this);
                return true;
            }
        }

        GC.KeepAlive(this);
        entry = default;
        return false;
    }

    /// <summary>Stores a table that a walk went through, in place of the one it stored for the same prefix and PCID.</summary>
    /// <param name="linear">The address that was walked.</param>
    /// <param name="pcid">The current PCID.</param>
    /// <param name="level">The table's level: 1 for a page table to <see cref="TopLevel"/> for a PML4 table.</param>
    /// <param name="table">Physical address of the table, aligned to 4 KiB, at most 52 bits.</param>
    /// <param name="pathRights">
    /// What the entries above the table allow together, the one that refers to it included: bit 0 W, bit 1 U, bit 2 XD.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A level or PCID that there is not.</exception>
    /// <exception cref="ArgumentException">An address that is not canonical for 57 bits.</exception>
    /// <example><code>
    /// tables.Insert(0x80_0000, pcid: 1, level: 1, table: 0x6000, PathRights.User);
    /// Console.WriteLine(tables.TryFindDeepest(0x80_0000, 1, out PagingStructureEntry entry) &amp;&amp; entry.Level == 1);     // True
    /// </code></example>
    public void Insert(ulong linear, int pcid, int level, ulong table, int pathRights)
    {
        ObjectDisposedException.ThrowIf(_block == null, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(level, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, TopLevel);
        if (!TlbArray.CanHold(linear)) throw new ArgumentException($"0x{linear:x} is not canonical for 57 bits.", nameof(linear));
        if (pcid != _pcid) Select(pcid);
        ref Level cache = ref _levels[level];
        if (cache.Sets == 0) return;
        byte* record = cache.RecordOf(linear, ReachOf(level));
        ulong* tags = (ulong*)record;
        ulong tag = TagOf(linear, level) | _own;
        int way = TlbArray.FindWay(tags, cache.Ways, tag, tag);
        if (way < 0) way = FreeWay(ref cache, record);
        tags[way] = tag;
        cache.Values(record)[way] = ((ulong)(uint)pcid << PcidPosition) | (table & TableMask) | (uint)(pathRights & 15);
        TrueLru.Touch(record + cache.AgesOffset, cache.Ways, way);
        GC.KeepAlive(this);
    }

    /// <summary>INVLPG: drops everything of a PCID, whatever the address.</summary>
    /// <param name="linear">The operand; it does not matter.</param>
    /// <param name="pcid">The current PCID.</param>
    /// <example><code>
    /// tables.InvalidatePage(0x1234_5000, pcid: 1);            // INVLPG drops the whole PCID here
    /// Console.WriteLine(tables.Contents().Count);             // 0
    /// </code></example>
    public void InvalidatePage(ulong linear, int pcid) => InvalidatePcid(pcid);

    /// <summary>INVPCID type 0, and what a page fault does: drops what a walk to an address would use under a PCID.</summary>
    /// <param name="pcid">The PCID.</param>
    /// <param name="linear">The linear address; one that is not canonical drops nothing.</param>
    /// <example><code>
    /// tables.InvalidateAddress(pcid: 1, 0x80_0000);           // of another page table, under the same PML4E
    /// Console.WriteLine(tables.Contents().Count);             // 1
    /// </code></example>
    public void InvalidateAddress(int pcid, ulong linear)
    {
        ulong own = _contexts.Of(pcid);
        if (own == 0 || _block == null || !TlbArray.CanHold(linear)) return;
        for (int level = 1; level <= TopLevel; level++)
        {
            ref Level cache = ref _levels[level];
            if (cache.Sets == 0) continue;
            byte* record = cache.RecordOf(linear, ReachOf(level));
            ulong tag = TagOf(linear, level) | own;
            int way = TlbArray.FindWay((ulong*)record, cache.Ways, tag, tag);
            if (way >= 0) ((ulong*)record)[way] = 0;
        }

        GC.KeepAlive(this);
    }

    /// <summary>INVPCID type 1, and MOV to CR3 with bit 63 clear: drops everything of a PCID. O(1).</summary>
    /// <param name="pcid">The PCID.</param>
    /// <example><code>
    /// tables.InvalidatePcid(2);
    /// Console.WriteLine(tables.Contents().Count);             // 2
    /// </code></example>
    public void InvalidatePcid(int pcid)
    {
        _contexts.Forget(pcid);
        _pcid = NoPcid;
    }

    /// <summary>
    /// INVPCID types 2 and 3, MOV to CR3 with CR4.PCIDE=0, and the changes of CR0, CR4 and EFER that change how paging works:
    /// drops everything. O(1).
    /// </summary>
    /// <example><code>
    /// tables.InvalidateAll();
    /// Console.WriteLine(tables.Contents().Count);             // 0
    /// </code></example>
    public void InvalidateAll()
    {
        _contexts.ForgetPcids();
        _pcid = NoPcid;
    }

    /// <summary>Lists what could be found now, lowest tables first. For inspection: allocates.</summary>
    /// <example><code>
    /// foreach (PagingStructureEntry entry in tables.Contents()) Console.WriteLine(entry.Level);       // 1
    ///                                                                                                 // 3
    /// </code></example>
    public IReadOnlyList<PagingStructureEntry> Contents()
    {
        var entries = new List<PagingStructureEntry>();
        for (int level = 1; level <= TopLevel && _block != null; level++)
        {
            ref Level cache = ref _levels[level];
            for (int set = 0; set < cache.Sets; set++)
            {
                byte* record = cache.Record(set);
                for (int way = 0; way < cache.Ways; way++)
                {
                    ulong tag = ((ulong*)record)[way];
                    ulong value = cache.Values(record)[way];
                    if (Lives(tag, value)) entries.Add(EntryOf(tag, value, level));
                }
            }
        }

        GC.KeepAlive(this);
        return entries;
    }

    /// <summary>Frees the native memory. After it nothing is found, and an insertion is refused.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }
}
