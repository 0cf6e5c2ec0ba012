using System.IO.Compression;

namespace FastMmu.Traces;

/// <summary>The text of a file, plain or gzip, told apart by the first two bytes.</summary>
internal sealed class TraceText : IDisposable
{
    private readonly Stream _file;
    private SentinelStream? _gzip;
    private Stream? _text;
    private byte[] _first = [];

    /// <param name="file">The file; disposed of with this.</param>
    internal TraceText(Stream file) => _file = file;

    /// <summary>Reads on.</summary>
    /// <param name="destination">Where the text goes; not empty.</param>
    /// <returns>How many bytes; 0 only at the end of a complete file.</returns>
    /// <exception cref="InvalidDataException">The gzip data is damaged or cut.</exception>
    internal int Read(Span<byte> destination)
    {
        if (_text is null) Begin();
        int read = 0;
        if (_first.Length > 0)
        {
            read = Math.Min(_first.Length, destination.Length);
            _first.AsSpan(0, read).CopyTo(destination);
            _first = _first[read..];
            return read;
        }

        try
        {
            read = _text!.Read(destination);
        }
        catch (InvalidDataException failure)
        {
            throw new InvalidDataException("the gzip data is damaged or cut", failure);
        }

        return _gzip is null || (read > 0 && !_gzip.FileEnded) ? read : CheckEnd(destination[..read]);
    }

    public void Dispose()
    {
        _text?.Dispose();
        _file.Dispose();
    }

    private void Begin()
    {
        byte[] magic = new byte[2];
        int length = _file.ReadAtLeast(magic, 2, throwOnEndOfStream: false);
        if (magic is [0x1f, 0x8b])
        {
            _gzip = new SentinelStream(magic, _file);
            _text = new GZipStream(_gzip, CompressionMode.Decompress);
        }
        else
        {
            // Not a seek back to the start: the file may be a pipe.
            _first = magic[..length];
            _text = _file;
        }
    }

    // The decompressor gives what it has before it asks for more input, so nothing of the file is in these bytes if it is complete.
    private int CheckEnd(ReadOnlySpan<byte> read)
    {
        byte[] rest = new byte[SentinelStream.Sentinel.Length + 1];
        int length = Math.Min(read.Length, rest.Length);
        read[..length].CopyTo(rest);
        for (int more = length; more > 0 && length < rest.Length; length += more) more = _text!.Read(rest.AsSpan(length));
        if (!rest.AsSpan(0, length).SequenceEqual(SentinelStream.Sentinel))
        {
            throw new InvalidDataException("the gzip data ends too early, or something else follows it");
        }

        return 0;
    }
}
