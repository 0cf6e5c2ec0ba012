namespace FastMmu.Cli.Text;

/// <summary>Rows of text in aligned columns, for people and for <c>awk</c>: no lines, no boxes, columns two spaces apart.</summary>
internal sealed class TextTable
{
    private const string Gap = "  ";
    private readonly string[] _titles;
    private readonly bool[] _right;
    private readonly List<string[]> _rows = [];

    /// <param name="titles">Titles of the columns; one that begins with <c>&gt;</c> is aligned right. All empty: no line of titles.</param>
    public TextTable(params ReadOnlySpan<string> titles)
    {
        _titles = new string[titles.Length];
        _right = new bool[titles.Length];
        for (int i = 0; i < titles.Length; i++)
        {
            _right[i] = titles[i].StartsWith('>');
            _titles[i] = _right[i] ? titles[i][1..] : titles[i];
        }
    }

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a row; what is missing at its end is empty.</summary>
    public void Add(params ReadOnlySpan<string> cells)
    {
        string[] row = new string[_titles.Length];
        for (int i = 0; i < row.Length; i++) row[i] = i < cells.Length ? Printable.Of(cells[i]) : "";
        _rows.Add(row);
    }

    /// <summary>Writes the table.</summary>
    /// <param name="console">Where.</param>
    /// <param name="indent">Spaces in front of every line.</param>
    public void Write(ToolConsole console, int indent = 2)
    {
        int[] widths = new int[_titles.Length];
        for (int i = 0; i < widths.Length; i++)
        {
            widths[i] = _titles[i].Length;
            foreach (string[] row in _rows) widths[i] = Math.Max(widths[i], row[i].Length);
        }

        string margin = new(' ', indent);
        if (_titles.Any(t => t.Length > 0)) console.Output.WriteLine(margin + console.Paint(Line(_titles, widths), Ink.Dim));
        foreach (string[] row in _rows) console.Output.WriteLine(margin + Line(row, widths));
    }

    private string Line(string[] cells, int[] widths)
    {
        for (int i = 0; i < cells.Length; i++) cells[i] = _right[i] ? cells[i].PadLeft(widths[i]) : cells[i].PadRight(widths[i]);
        return string.Join(Gap, cells).TrimEnd();
    }
}
