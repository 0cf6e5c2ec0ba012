namespace FastMmu.Traces;

/// <summary>A stream of which the first bytes were read already, and are given again.</summary>
internal class PrefixedStream : Stream
{
    private readonly byte[] _first;
    private readonly Stream _rest;
    private int _taken;

    /// <param name="first">The first bytes.</param>
    /// <param name="rest">The others; disposed of with this.</param>
    internal PrefixedStream(ReadOnlySpan<byte> first, Stream rest)
    {
        _first = first.ToArray();
        _rest = rest;
    }

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
        if (_taken == _first.Length) return _rest.Read(buffer);
        return Take(_first, ref _taken, buffer);
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
        if (disposing) _rest.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Gives as many of some bytes as fit.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="taken">How many of them were given before.</param>
    /// <param name="buffer">Where they go.</param>
    /// <returns>How many were given.</returns>
    protected static int Take(byte[] source, ref int taken, Span<byte> buffer)
    {
        int count = Math.Min(source.Length - taken, buffer.Length);
        source.AsSpan(taken, count).CopyTo(buffer);
        taken += count;
        return count;
    }
}
