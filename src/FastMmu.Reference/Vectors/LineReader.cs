using FastMmu.Traces;

namespace FastMmu.Reference.Vectors;

/// <summary>
/// The lines of a file, one at a time: plain text or gzip, told apart by the first two bytes. Holds one buffer, however long the file.
/// </summary>
internal sealed class LineReader : IDisposable
{
    /// <summary>No row of a known format is nearly as long; what is longer is no table of text.</summary>
    public const int LongestLine = 1 << 16;

    private readonly Stream _file;
    private readonly TraceText _text;
    private readonly int _longest;
    private byte[] _buffer = new byte[2 * LongestLine];
    private int _start;
    private int _end;
    private int _lineStart;
    private int _lineLength;
    private bool _exhausted;

    /// <param name="file">The file; disposed of with this.</param>
    /// <param name="path">What messages call it.</param>
    /// <param name="longest">The length in bytes that no line of its format exceeds.</param>
    public LineReader(Stream file, string path, int longest = LongestLine)
    {
        Path = path;
        _longest = longest;
        _file = file;
        _text = new TraceText(file);
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
    /// <exception cref="IOException">It is missing, a directory, or may not be read; the message names it.</exception>
    public static LineReader Open(string path, int longest = LongestLine)
    {
        if (Directory.Exists(path)) throw new IOException($"{path}: is a directory");
        try
        {
            return new(new FileStream(path, new FileStreamOptions { BufferSize = 1 << 16, Options = FileOptions.SequentialScan }), path, longest);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"{path}: no such file", path, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new IOException($"{path}: {failure.Message}", failure);
        }
    }

    /// <summary>Moves to the next line.</summary>
    /// <returns>False at the end of a complete file.</returns>
    /// <exception cref="InvalidDataException">The file is empty, cut or damaged, or a line is too long for a table of text.</exception>
    /// <exception cref="IOException">It cannot be read; the message names it.</exception>
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
    /// <param name="reason">What is wrong there.</param>
    /// <param name="cause">What said so, or null.</param>
    public InvalidDataException Refuse(string reason, Exception? cause = null) => new($"{Path}:{LineNumber}: {reason}", cause);

    public void Dispose() => _text.Dispose();

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
        if (LineNumber == 1) throw new InvalidDataException($"{Path}: the file is empty");
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
            _end += read;
            _exhausted = read == 0;
            return read > 0;
        }
        catch (InvalidDataException failure)
        {
            throw Refuse(failure.Message, failure);
        }
        catch (IOException failure)
        {
            throw new IOException($"{Path}:{LineNumber}: {failure.Message}", failure);
        }
    }
}
