using System.IO.Compression;
using FastMmu.Traces;

namespace FastMmu.Cli.Recorded;

/// <summary>
/// The lines of a file, one at a time: plain text or gzip, told apart by the first two bytes. Holds one buffer, however long the file.
/// </summary>
internal sealed class LineReader : IDisposable
{
    /// <summary>No row of a known format is nearly as long; what is longer is no table of text.</summary>
    public const int LongestLine = 1 << 16;

    private readonly FileStream _file;
    private readonly Stream _text;
    private readonly SentinelStream? _gzip;
    private readonly int _longest;
    private byte[] _buffer = new byte[2 * LongestLine];
    private int _start;
    private int _end;
    private int _lineStart;
    private int _lineLength;
    private bool _exhausted;

    private LineReader(string path, FileStream file, int longest)
    {
        Path = path;
        _longest = longest;
        _file = file;
        Span<byte> magic = [0, 0];
        int length = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false);
        if (length == 0) throw new InputException($"{path}: the file is empty");
        if (magic is [0x1f, 0x8b])
        {
            _gzip = new SentinelStream(magic, file);
            _text = new GZipStream(_gzip, CompressionMode.Decompress);
        }
        else
        {
            // Not a seek back to the start: the file may be a pipe.
            magic[..length].CopyTo(_buffer);
            _end = length;
            _text = file;
        }
    }

    /// <summary>The file as the user named it.</summary>
    public string Path { get; }

    /// <summary>Number of the current line, from 1; 0 before the first.</summary>
    public long LineNumber { get; private set; }

    /// <summary>The current line without its end. Valid until the next <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Line => _buffer.AsSpan(_lineStart, _lineLength);

    /// <summary>How much of the file has been read, 0 to 1; 0 where its length is not known.</summary>
    public double Done => _file.CanSeek && _file.Length > 0 ? (double)_file.Position / _file.Length : 0;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="longest">The length in bytes that no line of its format exceeds.</param>
    /// <exception cref="InputException">It is missing, a directory, empty, or may not be read.</exception>
    public static LineReader Open(string path, int longest = LongestLine)
    {
        if (Directory.Exists(path)) throw new InputException($"{path}: is a directory");
        FileStream? file = null;
        try
        {
            file = new FileStream(path, new FileStreamOptions { BufferSize = 1 << 16, Options = FileOptions.SequentialScan });
            return new(path, file, longest);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: no such file", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            file?.Dispose();
            throw new InputException($"{path}: {failure.Message}", failure);
        }
        catch (InputException)
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>Moves to the next line.</summary>
    /// <returns>False at the end of a complete file.</returns>
    /// <exception cref="InputException">The file is cut or damaged, or a line is too long for a table of text.</exception>
    public bool MoveNext()
    {
        LineNumber++;
        int searched = 0;
        while (true)
        {
            int newline = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                TakeLine(searched + newline);
                return true;
            }

            searched = _end - _start;
            if (searched > _longest) throw Refuse($"more than {_longest} bytes without an end of line: this is no table of text");
            if (_exhausted || !Fill()) return EndOfFile();
        }
    }

    /// <summary>A refusal that names the file and the current line.</summary>
    public InputException Refuse(string reason) => new($"{Path}:{LineNumber}: {reason}");

    public void Dispose()
    {
        _text.Dispose();
        _file.Dispose();
    }

    private void TakeLine(int length)
    {
        _lineStart = _start;
        _start += length + 1;
        bool carriageReturn = length > 0 && _buffer[_lineStart + length - 1] == '\r';
        _lineLength = carriageReturn ? length - 1 : length;
    }

    private bool EndOfFile()
    {
        if (_end > _start) throw Refuse("the last line is cut: it has no end of line");
        _lineLength = 0;
        LineNumber--;
        return false;
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        // Only a format with longer lines fills the buffer with one of them.
        if (_buffer.Length - _end < LongestLine) Array.Resize(ref _buffer, 2 * _buffer.Length);
        try
        {
            int read = _text.Read(_buffer.AsSpan(_end));
            if (_gzip is not null && (_gzip.FileEnded || read == 0)) read = CheckSentinel(read);
            _end += read;
            _exhausted = read == 0;
            return read > 0;
        }
        catch (InvalidDataException failure)
        {
            throw new InputException($"{Path}:{LineNumber}: the gzip data is damaged or cut", failure);
        }
        catch (IOException failure)
        {
            throw new InputException($"{Path}:{LineNumber}: {failure.Message}", failure);
        }
    }

    // The decompressor gives what it has before it asks for more input, so nothing of the file is in these bytes if it is complete.
    private int CheckSentinel(int read)
    {
        Span<byte> rest = _buffer.AsSpan(_end);
        for (int more = read; more > 0 && read < rest.Length; read += more) more = _text.Read(rest[read..]);
        if (!rest[..read].SequenceEqual(SentinelStream.Sentinel)) throw Refuse("the gzip data ends too early, or something else follows it");
        return 0;
    }
}
