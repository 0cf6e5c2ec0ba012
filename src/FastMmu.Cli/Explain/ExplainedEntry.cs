namespace FastMmu.Cli.Explain;

/// <summary>An entry that a walk read.</summary>
/// <param name="Level">Its level, 1 to 5.</param>
/// <param name="Table">What the manual calls its table.</param>
/// <param name="Index">Its index there.</param>
/// <param name="Address">Its physical address; null for a PDPTE register.</param>
/// <param name="Raw">The entry.</param>
/// <param name="Meaning">The entry in words.</param>
internal sealed record ExplainedEntry(int Level, string Table, int Index, ulong? Address, ulong Raw, string Meaning);
