namespace FastMmu.Processor;

/// <summary>How registers name their bits in text.</summary>
internal static class RegisterText
{
    /// <summary>A space and the names of the bits that are set, in brackets, or nothing.</summary>
    internal static string Names(ulong value, ReadOnlySpan<(ulong Bit, string Name)> bits)
    {
        var names = new List<string>();
        foreach ((ulong bit, string name) in bits)
        {
            if ((value & bit) != 0) names.Add(name);
        }

        return names.Count == 0 ? "" : $" [{string.Join(' ', names)}]";
    }
}
