namespace FastMmu.Cli.ExecRecords;

/// <summary>An area in the terms of /proc/PID/smaps.</summary>
internal readonly record struct ExecArea(ulong Start, ulong End, string Permissions, ulong Offset, string Name, ulong Rss, ulong Anonymous, string Flags)
{
    public override string ToString() => $"{Start:x8}-{End:x8} {Permissions} {Offset:x} {Name} rss {Rss} anon {Anonymous} [{Flags}]";
}
