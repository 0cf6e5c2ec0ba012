namespace FastMmu.Cli.Images;

/// <summary>A line of <c>/proc/PID/maps</c>.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">The address behind the last one.</param>
/// <param name="Permissions">Four letters, as <c>rw-p</c>.</param>
/// <param name="Offset">The byte of the file that it begins with.</param>
/// <param name="Name">File, or a name in brackets; empty for anonymous memory.</param>
internal readonly record struct MapsArea(ulong Start, ulong End, string Permissions, ulong Offset, string Name);
