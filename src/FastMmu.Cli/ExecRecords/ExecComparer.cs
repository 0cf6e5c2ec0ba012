using System.Security.Cryptography;
using FastMmu.Cli.MmTraces;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Linux.Proc;

namespace FastMmu.Cli.ExecRecords;

/// <summary>Compares a program before its first instruction with the recorded one.</summary>
internal sealed class ExecComparer
{
    private const ulong PageBytes = 4096;
    private const ulong MaximumHashed = 4UL << 20;

    private static readonly ExecArea Vsyscall = new(0xffff_ffff_ff60_0000, 0xffff_ffff_ff60_1000, "--xp", 0, "[vsyscall]", 0, 0, "ex");

    private readonly SortedDictionary<string, long> _compared = new(StringComparer.Ordinal);

    /// <summary>How many items of each kind were compared.</summary>
    public IReadOnlyDictionary<string, long> Compared => _compared;

    /// <summary>Compares.</summary>
    /// <param name="expected">The recording.</param>
    /// <param name="task">The program.</param>
    /// <param name="differences">What differs is added, one line each.</param>
    public void Compare(ExecState expected, Linux.Mm.Task task, List<string> differences)
    {
        AddressSpace mm = task.Mm;
        // Present pages first: what is read afterwards may bring more of them in.
        List<ExecArea> areas = Areas(mm, expected.Bits);
        List<string> present = [.. Present(mm)];
        CompareLists("area", expected.Areas, areas, differences);
        CompareLists("present page", [.. expected.Present.Select(p => $"{p.Page:x} flags {p.Flags}")], present, differences);
        CompareNamed("register", expected.Registers, Registers(task.Registers), differences);
        CompareNamed("counter", expected.Counters, Counters(MemoryStatus.Of(mm)), differences);
        CompareNamed("place", expected.Places, Places(mm), differences);
        CompareOne("comm", expected.Comm, task.Comm, differences);
        CompareOne("bits", expected.Bits.ToString(), mm.Is32Bit ? "32" : "64", differences);
        CompareLists("auxv", expected.AuxiliaryVector, ShownVector(mm), differences);
        CompareStack(expected, mm, differences);
        foreach ((ulong start, string[] pages) in expected.Pages)
        {
            if (mm.Areas.TryFind(start, out Vma vma) && vma.Start == start) CompareLists($"page of {start:x}", pages, Hashes(mm, vma), differences, "page");
        }
    }

    private static List<ExecArea> Areas(AddressSpace mm, int bits)
    {
        var areas = new List<ExecArea>();
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            (ulong rss, ulong anonymous) = mm.Tables.Count(vma);
            string name = AreaNames.Of(mm, vma);
            if (name.StartsWith(ExecFolder.Programs, StringComparison.Ordinal)) name = "bins/" + name[ExecFolder.Programs.Length..];
            areas.Add(new ExecArea(
                vma.Start, vma.End, VmFlagCodes.Permissions(vma.Flags), vma.File != 0 ? vma.PageOffset << 12 : 0, name, rss, anonymous, VmFlagCodes.Text(vma.Flags)));
        }

