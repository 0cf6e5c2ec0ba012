using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using FastMmu.Linux.Exec;

namespace FastMmu.Cli.ExecRecords;

/// <summary>A folder of recorded execve calls: the records, the programs, the vdso images.</summary>
internal sealed class ExecFolder
{
    /// <summary>Where the programs lay when they were executed.</summary>
    public const string Programs = "/srv/mmtrace/exec/bins/";

    private const long MaximumBytes = 1L << 30;

    // The interpreters that real programs name, and what /proc called them.
    private static readonly (string File, string Path, string Name)[] Interpreters =
    [
        ("real-ld-so", "/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
        ("real-ld-so-32", "/lib/ld-linux.so.2", "/usr/lib32/ld-linux.so.2"),
    ];

    private ExecFolder(string path, IReadOnlyList<ExecRecord> records, ProgramSet files, VdsoImage? vdso64, VdsoImage? vdso32)
    {
        Path = path;
        Records = records;
        Files = files;
        Vdso64 = vdso64;
        Vdso32 = vdso32;
    }

    /// <summary>The folder as the user named it.</summary>
    public string Path { get; }

    /// <summary>The records, in the file's order.</summary>
    public IReadOnlyList<ExecRecord> Records { get; }

    /// <summary>The file system that they were executed on, as far as it matters.</summary>
    public ProgramSet Files { get; }

    /// <summary>The vdso of 64-bit programs.</summary>
    public VdsoImage? Vdso64 { get; }

    /// <summary>The vdso of 32-bit programs.</summary>
    public VdsoImage? Vdso32 { get; }

    /// <summary>Reads a folder.</summary>
    /// <exception cref="InputException">Something in it cannot be used.</exception>
    public static ExecFolder Read(string path)
    {
        if (!Directory.Exists(path)) throw new InputException($"{path}: no such folder");
        List<ExecRecord> records = ReadRecords(System.IO.Path.Combine(path, "exec.jsonl.gz"));
        return new ExecFolder(
            path, records, ReadPrograms(System.IO.Path.Combine(path, "bins.tar.gz")), ReadVdso(path, "vdso64.bin", false), ReadVdso(path, "vdso32.bin", true));
    }

    private static List<ExecRecord> ReadRecords(string file)
    {
        var records = new List<ExecRecord>();
        int number = 0;
        try
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress), Encoding.UTF8);
            while (reader.ReadLine() is { } line)
            {
                number++;
                using JsonDocument document = JsonDocument.Parse(line);
                if (document.RootElement.GetProperty("t").GetString() == "exec") records.Add(ExecRecordParser.Parse(document.RootElement, number));
            }
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{file}: no such file", failure);
        }
        catch (Exception failure) when (failure is JsonException or FormatException or InvalidOperationException or KeyNotFoundException
            or OverflowException or IndexOutOfRangeException or ArgumentException or InvalidDataException)
        {
            throw new InputException($"{file}:{number}: not a recorded execve: {failure.Message}", failure);
        }

        return records.Count > 0 ? records : throw new InputException($"{file}: no recorded execve in it");
    }

    private static ProgramSet ReadPrograms(string file)
    {
        var files = new ProgramSet();
        files.AddDirectory("/tmp");
        files.AddForbidden("/dev/null");
        files.AddForbidden("/etc/passwd");
        files.AddDirectory(Programs.TrimEnd('/'));
        long total = 0;
        try
        {
            using var tar = new TarReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile)) continue;
                total += entry.Length;
                if (total > MaximumBytes) throw new InputException($"{file}: more than {MaximumBytes >> 20} MiB of programs");
                byte[] content = new byte[entry.Length];
                entry.DataStream?.ReadExactly(content);
                Add(files, System.IO.Path.GetFileName(entry.Name), content, (entry.Mode & (UnixFileMode.UserExecute | UnixFileMode.OtherExecute)) != 0);
            }
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{file}: no such file", failure);
        }
        catch (Exception failure) when (failure is InvalidDataException or EndOfStreamException or FormatException or ArgumentException)
        {
            throw new InputException($"{file}: not a usable archive: {failure.Message}", failure);
        }

        return files;
    }

    private static void Add(ProgramSet files, string name, byte[] content, bool isExecutable)
    {
        if (!isExecutable)
        {
            files.AddForbidden(Programs + name);
            return;
        }

        files.Add(Programs + name, new ProgramFile(Programs + name, content));
        foreach ((string file, string path, string shown) in Interpreters)
        {
            if (file != name) continue;
            files.Add(path, new ProgramFile(shown, content));
        }
    }

    private static VdsoImage? ReadVdso(string folder, string name, bool is32Bit)
    {
        string file = System.IO.Path.Combine(folder, name);
        if (!File.Exists(file)) return null;
        byte[] content = File.ReadAllBytes(file);
        return content.Length is > 0 and <= 1 << 20 ? new VdsoImage(content, is32Bit) : throw new InputException($"{file}: not a vdso image");
    }
}
