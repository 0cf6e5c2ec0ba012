namespace FastMmu.Reference.Generation;

/// <summary>Smaller lists and smaller numbers, largest steps first.</summary>
internal static class Shrinking
{
    /// <summary>The list without a run of its items: halves, quarters, down to single items.</summary>
    public static IEnumerable<IReadOnlyList<T>> Without<T>(IReadOnlyList<T> items)
    {
        for (int run = Math.Max(1, items.Count / 2); items.Count > 0; run /= 2)
        {
            for (int start = 0; start < items.Count; start += run)
            {
                yield return [.. items.Take(start), .. items.Skip(start + run)];
            }

            if (run == 1) break;
        }
    }

    /// <summary>The list with one of its items made smaller.</summary>
    public static IEnumerable<IReadOnlyList<T>> Each<T>(IReadOnlyList<T> items, Func<T, IEnumerable<T>> smaller)
    {
        for (int i = 0; i < items.Count; i++)
        {
            foreach (T item in smaller(items[i]))
            {
                T[] copy = [.. items];
                copy[i] = item;
                yield return copy;
            }
        }
    }

    /// <summary>The number with one of its bits cleared, the highest first.</summary>
    public static IEnumerable<ulong> Bits(ulong value)
    {
        for (int bit = 63; bit >= 0; bit--)
        {
            if (((value >> bit) & 1) != 0) yield return value & ~(1UL << bit);
        }
    }
}
