namespace FastMmu.Cli.Images;

/// <summary>Pages that follow each other in linear and in physical memory.</summary>
/// <param name="Linear">First linear address.</param>
/// <param name="Physical">First physical address.</param>
/// <param name="Bytes">Length.</param>
/// <param name="User">Whether user mode may touch them.</param>
internal readonly record struct MappedStretch(ulong Linear, ulong Physical, ulong Bytes, bool User);
