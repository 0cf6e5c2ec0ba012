using System.Runtime.CompilerServices;
using FastMmu.Addresses;

namespace FastMmu.Tlb;

/// <summary>What a TLB counted: a value, a copy of the counters at one moment.</summary>
/// <remarks>Walks and the entries they read are the walker's to count. A lookup is a hit at one level or a miss of all.</remarks>
public struct TlbStatistics : IEquatable<TlbStatistics>
{
    private Counters _hits;
    private Counters _evictions;
    private ulong _dataMisses;
    private ulong _instructionMisses;

    /// <summary>Translations stored by <see cref="TranslationCache.Insert"/>.</summary>
    public ulong Insertions { get; internal set; }

    /// <summary>Lookups: hits and misses.</summary>
    public readonly ulong Lookups => TotalHits + Misses;

    /// <summary>Hits at any level.</summary>
    public readonly ulong TotalHits => Hits(1) + Hits(2);

    /// <summary>Lookups that no level answered.</summary>
    public readonly ulong Misses => _dataMisses + _instructionMisses;

    /// <summary>Translations pushed out of a full set at any level. One that another level still holds counts all the same.</summary>
    public readonly ulong TotalEvictions => Evictions(1) + Evictions(2);

    /// <summary>Hits at a level.</summary>
    /// <param name="level">1 or 2.</param>
    /// <example><code>
    /// using TranslationCache tlb = TranslationCache.Create(TlbPreset.Zen4, statistics: true);
    /// tlb.Insert(new TlbEntry(0x1000, 0x8000, PageSize.Size4K, pcid: 0, PathRights.User), TlbAccess.Data);
    /// tlb.TryFind(0x1234, 0, TlbAccess.Data, out _);
    /// Console.WriteLine($"{tlb.Statistics.Hits(1)} in the first level, {tlb.Statistics.Hits(2)} in the second");     // 1 in the first level, 0 in the second
    /// </code></example>
    public readonly ulong Hits(int level) => _hits.Sum(level);

    /// <summary>Hits at a level, of one kind of access, in pages of one size.</summary>
    /// <param name="level">1 or 2.</param>
    /// <param name="kind">Fetch or data.</param>
    /// <param name="size">The page size.</param>
    public readonly ulong Hits(int level, TlbAccess kind, PageSize size) => _hits[Counters.Index(level, kind, TlbPageIndex.Of(size))];

    /// <summary>Misses of one kind of access.</summary>
    /// <param name="kind">Fetch or data.</param>
    /// <example><code>
    /// using TranslationCache tlb = TranslationCache.Create(TlbPreset.Zen4, statistics: true);
    /// tlb.TryFind(0x1234, 0, TlbAccess.Instruction, out _);
    /// Console.WriteLine(tlb.Statistics.MissesOf(TlbAccess.Instruction));      // 1
    /// </code></example>
    public readonly ulong MissesOf(TlbAccess kind) => kind == TlbAccess.Data ? _dataMisses : _instructionMisses;

    /// <summary>Evictions from a level.</summary>
    /// <param name="level">1 or 2.</param>
    /// <example><code>
    /// using TranslationCache tlb = TranslationCache.Create(TlbPreset.Intel80386, statistics: true);
    /// for (ulong page = 0; page &lt; 33; page++) tlb.Insert(new TlbEntry(page &lt;&lt; 12, 0, PageSize.Size4K, pcid: 0, PathRights.User), TlbAccess.Data);
    /// Console.WriteLine(tlb.Statistics.Evictions(1));     // 1
    /// </code></example>
    public readonly ulong Evictions(int level) => _evictions.Sum(level);

    /// <summary>Evictions from a level, caused by one kind of access, of pages of one size.</summary>
    /// <param name="level">1 or 2.</param>
    /// <param name="kind">The kind of access that needed the room.</param>
    /// <param name="size">The size of the page that had to go.</param>
    public readonly ulong Evictions(int level, TlbAccess kind, PageSize size) => _evictions[Counters.Index(level, kind, TlbPageIndex.Of(size))];

    /// <summary>Whether every counter is the same.</summary>
    /// <param name="other">The other counts.</param>
    public readonly bool Equals(TlbStatistics other) =>
        Insertions == other.Insertions && _dataMisses == other._dataMisses && _instructionMisses == other._instructionMisses
        && ((ReadOnlySpan<ulong>)_hits).SequenceEqual(other._hits) && ((ReadOnlySpan<ulong>)_evictions).SequenceEqual(other._evictions);

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is TlbStatistics other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode() => HashCode.Combine(Insertions, TotalHits, Misses, TotalEvictions);

    /// <summary>Whether every counter is the same.</summary>
    /// <param name="left">Some counts.</param>
    /// <param name="right">Others.</param>
    public static bool operator ==(TlbStatistics left, TlbStatistics right) => left.Equals(right);

    /// <summary>Whether any counter differs.</summary>
    /// <param name="left">Some counts.</param>
    /// <param name="right">Others.</param>
    public static bool operator !=(TlbStatistics left, TlbStatistics right) => !left.Equals(right);

    /// <summary><c>1000 lookups: 900 L1 hits, 60 L2 hits, 40 misses; 35 evictions</c>.</summary>
    public override readonly string ToString() =>
        $"{Lookups} lookups: {Hits(1)} L1 hits, {Hits(2)} L2 hits, {Misses} misses; {TotalEvictions} evictions";

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountHit(int level, TlbAccess kind, int size) => _hits[Counters.Index(level, kind, size)]++;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountEviction(int level, TlbAccess kind, int size) => _evictions[Counters.Index(level, kind, size)]++;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountMiss(TlbAccess kind)
    {
        if (kind == TlbAccess.Data) _dataMisses++;
        else _instructionMisses++;
    }

    /// <summary>A counter for each level, kind of access and page size.</summary>
    [InlineArray(2 * 2 * TlbPageIndex.Count)]
    private struct Counters
    {
        private ulong _first;

        public static int Index(int level, TlbAccess kind, int size) => ((((level - 1) * 2) + (int)kind) * TlbPageIndex.Count) + size;

        public readonly ulong Sum(int level)
        {
            ulong sum = 0;
            for (int i = Index(level, TlbAccess.Data, 0); i < Index(level + 1, TlbAccess.Data, 0); i++) sum += this[i];
            return sum;
        }
    }
}
