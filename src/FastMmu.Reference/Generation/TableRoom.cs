using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>Where the tables of a case lie, and the pages that they map.</summary>
internal sealed class TableRoom
{
    private const int MostRoots = 3;
    private const int Tables = 15;

    private readonly EdgeRandom _random;
    private readonly ulong _memoryBytes;
    private readonly ulong _first;
    private readonly ulong _hole;
    private readonly int _pageWidth;
    private readonly ulong _rootOffset;
    private readonly bool _pae;

    public TableRoom(EdgeRandom random, in PagingState state, ulong memoryBytes)
    {
        _random = random;
        _memoryBytes = memoryBytes;
        int frames = (int)(memoryBytes >> 12) - MostRoots - Tables;
        _first = (ulong)random.Between(1, frames - 1) << 12;
        _pae = state.Mode == PagingMode.Pae;
        bool twoLevel = state.Mode == PagingMode.TwoLevel;
        int width = state.Features.PhysicalAddressBits;
        _pageWidth = twoLevel ? Math.Min(40, width) : width;
        _hole = (1UL << (twoLevel ? 32 : width)) - 0x1000;
        // PAE's four entries may stand anywhere in a page.
        _rootOffset = _pae ? random.Pick<ulong>(0, 0, 32, 127 * 32) : 0;
        Roots = random.Pick(1, 1, 2, 3);
    }

    /// <summary>How many address spaces there are.</summary>
    public int Roots { get; }

    /// <summary>What CR3 holds for an address space, flags and PCID apart.</summary>
    public ulong Root(int number) => _first + ((ulong)number << 12) + _rootOffset;

    /// <summary>Whether there is memory for tables.</summary>
    public bool Holds(ulong address) => address < _memoryBytes;

    /// <summary>A table for an entry of some level to refer to.</summary>
    public ulong Table(int level)
    {
        // Tables of one level mostly keep to themselves, so that most trees are trees. A root is a table too, but PAE's four entries are none.
        if (_random.OneIn(64)) return _hole;
        if (_random.OneIn(48) && !_pae) return _first;
        int index = _random.OneIn(6) ? _random.Below(Tables) : (3 * (level - 2)) + _random.Below(3);
        return _first + ((ulong)(MostRoots + index) << 12);
    }

    /// <summary>A page of 2^<paramref name="bits"/> bytes.</summary>
    public ulong Page(int bits)
    {
        int width = bits == 12 ? Math.Min(_pageWidth, _hole > uint.MaxValue ? 52 : 32) : _pageWidth;
        ulong limit = (1UL << width) - 1;
        ulong page = _random.Below(4) switch
        {
            0 => _random.Next64(),
            1 => limit,
            _ => _random.Next64() & 0xff_ffff,
        };
        return (page & limit) >> bits << bits;
    }
}
