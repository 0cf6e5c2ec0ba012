using System.IO.Compression;

namespace FastMmu.Traces;

/// <summary>
/// A gzip file followed by one more, known, gzip member. The runtime's decompressor takes the end of its input for the end of the
/// data, wherever it comes; but it reads on into another member only if the one before is complete. So once <see cref="FileEnded"/>,
/// the known bytes and nothing else come out exactly if nothing is missing.
/// </summary>
internal sealed class SentinelStream : PrefixedStream
{
    private static readonly byte[] Member = Compress();
    private int _sent;

    /// <param name="first">The first bytes of the file, which its reader has taken already.</param>
    /// <param name="file">The rest.</param>
    public SentinelStream(ReadOnlySpan<byte> first, Stream file)
        : base(first, file)
    {
    }

    /// <summary>The bytes that end the decompressed data of a complete file. They hold no end of line.</summary>
    public static ReadOnlySpan<byte> Sentinel => "\0complete\0gzip\0file\0"u8;

    /// <summary>Whether the file was read to its end: what is decompressed from then on is no longer its content.</summary>
    public bool FileEnded => _sent > 0;

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        int read = base.Read(buffer);
        return read > 0 ? read : Take(Member, ref _sent, buffer);
    }

    private static byte[] Compress()
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(Sentinel);
        return bytes.ToArray();
    }
}
