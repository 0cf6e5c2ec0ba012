using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Images;

/// <summary>Reads <c>meta.json</c>. Everything that does not belong to a translation is optional; what is there must make sense.</summary>
internal static partial class GuestDescriptionReader
{
    // A description has some ten thousand bytes; one of more than this is something else.
    private const long LongestFile = 16 << 20;

    /// <summary>Reads a description.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">It is missing, no JSON, or says something impossible.</exception>
    public static GuestDescription Read(string path)
    {
        try
        {
            using JsonDocument document = Parse(path);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? Read(path, new JsonFields(path, "", document.RootElement))
                : throw new InputException($"{path}: the description is not a JSON object");
        }
        catch (InvalidOperationException failure)
        {
            // Kinds of values are looked at before they are read; what is left are texts with bytes or escapes that are no Unicode.
            throw new InputException($"{path}: a text in it is not Unicode", failure);
        }
    }

    private static GuestDescription Read(string path, JsonFields root)
    {
        JsonFields registers = root.Object("registers");
        JsonFields? segments = root.Has("segments_regs") ? root.Object("segments_regs") : null;
        string? cpu = root.Text("cpu_model");
        var description = new GuestDescription
        {
            File = path,
            Name = root.Text("case") ?? NameOfDirectory(path),
            Memory = ReadMemory(root),
            StatedMode = ReadMode(root),
            Cr0 = registers.Number("CR0", 32),
            Cr2 = registers.NumberOfAny(["CR2"]),
            Cr3 = registers.Number("CR3"),
            Cr4 = registers.Number("CR4"),
            Efer = registers.NumberOfAny(["EFER"]),
            RFlags = registers.NumberOfAny(["RFL", "EFL", "RFLAGS", "EFLAGS"], otherwise: 2),
            Cpl = (int)(root.Has("cpl") ? root.Number("cpl", 2) : registers.Has("CPL") ? registers.Number("CPL", 2) : 0),
            Registers = [.. registers.Names.Select(name => KeyValuePair.Create(name, registers.Number(name)))],
            Segments = ReadSegments(segments),
            Gdt = ReadTable(segments, "GDT"),
            Idt = ReadTable(segments, "IDT"),
            PhysicalAddressBits = ReadPhysicalAddressBits(root, cpu),
            MemoryTypes = ReadMemoryTypes(root.Text("pat")),
            RamBytes = root.Has("ram_size") ? root.Number("ram_size") : null,
            Kernel = root.Text("kernel"),
            Host = DescribeHost(root, cpu),
            Synthetic = root.Has("synthetic"),
            Symbols = ReadSymbols(root),
            Spaces = ReadSpaces(root),
            RunningPids = root.Has("cr3_pid_by_pagemap") ? root.Integers("cr3_pid_by_pagemap")
                : root.Has("running_pid") ? [(int)root.Number("running_pid", 31)] : [],
            MapsPid = root.Has("maps_pid") ? (int)root.Number("maps_pid", 31) : null,
        };
        RequireConsistentRegisters(description);
        return description;
    }

