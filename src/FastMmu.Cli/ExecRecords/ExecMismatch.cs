namespace FastMmu.Cli.ExecRecords;

/// <summary>A recorded execve that came out otherwise.</summary>
/// <param name="Line">The line of the record.</param>
/// <param name="Name">The case.</param>
/// <param name="Differences">What differs, one line each.</param>
internal sealed record ExecMismatch(int Line, string Name, IReadOnlyList<string> Differences);
