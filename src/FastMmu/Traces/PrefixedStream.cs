namespace FastMmu.Traces;

/// <summary>A stream of which the first bytes were read already, and are given again.</summary>
internal sealed class PrefixedStream : Stream
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
        int count = Math.Min(_first.Length - _taken, buffer.Length);
        _first.AsSpan(_taken, count).CopyTo(buffer);
        _taken += count;
        return count;
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
}
