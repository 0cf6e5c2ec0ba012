using System.IO.Compression;

namespace FastMmu.Traces;

/// <summary>
/// A gzip file followed by one more, known, gzip member. The runtime's decompressor takes the end of its input for the end of the
/// data, wherever it comes; but it reads on into another member only if the one before is complete. So once <see cref="FileEnded"/>,
/// the known bytes and nothing else come out exactly if nothing is missing.
/// </summary>
internal sealed class SentinelStream : Stream
{
    private static readonly byte[] Member = Compress();
    private readonly byte[] _first;
    private readonly Stream _file;
    private int _taken;
    private int _sent;

    /// <param name="first">The first bytes of the file, which its reader has taken already.</param>
    /// <param name="file">The rest.</param>
    public SentinelStream(ReadOnlySpan<byte> first, Stream file)
    {
        _first = first.ToArray();
        _file = file;
    }

    /// <summary>The bytes that end the decompressed data of a complete file. They hold no end of line.</summary>
    public static ReadOnlySpan<byte> Sentinel => "\0complete\0gzip\0file\0"u8;

    /// <summary>Whether the file was read to its end: what is decompressed from then on is no longer its content.</summary>
    public bool FileEnded => _sent > 0;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        if (_taken < _first.Length) return Take(_first, ref _taken, buffer);
        int read = _file.Read(buffer);
        return read > 0 ? read : Take(Member, ref _sent, buffer);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private static int Take(byte[] source, ref int taken, Span<byte> buffer)
    {
        int count = Math.Min(source.Length - taken, buffer.Length);
        source.AsSpan(taken, count).CopyTo(buffer);
        taken += count;
        return count;
    }

    private static byte[] Compress()
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(Sentinel);
        return bytes.ToArray();
    }
}
