namespace FastMmu.Tlb;

/// <summary>
/// The whole translation cache of one virtual CPU: it stores and finds translations, forgets them when told to, and knows no page table.
/// </summary>
/// <remarks>
/// <para>
/// What it promises: it answers only with what was inserted and not invalidated since; and whatever was inserted, at most one
/// translation is left that could answer for a linear address under a PCID, so no access ever sees a mixture of two page sizes, or
/// of a global and a non-global translation. Inserting drops every older translation that could answer for an address the new one answers for.
/// It may forget anything at any time, as the architecture lets a processor do.
/// </para>
/// <para>
/// Linear addresses are canonical for 57 bits, as all addresses are that any paging mode translates; others are never found.
/// PCIDs are 0 to 4095, 0 while CR4.PCIDE=0.
/// </para>
/// <para>Owned by one virtual CPU: not thread-safe. A shoot-down is asked of the owner, as on a real machine.</para>
/// Source: Intel SDM vol. 3A, "Translation Lookaside Buffers (TLBs)" (4.10.2) and "Invalidation of TLBs and Paging-Structure Caches" (4.10.4).
/// </remarks>
/// <example><code>
/// using TranslationCache tlb = TranslationCache.Create(TlbPreset.Zen4, statistics: true);
/// tlb.Insert(new TlbEntry(0x40_0000, 0x80_0000, PageSize.Size2M, pcid: 1, PathRights.User), TlbAccess.Data);
/// tlb.Insert(new TlbEntry(0x1000, 0x8000, PageSize.Size4K, pcid: 1, PathRights.User, global: true), TlbAccess.Data);
/// Console.WriteLine(tlb.TryFind(0x41_0000, 1, TlbAccess.Data, out TlbEntry entry));      // True
/// </code></example>
public abstract class TranslationCache : IDisposable
{
    private protected TranslationCache()
    {
    }

    /// <summary>The arrays, from the first level down; empty if nothing is ever cached.</summary>
    public abstract IReadOnlyList<TlbArrayDescription> Arrays { get; }

    /// <summary>What was counted since creation or <see cref="ResetStatistics"/>; all zero where nothing is counted.</summary>
    public abstract TlbStatistics Statistics { get; }

    /// <summary>Makes the cache of a real processor.</summary>
    /// <param name="preset">The processor.</param>
    /// <param name="replacement">Which entry of a full set makes room.</param>
    /// <param name="statistics">Whether hits, misses and evictions are counted; costs nothing when not.</param>
    /// <param name="seed">Seed of random replacement; the same seed gives the same evictions.</param>
    /// <returns>An empty cache; dispose of it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Unknown preset or replacement.</exception>
    /// <example><code>
    /// using TranslationCache old = TranslationCache.Create(TlbPreset.Intel80386);
    /// Console.WriteLine(old.Arrays[0].Shape.Capacity);        // 32
    /// </code></example>
    public static TranslationCache Create(
        TlbPreset preset, ReplacementKind replacement = ReplacementKind.TreePlru, bool statistics = false, ulong seed = 1) =>
        TlbPresets.Create(preset, replacement, statistics, seed);

    /// <summary>Makes a cache of the caller's own geometry.</summary>
    /// <typeparam name="TGeometry">The geometry.</typeparam>
    /// <param name="replacement">Which entry of a full set makes room.</param>
    /// <param name="statistics">Whether hits, misses and evictions are counted; costs nothing when not.</param>
    /// <param name="seed">Seed of random replacement; the same seed gives the same evictions.</param>
    /// <returns>An empty cache; dispose of it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Unknown replacement.</exception>
    /// <exception cref="ArgumentException">Sets that are no power of two, or ways out of range.</exception>
    public static TranslationCache Create<TGeometry>(
        ReplacementKind replacement = ReplacementKind.TreePlru, bool statistics = false, ulong seed = 1)
        where TGeometry : struct, ITlbGeometry => (replacement, statistics) switch
        {
            (ReplacementKind.TrueLru, false) => new SetAssociativeTlb<TGeometry, TrueLru, NoTlbStatistics>(seed),
            (ReplacementKind.TrueLru, true) => new SetAssociativeTlb<TGeometry, TrueLru, CountTlbStatistics>(seed),
            (ReplacementKind.TreePlru, false) => new SetAssociativeTlb<TGeometry, TreePlru, NoTlbStatistics>(seed),
            (ReplacementKind.TreePlru, true) => new SetAssociativeTlb<TGeometry, TreePlru, CountTlbStatistics>(seed),
            (ReplacementKind.Random, false) => new SetAssociativeTlb<TGeometry, RandomReplacement, NoTlbStatistics>(seed),
            (ReplacementKind.Random, true) => new SetAssociativeTlb<TGeometry, RandomReplacement, CountTlbStatistics>(seed),
            _ => throw new ArgumentOutOfRangeException(nameof(replacement), replacement, "Unknown replacement."),
        };

    /// <summary>Looks a translation up, in every page size that is present; a hit in the second level refills the first.</summary>
    /// <param name="linear">Any linear address.</param>
    /// <param name="pcid">The current PCID; global translations answer under every one.</param>
    /// <param name="kind">Fetch or data.</param>
    /// <param name="entry">The translation, or <c>default</c>.</param>
    /// <returns>Whether there is one. It says nothing about rights: those are the caller's check.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pcid"/> is not 0 to 4095.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryFind(0x41_0000, 2, TlbAccess.Data, out entry));        // False
    /// Console.WriteLine(tlb.TryFind(0x1fff, 2, TlbAccess.Data, out entry));           // True
    /// Console.WriteLine(entry.PhysicalOf(0x1fff).ToString("x"));                      // 8fff
    /// </code></example>
    public abstract bool TryFind(ulong linear, int pcid, TlbAccess kind, out TlbEntry entry);