        if (bits == 64) areas.Add(Vsyscall);
        return areas;
    }

    private static IEnumerable<string> Present(AddressSpace mm)
    {
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            for (ulong page = vma.Start; page < vma.End; page += PageBytes)
            {
                PageView view = mm.Tables.Peek(page);
                if (!view.IsPresent) continue;
                ulong entry = view.ToPagemap(showFrames: false);
                int flags = (int)(((entry >> 63) & 1) | ((entry >> 62) & 1) << 1 | ((entry >> 61) & 1) << 2 | ((entry >> 56) & 1) << 3 | ((entry >> 58) & 1) << 4);
                yield return $"{page:x} flags {flags}";
            }
        }
    }

    private static Dictionary<string, ulong> Registers(in StartRegisters registers)
    {
        var values = new Dictionary<string, ulong>
        {
            ["rip"] = registers.InstructionPointer, ["rsp"] = registers.StackPointer, ["eflags"] = registers.Flags, ["cs"] = registers.CodeSelector,
            ["ss"] = registers.StackSelector, ["ds"] = registers.DataSelector, ["es"] = registers.DataSelector, ["orig_rax"] = (ulong)registers.SystemCall,
        };
        foreach (string zero in (string[])["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "fs", "gs", "fs_base", "gs_base"])
        {
            values[zero] = 0;
        }

        return values;
    }

    private static Dictionary<string, long> Counters(in MemoryStatus status) => new()
    {
        ["VmPeak"] = status.Peak, ["VmSize"] = status.Size, ["VmLck"] = status.Locked, ["VmPin"] = status.Pinned, ["VmData"] = status.Data,
        ["VmStk"] = status.Stack, ["VmExe"] = status.Executable, ["VmLib"] = status.Library, ["VmPTE"] = status.PageTables,
        ["RssAnon"] = status.ResidentAnonymous, ["RssFile"] = status.ResidentFile, ["RssShmem"] = status.ResidentShmem,
    };

    private static Dictionary<string, ulong> Places(AddressSpace mm) => new()
    {
        ["start_code"] = mm.StartCode, ["end_code"] = mm.EndCode, ["start_data"] = mm.StartData, ["end_data"] = mm.EndData, ["start_brk"] = mm.StartBrk,
        ["start_stack"] = mm.StartStack, ["arg_start"] = mm.ArgStart, ["arg_end"] = mm.ArgEnd, ["env_start"] = mm.EnvStart, ["env_end"] = mm.EnvEnd,
    };

    // /proc/PID/auxv looks for the end two words of 64 bits at a time, and a 32-bit entry fills one: it shows every second end it passes.
    private static List<AuxiliaryEntry> ShownVector(AddressSpace mm)
    {
        var vector = new List<AuxiliaryEntry>(mm.AuxiliaryVector);
        if (!mm.Is32Bit) return vector;
        int shown = 0;
        do
        {
            shown += 2;
        }
        while (shown - 2 < vector.Count - 1);
        while (vector.Count < shown) vector.Add(new AuxiliaryEntry(AuxiliaryType.Null, 0));
        return vector;
    }

    private static List<string> Hashes(AddressSpace mm, in Vma vma)
    {
        var hashes = new List<string>();
        Span<byte> page = new byte[PageBytes];
        ulong end = Math.Min(vma.End, vma.Start + MaximumHashed);
        for (ulong at = vma.Start; at < end; at += PageBytes) hashes.Add(TryRead(mm, vma, at, page) ? Hash(page) : "!ERR");
        while (hashes.Count > 1 && hashes[^1] == "0") hashes.RemoveAt(hashes.Count - 1);
        return hashes;
    }

    private static string Hash(ReadOnlySpan<byte> page) =>
        page.ContainsAnyExcept((byte)0) ? Convert.ToHexStringLower(SHA256.HashData(page))[..16] : "0";

    // What a debugger would read: rights do not count, and the end of a file does.
    private static bool TryRead(AddressSpace mm, in Vma vma, ulong address, Span<byte> page)
    {
        PageView view = mm.Tables.Peek(address);
        page.Clear();
        if (view.IsPresent)
        {
            mm.Machine.Memory.Span(new Addresses.PhysicalAddress(view.Frame << 12), (int)PageBytes).CopyTo(page);
            return true;
        }

        if (SpecialMapping.IsSpecial(vma.Name))
        {
            return mm.HandleFault(address, Processor.PageFaultError.User).IsResolved && TryRead(mm, vma, address, page);
        }

        if (vma.File == 0) return true;
        Inode inode = mm.Machine.Files[vma.File].Inode;
        ulong offset = (vma.PageOffset << 12) + (address - vma.Start);
        if (offset >= inode.Size) return false;
        inode.Read(mm.Machine, offset, page);
        return true;
    }

    private void CompareStack(ExecState expected, AddressSpace mm, List<string> differences)
    {
        CompareOne("stack pointer", $"{expected.StackPointer:x}", $"{mm.StartStack:x}", differences);
        byte[] bytes = new byte[expected.StackTop - expected.StackPointer];
        Span<byte> page = new byte[PageBytes];
        for (ulong at = expected.StackPointer; at < expected.StackTop;)
        {
            int inPage = (int)(at & (PageBytes - 1));
            int count = (int)Math.Min(PageBytes - (ulong)inPage, expected.StackTop - at);
            if (!mm.Areas.TryFind(at, out Vma vma) || vma.Start > at || !TryRead(mm, vma, at & ~(PageBytes - 1), page))
            {
                differences.Add($"stack: {at:x} cannot be read");
                return;
            }

            page.Slice(inPage, count).CopyTo(bytes.AsSpan((int)(at - expected.StackPointer)));
            at += (ulong)count;
        }

        Count("stack byte", bytes.Length);
        int same = expected.StackBytes.AsSpan().CommonPrefixLength(bytes);
        if (same < expected.StackBytes.Length)
        {
            differences.Add($"stack at {expected.StackPointer + (ulong)same:x}: expected {Some(expected.StackBytes, same)}, actual {Some(bytes, same)}");
        }
        else if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != expected.StackHash)
        {
            differences.Add("stack: the bytes behind the recorded ones differ");
        }

        static string Some(byte[] all, int at) => Convert.ToHexStringLower(all.AsSpan(at, Math.Min(16, all.Length - at)));
    }

    private void CompareOne(string what, string expected, string actual, List<string> differences)
    {
        Count(what, 1);
        if (expected != actual) differences.Add($"{what}: expected {expected}, actual {actual}");
    }

    private void CompareNamed<T>(string kind, IReadOnlyDictionary<string, T> expected, Dictionary<string, T> actual, List<string> differences)
        where T : struct, IEquatable<T>, IFormattable
    {
        Count(kind, expected.Count);
        string format = typeof(T) == typeof(ulong) ? "x" : "d";
        foreach ((string name, T value) in expected)
        {
            if (!actual.TryGetValue(name, out T found)) differences.Add($"{name}: expected {value.ToString(format, null)}, and there is no such {kind}");
            else if (!found.Equals(value)) differences.Add($"{name}: expected {value.ToString(format, null)}, actual {found.ToString(format, null)}");
        }
    }

    private void CompareLists<T>(string what, IReadOnlyList<T> expected, IReadOnlyList<T> actual, List<string> differences, string? kind = null)
    {
        Count(kind ?? what, expected.Count);
        var comparer = EqualityComparer<T>.Default;
        int same = 0, shorter = Math.Min(expected.Count, actual.Count);
        while (same < shorter && comparer.Equals(expected[same], actual[same])) same++;
        int tail = 0;
        while (tail < shorter - same && comparer.Equals(expected[^(tail + 1)], actual[^(tail + 1)])) tail++;
        for (int i = same; i < Math.Min(expected.Count - tail, same + 8); i++) differences.Add($"{what} {i}: expected {expected[i]}");
        for (int i = same; i < Math.Min(actual.Count - tail, same + 8); i++) differences.Add($"{what} {i}: actual   {actual[i]}");
    }

    private void Count(string kind, long items) => _compared[kind] = _compared.GetValueOrDefault(kind) + items;
}
