using System.IO.Compression;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>A copy of the recorded execve calls with its records changed.</summary>
internal sealed class ChangedRecords : IDisposable
{
    public ChangedRecords(Func<string, string> change)
    {
        Path = Directory.CreateTempSubdirectory("fastmmu-exec-").FullName;
        File.Copy(RepositoryRoot.Data("exec", "bins.tar.gz"), System.IO.Path.Combine(Path, "bins.tar.gz"));
        using var reader = new StreamReader(new GZipStream(File.OpenRead(RepositoryRoot.Data("exec", "exec.jsonl.gz")), CompressionMode.Decompress));
        using var writer = new StreamWriter(new GZipStream(File.Create(System.IO.Path.Combine(Path, "exec.jsonl.gz")), CompressionLevel.Fastest));
        writer.Write(change(reader.ReadToEnd()));
    }

    public string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
