using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>Counts the tables that one arrangement needs, page by page: a table is needed once for each distinct prefix of addresses. Streams.</summary>
public sealed class TableCostCounter
{
    private readonly TableShape _shape;
    private readonly ulong _addressMask;
    // By level, element 0 is unused: how many tables, and the first prefix that has not been counted yet.
    private readonly ulong[] _tables;
    private readonly ulong[] _nextPrefix;
    private readonly int[] _tableShift;
    private ulong _lastStart;
    private bool _fits = true;

    /// <summary>Begins with nothing but the root, which every address space has.</summary>
    /// <param name="shape">The arrangement.</param>
    public TableCostCounter(TableShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        _shape = shape;
        _addressMask = ulong.MaxValue >> (64 - shape.LinearWidth);
        _tables = new ulong[shape.Levels + 1];
        _nextPrefix = new ulong[shape.Levels + 1];
        _tableShift = [0, .. Enumerable.Range(1, shape.Levels).Select(shape.TableShift)];
        _tables[shape.Levels] = 1;
    }

    /// <summary>What the pages so far need.</summary>
    public TableCost Cost
    {
        get
        {
            if (!_fits) return new(_shape, null, null);
            ulong tables = 0, bytes = 0;
            for (int level = 1; level <= _shape.Levels; level++)
            {
                tables += _tables[level];
                bytes += _tables[level] * _shape.TableBytes(level);
            }

            return new(_shape, (long)tables, bytes);
        }
    }

    /// <summary>Adds pages.</summary>
    /// <param name="range">Their addresses; starts must not descend from call to call. A range of no bytes adds nothing.</param>
    /// <param name="largest">The largest page that may map them; they must be pages of this size then. The arrangement may not have that size.</param>
    /// <exception cref="ArgumentException">The range starts below an earlier one.</exception>
    /// <example><code>
    /// var counter = new TableCostCounter(TableShape.FourLevel);
    /// counter.Add(new LinearRange(0, 2 * MiB));
    /// counter.Add(new LinearRange(1 * GiB, 4 * KiB));
    /// Console.WriteLine(counter.Cost.Tables);     // 6
    /// </code></example>
    public void Add(LinearRange range, PageSize largest = PageSize.Size4K)
    {
        if (range.Length == 0) return;
        if (range.Start.Value < _lastStart) throw new ArgumentException($"{range} starts below a range that was added.", nameof(range));
        _lastStart = range.Start.Value;
        if (!_shape.Has(range.Start) || !_shape.Has(range.Last) || range.Last < range.Start || CrossesTheHole(range))
        {
            _fits = false;
            return;
        }

        int page = _shape.LargestPageShift(largest);
        // The root is there anyway; a table that a page covers whole is replaced by the entry above.
        for (int level = _shape.Levels - 1; level >= 1 && _tableShift[level] > page; level--)
        {
            ulong first = Math.Max((range.Start.Value & _addressMask) >> _tableShift[level], _nextPrefix[level]);
            ulong end = ((range.Last.Value & _addressMask) >> _tableShift[level]) + 1;
            if (end <= first) continue;
            _tables[level] += end - first;
            _nextPrefix[level] = end;
        }
    }

    private static bool CrossesTheHole(LinearRange range) => (range.Start.Value ^ range.Last.Value) >> 63 != 0;
}
