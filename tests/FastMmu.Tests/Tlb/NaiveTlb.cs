using FastMmu.Tlb;

namespace FastMmu.Tests.Tlb;

/// <summary>What a translation cache without limits may answer: a list, searched from end to end, after the words of the manual.</summary>
public sealed class NaiveTlb
{
    private readonly List<TlbEntry> _entries = [];

    public IReadOnlyList<TlbEntry> Entries => _entries;

    public TlbEntry? Find(ulong linear, int pcid)
    {
        TlbEntry? found = null;
        foreach (TlbEntry entry in _entries)
        {
            if (!Answers(entry, linear, pcid)) continue;
            if (found != null) throw new InvalidOperationException($"Two answers for 0x{linear:x}: {found} and {entry}.");
            found = entry;
        }

        return found;
    }

    public void Insert(TlbEntry entry)
    {
        _entries.RemoveAll(old => SharesAnAddress(old, entry) && (old.Global || entry.Global || old.Pcid == entry.Pcid));
        _entries.Add(entry);
    }

    public void InvalidatePage(ulong linear, int pcid) => _entries.RemoveAll(old => Answers(old, linear, pcid));

    public void InvalidateAddress(int pcid, ulong linear) => _entries.RemoveAll(old => !old.Global && Answers(old, linear, pcid));

    public void InvalidatePcid(int pcid) => _entries.RemoveAll(old => !old.Global && old.Pcid == pcid);

    public void InvalidateNonGlobal() => _entries.RemoveAll(old => !old.Global);

    public void InvalidateAll() => _entries.Clear();

    private static bool Answers(TlbEntry entry, ulong linear, int pcid) =>
        (entry.Global || entry.Pcid == pcid) && linear >= entry.Linear && linear - entry.Linear <= (1UL << (int)entry.Size) - 1;

    private static bool SharesAnAddress(TlbEntry a, TlbEntry b)
    {
        ulong lastOfA = a.Linear + ((1UL << (int)a.Size) - 1), lastOfB = b.Linear + ((1UL << (int)b.Size) - 1);
        return a.Linear <= lastOfB && b.Linear <= lastOfA;
    }
}
