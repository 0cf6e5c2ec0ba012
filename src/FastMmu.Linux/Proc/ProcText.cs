using System.Text;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Proc;

/// <summary>The files of /proc/PID that show memory, letter for letter.</summary>
/// <remarks>Source: fs/proc/task_mmu.c and fs/proc/array.c of Linux 6.18; a 64-bit kernel.</remarks>
public static class ProcText
{
    // Where names begin: 25 columns and six for each byte of an address.
    private const int NameColumn = 25 + (sizeof(ulong) * 6) - 1;

    private const ulong VsyscallStart = 0xffff_ffff_ff60_0000;
    private const ulong VsyscallEnd = VsyscallStart + 4096;

    /// <summary>/proc/PID/maps.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="vsyscall">How the kernel shows the vsyscall page, whose line comes last.</param>
    public static string ToProcMaps(this AddressSpace mm, VsyscallMode vsyscall = VsyscallMode.ExecuteOnly)
    {
        ArgumentNullException.ThrowIfNull(mm);
        var text = new StringBuilder();
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            AppendHeader(text, mm, vma);
        }

        // 32-bit programs have none, whichever kernel they run on.
        if (vsyscall != VsyscallMode.None && !mm.Is32Bit)
        {
            AppendHeader(text, VsyscallStart, VsyscallEnd, VsyscallFlags(vsyscall), 0, default, "[vsyscall]");
        }

