using FastMmu.Addresses;
using FastMmu.Tlb;

namespace FastMmu.Tests.Tlb;

/// <summary>
/// A TLB of the same arrays as another, with true LRU, as lists: each set is a list in order of use. It is exact: it says what every
/// lookup answers, at which level, and what every insertion evicts.
/// </summary>
public sealed class NaiveLruHierarchy
{
    private readonly List<(TlbArrayDescription Description, List<TlbEntry>[] Sets)> _arrays = [];

    public NaiveLruHierarchy(IEnumerable<TlbArrayDescription> arrays)
    {
        foreach (TlbArrayDescription array in arrays)
        {
            _arrays.Add((array, [.. Enumerable.Range(0, array.Shape.Sets).Select(_ => new List<TlbEntry>())]));
        }
    }

    public Dictionary<(int Level, TlbAccess Kind, PageSize Size), ulong> Hits { get; } = [];

    public Dictionary<(int Level, TlbAccess Kind, PageSize Size), ulong> Evictions { get; } = [];

    public Dictionary<TlbAccess, ulong> Misses { get; } = [];

    public TlbEntry? Find(ulong linear, int pcid, TlbAccess kind)
    {
        for (int level = 1; level <= 2; level++)
        {
            foreach (var (description, sets) in Seen(kind, level))
            {
                foreach (List<TlbEntry> set in sets)
                {
                    int found = set.FindIndex(entry => Answers(entry, linear, pcid));
                    if (found < 0) continue;
                    TlbEntry answer = set[found];
                    Use(set, found);
                    Hits[(level, kind, answer.Size)] = Hits.GetValueOrDefault((level, kind, answer.Size)) + 1;
                    if (level == 2) Fill(answer, kind, 1);
                    return answer;
                }
            }
        }

        Misses[kind] = Misses.GetValueOrDefault(kind) + 1;
        return null;
    }

    public void Insert(TlbEntry entry, TlbAccess kind)
    {
        Remove(old => Conflicts(old, entry) && !SameKey(old, entry));
        foreach (var (_, sets) in _arrays)
        {
            foreach (List<TlbEntry> set in sets)
            {
                int copy = set.FindIndex(old => SameKey(old, entry));
                if (copy < 0) continue;
                set[copy] = entry;
                Use(set, copy);
            }
        }

        Fill(entry, kind, 1);
        Fill(entry, kind, 2);
    }

    public void Remove(Predicate<TlbEntry> which)
    {
        foreach (var (_, sets) in _arrays)
        {
            foreach (List<TlbEntry> set in sets) set.RemoveAll(which);
        }
    }

    public static bool Answers(TlbEntry entry, ulong linear, int pcid) =>
        (entry.Global || entry.Pcid == pcid) && linear / Bytes(entry) == entry.Linear / Bytes(entry);

    private static ulong Bytes(TlbEntry entry) => 1UL << (int)entry.Size;

    private static bool Conflicts(TlbEntry a, TlbEntry b) =>
        (Answers(a, b.Linear, a.Pcid) || Answers(b, a.Linear, b.Pcid)) && (a.Global || b.Global || a.Pcid == b.Pcid);

    private static bool SameKey(TlbEntry a, TlbEntry b) =>
        a.Size == b.Size && a.Linear == b.Linear && a.Global == b.Global && (a.Global || a.Pcid == b.Pcid);

    private static void Use(List<TlbEntry> set, int index)
    {
        TlbEntry entry = set[index];
        set.RemoveAt(index);
        set.Insert(0, entry);
    }

    private static bool Holds(TlbPages pages, PageSize size) => pages.HasFlag(size switch
    {
        PageSize.Size4K => TlbPages.Size4K,
        PageSize.Size2M => TlbPages.Size2M,
        PageSize.Size4M => TlbPages.Size4M,
        _ => TlbPages.Size1G,
    });

    private IEnumerable<(TlbArrayDescription Description, List<TlbEntry>[] Sets)> Seen(TlbAccess kind, int level) =>
        _arrays.Where(a => a.Description.Level == level && (kind == TlbAccess.Data ? a.Description.Data : a.Description.Instruction));

    private void Fill(TlbEntry entry, TlbAccess kind, int level)
    {
        foreach (var (description, sets) in Seen(kind, level))
        {
            if (!Holds(description.Shape.Pages, entry.Size)) continue;
            List<TlbEntry> set = sets[(int)(entry.Linear / Bytes(entry) % (ulong)sets.Length)];
            if (set.Exists(old => SameKey(old, entry))) continue;
            if (set.Count == description.Shape.Ways)
            {
                TlbEntry victim = set[^1];
                Evictions[(level, kind, victim.Size)] = Evictions.GetValueOrDefault((level, kind, victim.Size)) + 1;
                set.RemoveAt(set.Count - 1);
            }

            set.Insert(0, entry);
        }
    }
}
