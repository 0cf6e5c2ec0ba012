using FastMmu.Linux.Areas;

namespace FastMmu.Tests.Linux.Areas;

/// <summary>What a <see cref="VmaTree"/> has to answer: a sorted list, searched from the front.</summary>
internal sealed class VmaList
{
    private readonly List<Vma> _areas;

    public VmaList(IEnumerable<Vma>? areas = null) => _areas = [.. areas ?? []];

    public IReadOnlyList<Vma> Areas => _areas;

    public VmaList Fork() => new(_areas);

    public void Clear() => _areas.Clear();

    public Vma? Find(ulong address) => _areas.Any(area => area.End > address) ? _areas.First(area => area.End > address) : null;

    public Vma? FindBefore(ulong address) => _areas.Any(area => area.End <= address) ? _areas.Last(area => area.End <= address) : null;

    public bool TryInsert(Vma vma)
    {
        if (vma.Start >= vma.End || _areas.Any(area => area.Start < vma.End && vma.Start < area.End)) return false;
        _areas.Add(vma);
        _areas.Sort((one, other) => one.Start.CompareTo(other.Start));
        return true;
    }

    public bool TryRemove(ulong start) => _areas.RemoveAll(area => area.Start == start) == 1;

    public bool TryReplace(ulong start, Vma vma)
    {
        int index = _areas.FindIndex(area => area.Start == start);
        if (index < 0 || vma.Start >= vma.End || (index > 0 && _areas[index - 1].End > vma.Start)
            || (index + 1 < _areas.Count && _areas[index + 1].Start < vma.End))
        {
            return false;
        }

        _areas[index] = vma;
        return true;
    }

    /// <summary>The free ranges inside [low, high), in order.</summary>
    public IEnumerable<(ulong Start, ulong End)> Gaps(ulong low, ulong high)
    {
        ulong floor = low;
        foreach (Vma area in _areas)
        {
            ulong ceiling = Math.Min(high, area.Start);
            if (ceiling > floor) yield return (floor, ceiling);
            floor = Math.Max(floor, area.End);
        }

        if (high > floor) yield return (floor, high);
    }

    public ulong? HighestGap(ulong low, ulong high, ulong length)
    {
        (ulong Start, ulong End)[] gaps = length == 0 ? [] : [.. Gaps(low, high).Where(gap => gap.End - gap.Start >= length)];
        return gaps.Length == 0 ? null : gaps[^1].End - length;
    }

    public ulong? LowestGap(ulong low, ulong high, ulong length)
    {
        (ulong Start, ulong End)[] gaps = length == 0 ? [] : [.. Gaps(low, high).Where(gap => gap.End - gap.Start >= length)];
        return gaps.Length == 0 ? null : gaps[0].Start;
    }
}
