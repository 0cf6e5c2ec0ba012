namespace FastMmu.Cli.Programs;

/// <summary>An area of a program, as /proc/PID/maps shows it, with its pages.</summary>
/// <param name="Start">The first byte.</param>
/// <param name="End">The byte behind the last.</param>
/// <param name="Permissions"><c>rwxp</c>.</param>
/// <param name="Offset">Where in the file.</param>
/// <param name="Name">The file, or what the kernel calls it.</param>
/// <param name="Flags">The line VmFlags of smaps.</param>
/// <param name="ResidentAtStart">Pages in memory before the first instruction.</param>
/// <param name="Resident">Pages in memory after every page was touched.</param>
/// <param name="Anonymous">Those of them that are its own.</param>
internal sealed record ProgramArea(
    ulong Start, ulong End, string Permissions, ulong Offset, string Name, string Flags, ulong ResidentAtStart, ulong Resident, ulong Anonymous)
{
    /// <summary>Its bytes.</summary>
    public ulong Bytes => End - Start;
}