    /// <summary>
    /// Says what <see cref="TryFind"/> would find, and changes nothing: no replacement state, no counter, no level. Slower; for inspection.
    /// </summary>
    /// <param name="linear">Any linear address.</param>
    /// <param name="pcid">The PCID to look under.</param>
    /// <param name="kind">Fetch or data.</param>
    /// <param name="entry">The translation, or <c>default</c>.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pcid"/> is not 0 to 4095.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryPeek(0x41_0000, 1, TlbAccess.Data, out entry));        // True
    /// Console.WriteLine(tlb.Statistics.Lookups);                                      // 1
    /// </code></example>
    public abstract bool TryPeek(ulong linear, int pcid, TlbAccess kind, out TlbEntry entry);

    /// <summary>
    /// Stores a translation, in place of every older one that could answer for an address this one answers for: the same page,
    /// a page of another size that shares an address with it, under the same PCID, global, or, if this one is global, under any PCID.
    /// </summary>
    /// <param name="entry">The translation.</param>
    /// <param name="kind">The kind of access that needed it, which chooses the arrays that it enters.</param>
    /// <exception cref="ArgumentException">The entry is empty, has no page size, or lies at an address that is not canonical for 57 bits.</exception>
    /// <example><code>
    /// tlb.Insert(new TlbEntry(0x41_0000, 0x9000, PageSize.Size4K, pcid: 1, PathRights.User), TlbAccess.Data);
    /// Console.WriteLine(tlb.TryPeek(0x40_0000, 1, TlbAccess.Data, out entry));        // False
    /// </code></example>
    public abstract void Insert(in TlbEntry entry, TlbAccess kind);

    /// <summary>
    /// INVLPG, and what a page fault does: drops what answers for an address under a PCID, whatever its page size, globals included.
    /// </summary>
    /// <param name="linear">Any linear address; one that is not canonical drops nothing.</param>
    /// <param name="pcid">The current PCID.</param>
    /// <remarks>Source: Intel SDM vol. 3A, "Operations that Invalidate TLBs and Paging-Structure Caches" (4.10.4.1).</remarks>
    /// <example><code>
    /// tlb.InvalidatePage(0x1234, pcid: 5);
    /// Console.WriteLine(tlb.TryPeek(0x1000, 1, TlbAccess.Data, out entry));           // False
    /// </code></example>
    public abstract void InvalidatePage(ulong linear, int pcid);

    /// <summary>INVPCID type 0: drops what answers for an address under a PCID, whatever its page size, but spares globals.</summary>
    /// <param name="pcid">The PCID of the descriptor.</param>
    /// <param name="linear">The linear address of the descriptor.</param>
    /// <example><code>
    /// tlb.InvalidateAddress(pcid: 1, 0x1234);
    /// Console.WriteLine(tlb.TryPeek(0x1000, 1, TlbAccess.Data, out entry));           // True
    /// </code></example>
    public abstract void InvalidateAddress(int pcid, ulong linear);

    /// <summary>INVPCID type 1, and MOV to CR3 with bit 63 clear: drops a PCID's translations but spares globals. O(1).</summary>
    /// <param name="pcid">The PCID.</param>
    /// <example><code>
    /// tlb.InvalidatePcid(1);
    /// Console.WriteLine(tlb.TryPeek(0x40_0000, 1, TlbAccess.Data, out entry));        // False
    /// Console.WriteLine(tlb.TryPeek(0x1000, 1, TlbAccess.Data, out entry));           // True
    /// </code></example>
    public abstract void InvalidatePcid(int pcid);

    /// <summary>INVPCID type 3, and MOV to CR3 with CR4.PCIDE=0: drops every PCID's translations but spares globals. O(1).</summary>
    /// <example><code>
    /// tlb.InvalidateNonGlobal();
    /// Console.WriteLine(tlb.Contents().All(slot =&gt; slot.Entry.Global));               // True
    /// </code></example>
    public abstract void InvalidateNonGlobal();

    /// <summary>INVPCID type 2, and the changes of CR0, CR4 and EFER that change how paging works: drops everything. O(1).</summary>
    /// <example><code>
    /// tlb.InvalidateAll();
    /// Console.WriteLine(tlb.Contents().Count);                                        // 0
    /// </code></example>
    public abstract void InvalidateAll();

    /// <summary>Sets what was counted to zero.</summary>
    /// <example><code>
    /// tlb.ResetStatistics();
    /// Console.WriteLine(tlb.Statistics.Lookups);                                      // 0
    /// </code></example>
    public abstract void ResetStatistics();

    /// <summary>
    /// Lists what would answer now, array by array, with the copies that several levels hold of one translation. For inspection: allocates.
    /// </summary>
    /// <example><code>
    /// Console.WriteLine(tlb.Contents().Select(slot =&gt; slot.Entry.Linear).Distinct().Count());    // 2
    /// </code></example>
    public abstract IReadOnlyList<TlbSlot> Contents();

    /// <summary>Frees the native memory. After it nothing is found, and an insertion is refused.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the native memory.</summary>
    /// <param name="disposing">False from the finalizer.</param>
    protected abstract void Dispose(bool disposing);
}
