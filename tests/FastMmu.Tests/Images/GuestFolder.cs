using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace FastMmu.Tests.Images;

/// <summary>
/// A recorded guest made up by a test, in a folder that lives as long as the test: two-level paging, 64 KiB of memory, one user page
/// (linear 40_1000 at 5000), one 4-MiB page (linear 80_0000 at 40_0000), one page that is swapped out and one without rights.
/// </summary>
internal sealed class GuestFolder : IDisposable
{
    public const int MemoryBytes = 0x10000;

    public GuestFolder()
    {
        Directory.CreateDirectory(Path);
        Memory = new byte[MemoryBytes];
        SetEntry(0x1000, 1, 0x2067);
        SetEntry(0x1000, 2, 0x40_00e3);
        SetEntry(0x2000, 1, 0x5067);
        SetEntry(0x2000, 2, 0x7_7002);
        SetEntry(0x2000, 3, 0x6_0160);
        Write("queries.tsv", "vaddr\texpected\n0x401234\t0x5234\n0x403000\tfault\n0x801000\t0x401000\n");
        Write("mappings.tsv", "vaddr\tpaddr\tflags\tpage_size\n0x401000\t0x5000\t---DA--UW\t0x1000\n0x800000\t0x400000\t--PDA---W\t0x400000\n");
        Write("spaces/queries.tsv", "cr3\tvaddr\texpected\n0x1000\t0x401234\t0x5234\n0x3000\t0x401234\tfault\n");
        Write("pagemap.tsv", "pid\tvaddr\tentry\tpaddr\n7\t0x401000\t0x8000000000000005\t0x5000\n7\t0x402000\t0x4000000000000000\tswapped\n7\t0x403000\t0x8000000000000060\t0x60000\n");
        Write("maps.txt", "00401000-00404000 rw-p 00000000 00:00 0                                  [heap]\n");
        Save();
    }

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"fastmmu-guest-{Guid.NewGuid():N}");

    public byte[] Memory { get; }

    /// <summary>The text of meta.json; change it and call <see cref="Save"/>.</summary>
    public string Meta { get; set; } = """
        {
          "case": "made-up",
          "paging_mode": "2level",
          "cpl": 3,
          "segments": [ { "gpa": "0x0", "size": "0x10000", "offset": "0x0" } ],
          "registers": { "EIP": "0x401234", "EFL": "0x202", "CR0": "0x80010001", "CR2": "0x0", "CR3": "0x1000", "CR4": "0x10" },
          "segments_regs": {
            "CS": { "selector": "0x1b", "base": "0x0", "limit": "0xffffffff", "flags": "0x00cffb00" },
            "DS": { "selector": "0x23", "base": "0x0", "limit": "0xffffffff", "flags": "0x00cff300" },
            "GDT": { "base": "0x401800", "limit": "0x27" }
          },
          "running_pid": 7,
          "maps_pid": 7,
          "spaces": [ { "cr3": "0x3000", "pids": [8], "comm": ["idle"] } ]
        }
        """;

    public void SetEntry(int table, int index, uint entry) => BitConverter.TryWriteBytes(Memory.AsSpan(table + (4 * index)), entry);

    public void Save()
    {
        Write("meta.json", Meta);
        File.WriteAllBytes(FileAt("memory.raw"), Memory);
    }

    /// <summary>Replaces text in meta.json.</summary>
    public GuestFolder With(string old, string text)
    {
        if (!Meta.Contains(old, StringComparison.Ordinal)) throw new ArgumentException($"meta.json has no {old}", nameof(old));
        Meta = Meta.Replace(old, text, StringComparison.Ordinal);
        Save();
        return this;
    }

    public string FileAt(string name) => System.IO.Path.Combine(Path, name);

    public void Write(string name, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(FileAt(name))!);
        File.WriteAllText(FileAt(name), text, new UTF8Encoding(false));
    }

    public void WriteGzip(string name, ReadOnlySpan<byte> content, int keep = int.MaxValue)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(content);
        byte[] whole = bytes.ToArray();
        File.WriteAllBytes(FileAt(name), whole[..Math.Min(keep, whole.Length)]);
    }

    public void Delete(string name) => File.Delete(FileAt(name));

    public string Place(string name, int line) => string.Create(CultureInfo.InvariantCulture, $"{FileAt(name)}:{line}");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
