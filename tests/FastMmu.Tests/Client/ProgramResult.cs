namespace FastMmu.Tests.Client;

/// <summary>How a program ended, with all its children.</summary>
/// <param name="Output">What it wrote to its standard output.</param>
/// <param name="Errors">What it wrote to its standard error output.</param>
/// <param name="ExitCode">As a shell says it: 128 and the signal for one that was killed.</param>
/// <param name="Processes">By lineage, <c>0.1</c> being the first child of the first process.</param>
internal sealed record ProgramResult(byte[] Output, string Errors, int ExitCode, SortedDictionary<string, ProcessEnd> Processes);

/// <summary>The end of one process.</summary>
/// <param name="Status">As wait4 gives it.</param>
/// <param name="Maps">/proc/PID/maps at that moment.</param>
internal sealed record ProcessEnd(int Status, string Maps);
