using System.Text;

namespace FastMmu.Reference.Vectors;

/// <summary>
/// A file of recorded answers: a first line of tab-separated column names, marked with <c>#</c> in most formats, then one row a line with
/// as many fields. Columns are found by name; what follows a <c>(</c> in a name explains it and does not count. <c>-</c> stands for: does not apply.
/// </summary>
internal sealed class RecordedTable : IDisposable
{
    private readonly LineReader _lines;
    private readonly string[] _names;
    private readonly int[] _starts;
    private readonly int[] _lengths;

    private RecordedTable(LineReader lines, bool marked)
    {
        _lines = lines;
        if (!lines.MoveNext() || lines.Line.IsEmpty || (marked && lines.Line[0] != '#'))
        {
            throw lines.Refuse($"no header: the first line must be {(marked ? "'#' and " : "")}the names of the columns");
        }

        _names = Encoding.UTF8.GetString(marked ? lines.Line[1..] : lines.Line).Split('\t');
        for (int i = 0; i < _names.Length; i++)
        {
            int explanation = _names[i].IndexOf('(', StringComparison.Ordinal);
            if (explanation >= 0) _names[i] = _names[i][..explanation];
            if (Array.IndexOf(_names, _names[i], 0, i) >= 0) throw lines.Refuse($"column '{Printable(_names[i])}' appears twice");
        }

        _starts = new int[_names.Length];
        _lengths = new int[_names.Length];
    }

    /// <summary>The file as the user named it.</summary>
    public string Path => _lines.Path;

    /// <summary>Number of the current line, from 1.</summary>
    public long LineNumber => _lines.LineNumber;

    /// <summary>How much of the file has been read, 0 to 1.</summary>
    public double Done => _lines.Done;

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="marked">Whether the format marks the header with <c>#</c>.</param>
    /// <exception cref="InvalidDataException">It has no header.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static RecordedTable Open(string path, bool marked = true) => Begin(LineReader.Open(path), marked);

    /// <summary>Reads the header of a file that is open already.</summary>
    /// <param name="file">The file; disposed of with this.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="InvalidDataException">It has no header.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static RecordedTable Open(Stream file, string name) => Begin(new LineReader(file, name), marked: true);

    private static RecordedTable Begin(LineReader lines, bool marked)
    {
        try
        {
            return new(lines, marked);
        }
        catch
        {
            lines.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a column of that name.</summary>
    public bool Has(string name) => Array.IndexOf(_names, name) >= 0;

    /// <summary>The number of a column that must be there.</summary>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public int Column(string name)
    {
        int index = Array.IndexOf(_names, name);
        return index >= 0 ? index : throw new InvalidDataException($"{Path}:1: column '{name}' is missing");
    }

    /// <summary>The number of a column, or −1.</summary>
    public int OptionalColumn(string name) => Array.IndexOf(_names, name);

    /// <summary>Moves to the next row.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="InvalidDataException">The file is cut or damaged, or the row has another number of fields than the header.</exception>
    public bool MoveNext()
    {
        if (!_lines.MoveNext()) return false;
        ReadOnlySpan<byte> line = _lines.Line;
        int start = 0;
        for (int i = 0; i < _names.Length; i++)
        {
            int tab = line[start..].IndexOf((byte)'\t');
            bool last = i == _names.Length - 1;
            if (last != (tab < 0)) throw Refuse($"{line.Count((byte)'\t') + 1} fields, but the header names {_names.Length}");
            _starts[i] = start;
            _lengths[i] = last ? line.Length - start : tab;
            start += tab + 1;
        }

        return true;
    }

    /// <summary>A refusal that names the file and the current line.</summary>
    public InvalidDataException Refuse(string reason) => _lines.Refuse(reason);

    /// <summary>A refusal that names the file, the current line, the column and what stands there.</summary>
    public InvalidDataException Refuse(int column, string reason) => Refuse($"column '{_names[column]}': '{Printable(Text(column))}' {reason}");

    /// <summary>The field as it stands.</summary>
    public ReadOnlySpan<byte> this[int column] => _lines.Line.Slice(_starts[column], _lengths[column]);

    /// <summary>Whether the field is <c>-</c>, or there is no such column.</summary>
    public bool IsNone(int column) => column < 0 || this[column] is [(byte)'-'];

    /// <summary>The field as text.</summary>
    public string Text(int column) => Encoding.UTF8.GetString(this[column]);

    /// <summary>The field as a hexadecimal number of at most <paramref name="bits"/> bits.</summary>
    public ulong Hex(int column, int bits = 64) => Hex(column, this[column], bits);

    /// <summary>A part of a field as a hexadecimal number of at most <paramref name="bits"/> bits.</summary>
    /// <param name="column">The column, for the message.</param>
    /// <param name="digits">The digits.</param>
    /// <param name="bits">Width of the number.</param>
    public ulong Hex(int column, ReadOnlySpan<byte> digits, int bits = 64)
    {
        ulong value = 0;
        foreach (byte digit in digits)
        {
            int nibble = digit switch
            {
                >= (byte)'0' and <= (byte)'9' => digit - '0',
                >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
                >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
                _ => throw Refuse(column, "is not a hexadecimal number"),
            };
            if (value >> 60 != 0) throw Refuse(column, $"needs more than {bits} bits");
            value = (value << 4) | (uint)nibble;
        }

        if (digits.IsEmpty) throw Refuse(column, "is not a hexadecimal number");
        if (bits < 64 && value >> bits != 0) throw Refuse(column, $"needs more than {bits} bits");
        return value;
    }

    /// <summary>The field as a decimal number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int Dec(int column, int least, int most)
    {
        int value = 0;
        ReadOnlySpan<byte> digits = this[column];
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9') throw Refuse(column, "is not a decimal number");
            value = Math.Min((value * 10) + (digit - '0'), 100_000_000);
        }

        if (digits.IsEmpty) throw Refuse(column, "is not a decimal number");
        if (value < least || value > most) throw Refuse(column, $"is not between {least} and {most}");
        return value;
    }

    /// <summary>The field as one of a few words: the index of the word.</summary>
    public int Word(int column, ReadOnlySpan<string> words)
    {
        ReadOnlySpan<byte> field = this[column];
        for (int i = 0; i < words.Length; i++)
        {
            if (Ascii.Equals(field, words[i])) return i;
        }

        throw Refuse(column, $"is none of {string.Join(' ', words)}");
    }

    /// <summary>Cuts a field at every separator.</summary>
    /// <param name="text">The field.</param>
    /// <param name="separator">The separator.</param>
    /// <param name="parts">Receives as many parts as it has room for.</param>
    /// <returns>How many parts there are.</returns>
    public static int Split(ReadOnlySpan<byte> text, byte separator, Span<Range> parts)
    {
        int count = 0;
        foreach (Range part in text.Split(separator))
        {
            if (count < parts.Length) parts[count] = part;
            count++;
        }

        return count;
    }

    public void Dispose() => _lines.Dispose();

    // A file may hold anything; a message goes to a terminal.
    private static string Printable(string text)
    {
        string shown = text.Length > 40 ? text[..40] + "..." : text;
        return string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
    }
}