        return text.ToString();
    }

    /// <summary>/proc/PID/smaps.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="vsyscall">How the kernel shows the vsyscall page, which comes last.</param>
    /// <remarks>Huge pages and swap are not modelled, and their lines are zero.</remarks>
    public static string ToProcSmaps(this AddressSpace mm, VsyscallMode vsyscall = VsyscallMode.ExecuteOnly)
    {
        ArgumentNullException.ThrowIfNull(mm);
        var text = new StringBuilder();
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            AppendHeader(text, mm, vma);
            AppendArea(text, vma.Length, mm.PageMaskOf(vma) + 1, mm.Tables.Usage(vma), vma.Flags, mm.Machine.Settings.ProtectionKeys);
        }

        if (vsyscall != VsyscallMode.None && !mm.Is32Bit)
        {
            AppendHeader(text, VsyscallStart, VsyscallEnd, VsyscallFlags(vsyscall), 0, default, "[vsyscall]");
            AppendArea(text, VsyscallEnd - VsyscallStart, 4096, default, VsyscallFlags(vsyscall), mm.Machine.Settings.ProtectionKeys);
        }

        return text.ToString();
    }

    /// <summary>/proc/PID/smaps_rollup: the sums of smaps; empty without areas.</summary>
    /// <param name="mm">The address space.</param>
    public static string ToProcSmapsRollup(this AddressSpace mm)
    {
        ArgumentNullException.ThrowIfNull(mm);
        var text = new StringBuilder();
        AreaUsage sum = default;
        ulong first = ulong.MaxValue, end = 0;
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            first = Math.Min(first, vma.Start);
            end = vma.End;
            sum += mm.Tables.Usage(vma);
        }

        if (end == 0)
        {
            return "";
        }

        AppendHeader(text, first, end, VmFlags.None, 0, default, "[rollup]");
        AppendUsage(text, sum, rollup: true);
        return text.ToString();
    }

    /// <summary>/proc/PID/statm: size, resident, shared, text, nothing, data and stacks, nothing; in pages.</summary>
    /// <param name="mm">The address space.</param>
    public static string ToProcStatm(this AddressSpace mm)
    {
        ArgumentNullException.ThrowIfNull(mm);
        ulong text = (((mm.EndCode + 0xfff) & ~0xfffUL) - (mm.StartCode & ~0xfffUL)) >> 12;
        ulong shared = mm.Tables.RssFile + mm.Tables.RssShmem;
        return $"{mm.TotalVm} {mm.Tables.RssAnon + shared} {shared} {text} 0 {mm.DataVm + mm.StackVm} 0\n";
    }

    /// <summary>The memory lines of /proc/PID/status, VmPeak to HugetlbPages.</summary>
    /// <param name="mm">The address space.</param>
    public static string ToProcStatus(this AddressSpace mm)
    {
        MemoryStatus status = MemoryStatus.Of(mm);
        var text = new StringBuilder();
        foreach ((string name, long kilobytes) in status.Lines)
        {
            text.Append(name).Append(":\t").Append($"{kilobytes,8}").Append(" kB\n");
        }

        return text.ToString();
    }

    private static VmFlags VsyscallFlags(VsyscallMode mode) => mode == VsyscallMode.Emulate ? VmFlags.Read | VmFlags.Exec : VmFlags.Exec;

    private static void AppendHeader(StringBuilder text, AddressSpace mm, in Vma vma)
    {
        DeviceInode file = vma.File == 0 ? default : mm.Machine.Files[vma.File].Inode.Identity;
        AppendHeader(text, vma.Start, vma.End, vma.Flags, vma.File == 0 ? 0 : vma.PageOffset << 12, file, AreaNames.Of(mm, vma));
    }

    private static void AppendHeader(StringBuilder text, ulong start, ulong end, VmFlags flags, ulong offset, DeviceInode file, string name)
    {
        int from = text.Length;
        text.Append($"{start:x8}-{end:x8} {VmFlagCodes.Permissions(flags)} {offset:x8} {file.Major:x2}:{file.Minor:x2} {file.Number} ");
        if (name.Length > 0)
        {
            text.Append(' ', Math.Max(NameColumn - (text.Length - from), 0)).Append(' ').Append(name.Replace("\n", "\\012", StringComparison.Ordinal));
        }

        text.Append('\n');
    }

    private static void AppendArea(StringBuilder text, ulong length, ulong pageSize, in AreaUsage usage, VmFlags flags, bool keys)
    {
        AppendLine(text, "Size", length);
        AppendLine(text, "KernelPageSize", pageSize);
        AppendLine(text, "MMUPageSize", pageSize);
        AppendUsage(text, usage, rollup: false);
        text.Append("THPeligible:           0\n");
        if (keys)
        {
            text.Append($"ProtectionKey:  {((ulong)(flags & VmFlags.ProtectionKeyMask) >> 32),8}\n");
        }

        string codes = VmFlagCodes.Text(flags);
        text.Append("VmFlags: ").Append(codes).Append(codes.Length > 0 ? " \n" : "\n");
    }

    private static void AppendUsage(StringBuilder text, in AreaUsage usage, bool rollup)
    {
        AppendLine(text, "Rss", usage.Resident);
        AppendLine(text, "Pss", usage.Share >> AreaUsage.ShareShift);
        AppendLine(text, "Pss_Dirty", usage.DirtyShare >> AreaUsage.ShareShift);
        if (rollup)
        {
            AppendLine(text, "Pss_Anon", usage.AnonymousShare >> AreaUsage.ShareShift);
            AppendLine(text, "Pss_File", usage.FileShare >> AreaUsage.ShareShift);
            AppendLine(text, "Pss_Shmem", usage.ShmemShare >> AreaUsage.ShareShift);
        }

        AppendLine(text, "Shared_Clean", usage.SharedClean);
        AppendLine(text, "Shared_Dirty", usage.SharedDirty);
        AppendLine(text, "Private_Clean", usage.PrivateClean);
        AppendLine(text, "Private_Dirty", usage.PrivateDirty);
        AppendLine(text, "Referenced", usage.Referenced);
        AppendLine(text, "Anonymous", usage.Anonymous);
        AppendLine(text, "KSM", 0);
        AppendLine(text, "LazyFree", usage.LazyFree);
        AppendLine(text, "AnonHugePages", 0);
        AppendLine(text, "ShmemPmdMapped", 0);
        AppendLine(text, "FilePmdMapped", 0);
        AppendLine(text, "Shared_Hugetlb", 0);
        AppendLine(text, "Private_Hugetlb", 0);
        AppendLine(text, "Swap", 0);
        AppendLine(text, "SwapPss", 0);
        AppendLine(text, "Locked", usage.LockedShare >> AreaUsage.ShareShift);
    }

    private static void AppendLine(StringBuilder text, string name, ulong bytes) =>
        text.Append($"{name + ":",-16}{bytes >> 10,8} kB\n");
}
