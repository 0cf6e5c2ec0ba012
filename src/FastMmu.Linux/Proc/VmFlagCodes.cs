using System.Text;
using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Proc;

/// <summary>The two-letter codes of the VmFlags line of /proc/PID/smaps, and the four letters of permissions of /proc/PID/maps.</summary>
/// <remarks>Source: fs/proc/task_mmu.c:show_smap_vma_flags, show_vma_header_prefix of Linux 6.18.</remarks>
public static class VmFlagCodes
{
    private static readonly (string Code, VmFlags Flag)[] Codes =
    [
        ("rd", VmFlags.Read), ("wr", VmFlags.Write), ("ex", VmFlags.Exec), ("sh", VmFlags.Shared),
        ("mr", VmFlags.MayRead), ("mw", VmFlags.MayWrite), ("me", VmFlags.MayExec), ("ms", VmFlags.MayShare),
        ("gd", VmFlags.GrowsDown), ("um", VmFlags.UffdMissing), ("pf", VmFlags.PfnMap), ("gu", VmFlags.MaybeGuard),
        ("uw", VmFlags.UffdWriteProtect), ("lo", VmFlags.Locked), ("io", VmFlags.Io), ("sr", VmFlags.SeqRead), ("rr", VmFlags.RandRead),
        ("dc", VmFlags.DontCopy), ("de", VmFlags.DontExpand), ("lf", VmFlags.LockOnFault), ("ac", VmFlags.Account),
        ("nr", VmFlags.NoReserve), ("ht", VmFlags.HugeTlb), ("sf", VmFlags.Sync), ("ar", VmFlags.Arch1),
        ("wf", VmFlags.WipeOnFork), ("dd", VmFlags.DontDump), ("sd", VmFlags.SoftDirty), ("mm", VmFlags.MixedMap),
        ("hg", VmFlags.HugePage), ("nh", VmFlags.NoHugePage), ("mg", VmFlags.Mergeable), ("ui", VmFlags.UffdMinor),
        ("dp", VmFlags.Droppable), ("sl", VmFlags.Sealed),
    ];

    // Every code is two small letters: a table of 26 x 26 finds it.
    private static readonly VmFlags[] ByCode = CreateTable();

    /// <summary>Reads <c>rd wr mr ...</c>.</summary>
    /// <param name="text">Codes with a space between them.</param>
    /// <param name="flags">The flags.</param>
    /// <returns>False when something in it is no code.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out VmFlags flags)
    {
        flags = VmFlags.None;
        for (int i = 0; i < text.Length; i += 3)
        {
            if (i + 2 > text.Length || (i + 2 < text.Length && text[i + 2] != ' ')) return false;
            uint first = text[i] - (uint)'a', second = text[i + 1] - (uint)'a';
            if (first >= 26 || second >= 26 || ByCode[(first * 26) + second] is VmFlags.None) return false;
            flags |= ByCode[(first * 26) + second];
        }

        return true;
    }

    /// <summary>Flags as <c>rd wr mr ...</c>, in the order of the line.</summary>
    /// <param name="flags">The flags; a protection key has no code.</param>
    public static string Text(VmFlags flags)
    {
        var text = new StringBuilder();
        foreach ((string code, VmFlags flag) in Codes)
        {
            if ((flags & flag) == 0) continue;
            if (text.Length > 0) text.Append(' ');
            text.Append(code);
        }

        return text.ToString();
    }

    /// <summary>Reads <c>rwxp</c>, <c>r--s</c>, ...</summary>
    /// <param name="text">Four letters.</param>
    /// <param name="permissions">Of Read, Write, Exec and MayShare those that it names.</param>
    /// <returns>False when it is something else.</returns>
    public static bool TryParsePermissions(ReadOnlySpan<byte> text, out VmFlags permissions)
    {
        permissions = VmFlags.None;
        if (text.Length != 4 || text[0] is not ((byte)'r' or (byte)'-') || text[1] is not ((byte)'w' or (byte)'-')
            || text[2] is not ((byte)'x' or (byte)'-') || text[3] is not ((byte)'s' or (byte)'p')) return false;
        if (text[0] == 'r') permissions |= VmFlags.Read;
        if (text[1] == 'w') permissions |= VmFlags.Write;
        if (text[2] == 'x') permissions |= VmFlags.Exec;
        if (text[3] == 's') permissions |= VmFlags.MayShare;
        return true;
    }

    /// <summary>Permissions as <c>rwxp</c>; the last letter is <c>s</c> for whatever was mapped with MAP_SHARED.</summary>
    /// <param name="flags">An area's flags.</param>
    public static string Permissions(VmFlags flags) => string.Create(4, flags, static (text, f) =>
    {
        text[0] = (f & VmFlags.Read) != 0 ? 'r' : '-';
        text[1] = (f & VmFlags.Write) != 0 ? 'w' : '-';
        text[2] = (f & VmFlags.Exec) != 0 ? 'x' : '-';
        text[3] = (f & VmFlags.MayShare) != 0 ? 's' : 'p';
    });

    private static VmFlags[] CreateTable()
    {
        var table = new VmFlags[26 * 26];
        foreach ((string code, VmFlags flag) in Codes) table[((code[0] - 'a') * 26) + code[1] - 'a'] = flag;
        return table;
    }
}
