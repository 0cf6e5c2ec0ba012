using System.Text;

namespace FastMmu.Reference.Generation;

/// <summary>Lists as failure messages print them: what was shrunk in full, what was not in part.</summary>
internal static class Listing
{
    private const int Longest = 40;

    public static void Append<T>(StringBuilder text, IReadOnlyList<T> items)
    {
        foreach (T item in items.Take(Longest)) text.Append("  ").Append(item).AppendLine();
        if (items.Count > Longest) text.Append("  and ").Append(items.Count - Longest).AppendLine(" more");
    }
}
