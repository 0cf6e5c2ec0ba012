using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>
/// Grows paging structures of one mode. Most entries are legal, so that walks get deep; tables come from a small pool, so that they are shared
/// between paths and levels, and contain themselves.
/// </summary>
/// <param name="random">Where choices come from.</param>
/// <param name="state">Registers and features: what is legal.</param>
/// <param name="nextTable">Picks the table that an entry at a level refers to.</param>
/// <param name="nextPage">Picks the page of 2^n bytes that a leaf maps.</param>
internal sealed class TableBuilder(EdgeRandom random, PagingState state, Func<int, ulong> nextTable, Func<int, ulong> nextPage)
{
    private const ulong Present = 1;
    private const ulong LargePage = 1UL << 7;

    private readonly List<TableWord> _words = [];
    private readonly Dictionary<ulong, int> _at = [];

    public IReadOnlyList<TableWord> Words => _words;

    private bool TwoLevel => state.Mode == PagingMode.TwoLevel;

    private bool Pae => state.Mode == PagingMode.Pae;

    private bool LongMode => state.Mode is PagingMode.FourLevel or PagingMode.FiveLevel;

    private int Bytes => TwoLevel ? 4 : 8;

    /// <summary>The level of the table that CR3 points to.</summary>
    public int TopLevel => state.Mode switch { PagingMode.TwoLevel => 2, PagingMode.Pae => 3, PagingMode.FourLevel => 4, _ => 5 };

    /// <summary>Makes the entries on the way to an address that are not there yet.</summary>
    public void Reach(ulong root, ulong linear) => Follow(root, linear, Put);

    /// <summary>Numbers of the words on the way to an address, from the top.</summary>
    public List<int> Path(ulong root, ulong linear)
    {
        List<int> path = [];
        Follow(root, linear, (address, _) =>
        {
            if (!_at.TryGetValue(address, out int number)) return 0;
            path.Add(number);
            return _words[number].Value;
        });
        return path;
    }

    /// <summary>A new entry for a level.</summary>
    public ulong Entry(int level)
    {
        if (Pae && level == 3) return nextTable(level) | Present | random.Bit(3, 8) | random.Bit(4, 8) | random.Some(7UL << 9);
        bool large = level switch
        {
            2 => random.OneIn(TwoLevel && !state.Cr4.Pse ? 8 : 4),
            3 => LongMode && random.OneIn(state.Features.OneGigabytePages ? 4 : 16),
            _ => false,
        };
        bool leaf = large || level == 1;
        ulong entry = random.Bit(3, 6) | random.Bit(4, 6) | random.Bit(5, 2) | random.Bit(6, 2) | random.Bit(8, leaf ? 4 : 16) | random.Some(7UL << 9);
        if (!random.OneIn(24)) entry |= Present;
        if (!random.OneIn(leaf ? 3 : 12)) entry |= 1 << 1;
        if (!random.OneIn(leaf ? 3 : 10)) entry |= 1 << 2;
        if (!leaf) entry |= nextTable(level);
        else if (level == 1) entry |= nextPage(12) | random.Bit(7, 4);
        else entry |= LargePage | random.Bit(12, 4) | LargeFrame(level);

        if (TwoLevel) return (uint)entry;
        if (state.Efer.Nxe) entry |= random.Bit(63, leaf ? 4 : 10);
        // Bits 58:52 are software's, 62:59 its own or the key; PAE has neither.
        if (LongMode) entry |= random.Some(0x7fUL << 52) | ((ulong)random.Pick(0, 0, 0, 0, 0, 1, 2, 15) << 59);
        return entry;
    }

    /// <summary>Breaks, or bends, an entry: another value for the word with this number.</summary>
    public TableWord Bent(int number)
    {
        TableWord word = _words[number];
        int width = state.Features.PhysicalAddressBits;
        ulong value = random.Below(8) switch
        {
            0 => word.Value & ~Present,
            1 => word.Value ^ LargePage,
            2 => word.Value ^ (1UL << 63),
            3 when width < 52 => word.Value | (1UL << random.Between(width, 51)),
            4 => random.Word(),
            5 => word.Value ^ (1UL << random.Between(12, 30)),
            _ => word.Value ^ (1UL << random.Below(64)),
        };
        return word with { Value = word.Bytes == 4 ? (uint)value : value };
    }

    /// <summary>Bends entries in place, but for those of one level.</summary>
    public void Bend(int count, int spareLevel)
    {
        for (int i = 0; i < count && _words.Count > 0; i++)
        {
            int number = random.Below(_words.Count);
            if (_words[number].Level != spareLevel) _words[number] = Bent(number);
        }
    }

    private void Follow(ulong root, ulong linear, Func<ulong, int, ulong> read)
    {
        ulong table = root;
        for (int level = TopLevel; level > 0; level--)
        {
            int bits = TwoLevel ? 10 : 9;
            ulong index = (linear >> (12 + ((level - 1) * bits))) & ((1UL << (Pae && level == 3 ? 2 : bits)) - 1);
            ulong entry = read(table + (index * (ulong)Bytes), level);
            if ((entry & Present) == 0 || (level > 1 && IsLarge(level, entry))) return;
            table = entry & (TwoLevel ? 0xffff_f000UL : 0x000f_ffff_ffff_f000UL);
        }
    }

    private ulong Put(ulong address, int level)
    {
        if (_at.TryGetValue(address, out int number)) return _words[number].Value;
        _at.Add(address, _words.Count);
        _words.Add(new TableWord(address, Entry(level), Bytes, level));
        return _words[^1].Value;
    }

    private bool IsLarge(int level, ulong entry) => (entry & LargePage) != 0 && (level == 2 ? !TwoLevel || state.Cr4.Pse : LongMode);

    private ulong LargeFrame(int level)
    {
        if (!TwoLevel) return nextPage(level == 2 ? 21 : 30);
        // PSE-36: address bits 39:32 stand in bits 20:13.
        ulong frame = nextPage(22);
        return (frame & 0xffc0_0000) | (state.Features.Pse36 ? ((frame >> 32) & 0xff) << 13 : 0);
    }
}
