namespace FastMmu.Linux.Areas;

/// <summary>The areas of one address space, sorted and disjoint.</summary>
public sealed class VmaTree : IDisposable
{
    private readonly List<Vma> _areas;

    /// <summary>No areas.</summary>
    public VmaTree() => _areas = [];

    private VmaTree(List<Vma> areas) => _areas = areas;

    /// <summary>How many areas there are (map_count).</summary>
    public int Count => _areas.Count;

    /// <summary>The first area that ends above an address (find_vma): the one that contains it, or the next one.</summary>
    public bool TryFind(ulong address, out Vma vma)
    {
        int index = Index(address);
        vma = index < _areas.Count ? _areas[index] : default;
        return index < _areas.Count;
    }

    /// <summary>The last area that ends at or below an address.</summary>
    public bool TryFindBefore(ulong address, out Vma vma)
    {
        int index = Index(address) - 1;
        vma = index >= 0 ? _areas[index] : default;
        return index >= 0;
    }

    /// <summary>Adds an area.</summary>
    /// <exception cref="ArgumentException">It is empty or overlaps another.</exception>
    public void Insert(in Vma vma)
    {
        int index = Index(vma.Start);
        if (vma.Start >= vma.End || (index < _areas.Count && _areas[index].Start < vma.End))
        {
            throw new ArgumentException("An area must not be empty and not overlap another.", nameof(vma));
        }

        _areas.Insert(index, vma);
    }

    /// <summary>Removes the area that starts at an address.</summary>
    /// <exception cref="ArgumentException">No area starts there.</exception>
    public void Remove(ulong start) => _areas.RemoveAt(Exact(start));

    /// <summary>Puts another value in place of the area that starts at an address; its edges may move as long as neighbours are not touched.</summary>
    /// <exception cref="ArgumentException">No area starts there, or the new one overlaps a neighbour.</exception>
    public void Replace(ulong start, in Vma vma)
    {
        int index = Exact(start);
        if (vma.Start >= vma.End || (index > 0 && _areas[index - 1].End > vma.Start)
            || (index + 1 < _areas.Count && _areas[index + 1].Start < vma.End))
        {
            throw new ArgumentException("An area must not be empty and not overlap another.", nameof(vma));
        }

        _areas[index] = vma;
    }

    /// <summary>The highest start of a free range of a length that lies in [low, high).</summary>
    public bool TryFindHighestGap(ulong low, ulong high, ulong length, out ulong start)
    {
        ulong end = high;
        for (int i = Index(high > 0 ? high - 1 : 0); ; i--)
        {
            ulong floor = i > 0 && i <= _areas.Count ? Math.Max(low, _areas[i - 1].End) : low;
            if (i < _areas.Count)
            {
                end = Math.Min(high, _areas[i].Start);
            }

            if (end >= floor && end - floor >= length)
            {
                start = end - length;
                return true;
            }

            if (i == 0 || floor <= low)
            {
                start = 0;
                return false;
            }
        }
    }

    /// <summary>The lowest start of a free range of a length that lies in [low, high).</summary>
    public bool TryFindLowestGap(ulong low, ulong high, ulong length, out ulong start)
    {
        ulong floor = low;
        for (int i = Index(low); ; i++)
        {
            ulong end = i < _areas.Count ? Math.Min(high, _areas[i].Start) : high;
            if (end >= floor && end - floor >= length)
            {
                start = floor;
                return true;
            }

            if (i >= _areas.Count || _areas[i].End >= high)
            {
                start = 0;
                return false;
            }

            floor = Math.Max(low, _areas[i].End);
        }
    }

    /// <summary>A tree with the same areas that changes independently.</summary>
    public VmaTree Fork() => new([.. _areas]);

    /// <summary>Removes all areas.</summary>
    public void Clear() => _areas.Clear();

    /// <inheritdoc/>
    public void Dispose() => _areas.Clear();

    private int Index(ulong address)
    {
        int low = 0, high = _areas.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_areas[middle].End > address)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    private int Exact(ulong start)
    {
        int index = Index(start);
        return index < _areas.Count && _areas[index].Start == start
            ? index
            : throw new ArgumentException($"No area starts at {start:x}.", nameof(start));
    }
}
