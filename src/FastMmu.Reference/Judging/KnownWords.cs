namespace FastMmu.Reference.Judging;

/// <summary>The entries that a case has put into memory, and what each must hold.</summary>
internal sealed class KnownWords(IMmuUnderTest mmu)
{
    private readonly Dictionary<ulong, int> _at = [];
    private readonly List<TableWord> _words = [];

    /// <summary>Puts an entry into memory.</summary>
    public void Write(in TableWord word)
    {
        if (_at.TryGetValue(word.Address, out int number)) _words[number] = word;
        else
        {
            _at.Add(word.Address, _words.Count);
            _words.Add(word);
        }

        mmu.WritePhysical(word.Address, word.Value, word.Bytes);
    }

    /// <summary>The entries that have changed in memory, each as it is now with the bits that differ.</summary>
    public IEnumerable<(TableWord Now, ulong Changed)> Changes()
    {
        for (int i = 0; i < _words.Count; i++)
        {
            TableWord word = _words[i];
            ulong now = mmu.ReadPhysical(word.Address, word.Bytes);
            if (now == word.Value) continue;
            _words[i] = word with { Value = now };
            yield return (_words[i], now ^ word.Value);
        }
    }

    /// <summary>Makes zeros of them.</summary>
    public void Clear()
    {
        foreach (TableWord word in _words) mmu.WritePhysical(word.Address, 0, word.Bytes);
        _words.Clear();
        _at.Clear();
    }
}
