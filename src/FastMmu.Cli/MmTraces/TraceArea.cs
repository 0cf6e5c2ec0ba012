using FastMmu.Linux.Areas;
using FastMmu.Linux.Proc;

namespace FastMmu.Cli.MmTraces;

/// <summary>One area as /proc/PID/smaps shows it.</summary>
/// <param name="Start">Its first byte.</param>
/// <param name="End">The byte behind its last.</param>
/// <param name="Offset">The offset in its file; 0 without a file.</param>
/// <param name="Flags">The VmFlags line.</param>
/// <param name="Permissions">The permissions of its maps line: Read, Write, Exec, and MayShare for 's'.</param>
/// <param name="Name">What it maps, or a name in brackets, or nothing.</param>
/// <param name="Rss">Resident pages that count.</param>
/// <param name="Anonymous">Those of them that are anonymous.</param>
internal readonly record struct TraceArea(ulong Start, ulong End, ulong Offset, VmFlags Flags, VmFlags Permissions, string Name, long Rss, long Anonymous)
{
    /// <summary>The permissions that a maps line shows.</summary>
    public const VmFlags ShownPermissions = VmFlags.AccessMask | VmFlags.MayShare;

    public override string ToString() =>
        $"{Start:x}-{End:x} {VmFlagCodes.Permissions(Permissions)} {Offset:x} {(Name.Length == 0 ? "-" : Name)} [{VmFlagCodes.Text(Flags)}] rss {Rss} anon {Anonymous}";
}
