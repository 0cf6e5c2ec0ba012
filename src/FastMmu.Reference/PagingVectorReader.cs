using FastMmu.Reference.Vectors;

namespace FastMmu.Reference;

/// <summary>
/// Reads a file of recorded accesses under paging, one row at a time: text of tab-separated columns, plain or gzip. The columns are described beside the
/// recordings, in tests/data/x86/FORMAT.md of the project.
/// </summary>
/// <remarks>
/// Whatever is wrong with a file is one line that names file, line, and column; a file that was cut or damaged is known to be. Files of segment rows and of
/// accesses to two pages are refused: an <see cref="IMmuUnderTest"/> has no segments and moves no bytes.
/// </remarks>
public sealed class PagingVectorReader : IDisposable
{
    private readonly RecordedTable _table;
    private readonly PagingRowReader _rows;

    internal PagingVectorReader(RecordedTable table, PagingVectorQuirks quirks)
    {
        _table = table;
        _rows = new PagingRowReader(table, quirks);
    }

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="quirks">How answers are read; only <see cref="PagingVectorQuirks.AmdPdptBit8"/> counts here.</param>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="InvalidDataException">It is not a file of paging rows.</exception>
    /// <exception cref="IOException">It is missing, or cannot be read.</exception>
    public static PagingVectorReader Open(string path, PagingVectorQuirks quirks = PagingVectorQuirks.None)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Begin(RecordedTable.Open(path), quirks);
    }

    /// <summary>Reads the header of a file that is open already.</summary>
    /// <param name="file">The file; disposed of with this.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="quirks">How answers are read; only <see cref="PagingVectorQuirks.AmdPdptBit8"/> counts here.</param>
    /// <exception cref="ArgumentNullException"><paramref name="file"/> or <paramref name="name"/> is null.</exception>
    /// <exception cref="InvalidDataException">It is not a file of paging rows.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PagingVectorReader Open(Stream file, string name, PagingVectorQuirks quirks = PagingVectorQuirks.None)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        return Begin(RecordedTable.Open(file, name), quirks);
    }

    /// <summary>The file as it was named.</summary>
    public string Path => _table.Path;

    /// <summary>How many rows were read.</summary>
    public long Rows { get; private set; }

    /// <summary>Reads a row.</summary>
    /// <returns>The row; null at the end of a complete file.</returns>
    /// <exception cref="InvalidDataException">The file is cut or damaged, has no row at all, or the row makes no sense; the message says where and why.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public PagingVector? Read()
    {
        if (!_table.MoveNext()) return Rows > 0 ? null : throw _table.Refuse("the file has a header and no rows");
        Rows++;
        return _rows.Read();
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _table.Dispose();

    private static PagingVectorReader Begin(RecordedTable table, PagingVectorQuirks quirks)
    {
        try
        {
            foreach (string column in PagingRowReader.Columns)
            {
                if (!table.Has(column)) throw table.Refuse($"these are no paging rows: column '{column}' is missing");
            }

            return new(table, quirks);
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }
}