    private static JsonDocument Parse(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (stream.CanSeek && stream.Length > LongestFile) throw new InputException($"{path}: {stream.Length} bytes are too many for a description");
            return JsonDocument.Parse(stream, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false });
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: no such file", failure);
        }
        catch (JsonException failure)
        {
            throw new InputException($"{path}:{failure.LineNumber + 1}: not JSON: {WithoutPosition(failure.Message)}", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: {failure.Message}", failure);
        }
    }

    private static string WithoutPosition(string message)
    {
        int position = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return position < 0 ? message : message[..position];
    }

    private static string NameOfDirectory(string path) => Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path))) ?? path;

    private static List<MemorySegment> ReadMemory(JsonFields root)
    {
        if (!root.Has("segments")) throw root.Refuse("segments", "is missing: it says which bytes of the memory file stand where");
        var segments = new List<MemorySegment>();
        foreach (JsonFields item in root.Objects("segments"))
        {
            var segment = new MemorySegment(item.Number("gpa"), item.Number("size"), item.Number("offset"));
            if (segment.Length == 0) throw item.Refuse("size", "is 0");
            if (segment.Start > PhysicalAddress.MaxValue || segment.Length > PhysicalAddress.MaxValue + 1 - segment.Start)
            {
                throw item.Refuse("size", $"0x{segment.Length:x} reaches from 0x{segment.Start:x} beyond the last physical address");
            }

            if (segment.Offset > (ulong)long.MaxValue - segment.Length) throw item.Refuse("offset", $"0x{segment.Offset:x} is beyond any file");
            segments.Add(segment);
        }

        if (segments.Count == 0) throw root.Refuse("segments", "is empty: the guest has no memory");
        RefuseOverlap(root, segments, s => s.Start, s => s.End, "guest-physical addresses");
        RefuseOverlap(root, segments, s => s.Offset, s => s.OffsetEnd, "bytes of the memory file");
        return segments;
    }

    /// <summary>Sorts by one coordinate and refuses segments that share it.</summary>
    private static void RefuseOverlap(
        JsonFields root, List<MemorySegment> segments, Func<MemorySegment, ulong> start, Func<MemorySegment, ulong> end, string what)
    {
        segments.Sort((a, b) => start(a).CompareTo(start(b)));
        for (int i = 1; i < segments.Count; i++)
        {
            if (start(segments[i]) < end(segments[i - 1]))
            {
                throw root.Refuse("segments", $"overlap: two of them hold {what} from 0x{start(segments[i]):x} on");
            }
        }
    }

    private static PagingMode? ReadMode(JsonFields root) => root.Text("paging_mode") switch
    {
        "none" => PagingMode.None,
        "2level" => PagingMode.TwoLevel,
        "pae" => PagingMode.Pae,
        "la48" => PagingMode.FourLevel,
        "la57" => PagingMode.FiveLevel,
        _ => null,
    };

    private static void RequireConsistentRegisters(GuestDescription description)
    {
        PagingState state = description.State(PhysicalAddress.MaxWidth);
        if (ControlRegisterRules.Inconsistency(in state) is string reason)
        {
            throw new InputException($"{description.File}: no processor can be in the state that 'registers' describes: {reason}");
        }

        if (description.StatedMode is PagingMode stated && stated != state.Mode)
        {
            throw new InputException($"{description.File}: 'paging_mode' says {stated}, but the registers select {state.Mode}");
        }
    }

    private static Dictionary<string, CachedSegment> ReadSegments(JsonFields? registers)
    {
        var segments = new Dictionary<string, CachedSegment>(StringComparer.Ordinal);
        if (registers is not JsonFields fields) return segments;
        foreach (string name in fields.Names)
        {
            if (name is "GDT" or "IDT") continue;
            JsonFields segment = fields.Object(name);
            var selector = new Selector((ushort)segment.Number("selector", 16));
            segments.Add(name, CachedSegment.FromUpperDoubleword(
                selector, segment.Number("base"), (uint)segment.Number("limit", 32), (uint)segment.Number("flags", 32)));
        }

        return segments;
    }

    private static DescriptorTableRegister? ReadTable(JsonFields? registers, string name)
    {
        if (registers is not JsonFields fields || !fields.Has(name)) return null;
        JsonFields table = fields.Object(name);
        return new DescriptorTableRegister(table.Number("base"), (ushort)table.Number("limit", 16));
    }

    private static int? ReadPhysicalAddressBits(JsonFields root, string? cpu)
    {
        Match match = AddressSizes().Match(root.Text("address_sizes") ?? "");
        if (!match.Success) match = PhysicalBitsOption().Match(cpu ?? "");
        if (!match.Success) return null;
        int bits = int.Parse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
        return bits is >= 32 and <= PhysicalAddress.MaxWidth ? bits : null;
    }

    // As Linux prints it at boot: "PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT".
    private static IReadOnlyList<string> ReadMemoryTypes(string? pat)
    {
        int colon = pat?.LastIndexOf(':') ?? -1;
        if (colon < 0) return [];
        string[] types = pat![(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return types.Length == 8 ? types : [];
    }

    [GeneratedRegex(@"^(\d{1,3}) bits physical")]
    private static partial Regex AddressSizes();

    [GeneratedRegex(@"phys-bits=(\d{1,3})")]
    private static partial Regex PhysicalBitsOption();

    private static string? DescribeHost(JsonFields root, string? cpu)
    {
        var text = new StringBuilder();
        if (root.Text("qemu_version") is string version) text.Append("QEMU ").Append(version);
        if (root.Text("accel") is string accelerator) text.Append(text.Length > 0 ? ", " : "").Append(accelerator);
        if (cpu is not null) text.Append(text.Length > 0 ? ", " : "").Append("cpu ").Append(cpu);
        return text.Length == 0 ? null : text.ToString();
    }

    private static Dictionary<string, ulong> ReadSymbols(JsonFields root)
    {
        var symbols = new Dictionary<string, ulong>(StringComparer.Ordinal);
        if (!root.Has("symbols")) return symbols;
        JsonFields fields = root.Object("symbols");
        foreach (string name in fields.Names) symbols[name] = fields.Number(name);
        return symbols;
    }

    private static List<GuestAddressSpace> ReadSpaces(JsonFields root)
    {
        var spaces = new List<GuestAddressSpace>();
        foreach (JsonFields space in root.Objects("spaces")) spaces.Add(new(space.Number("cr3"), space.Integers("pids"), space.Texts("comm")));
        return spaces;
    }
}
