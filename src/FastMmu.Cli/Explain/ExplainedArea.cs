namespace FastMmu.Cli.Explain;

/// <summary>The area (vma) of a process that an address lies in.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">The address behind the last one.</param>
/// <param name="Permissions">Four letters, as <c>rw-p</c>.</param>
/// <param name="Offset">The byte of the file that it begins with.</param>
/// <param name="Name">File, or a name in brackets; empty for anonymous memory.</param>
/// <param name="Flags">The two-letter codes of smaps; empty where they are not known.</param>
internal sealed record ExplainedArea(ulong Start, ulong End, string Permissions, ulong Offset, string Name, string Flags);
