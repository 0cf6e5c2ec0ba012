using System.IO.Compression;
using System.Text;

namespace FastMmu.Tests.Recorded;

/// <summary>Rows taken out of the recorded files, to be changed and judged again.</summary>
internal sealed class RecordedRows
{
    private readonly List<string[]> _rows = [];

    private RecordedRows(string[] columns) => Columns = columns;

    public string[] Columns { get; }

    /// <summary>A file with the same columns and no row yet.</summary>
    public static RecordedRows Like(string file) => new(Lines(file).First()[1..].Split('\t').Select(c => c.Split('(')[0]).ToArray());

    /// <summary>The first row of a file in which all the columns named have the values given, as <c>kind=M cpl=0</c>.</summary>
    public static RecordedRows First(string file, string condition) => First(file, row =>
        condition.Split(' ', StringSplitOptions.RemoveEmptyEntries).All(c => row(c.Split('=')[0]) == c.Split('=')[1]));

    /// <summary>The first row of a file that meets a condition on its fields.</summary>
    public static RecordedRows First(string file, Func<Func<string, string>, bool> condition)
    {
        RecordedRows found = Like(file);
        foreach (string line in Lines(file).Skip(1))
        {
            string[] fields = line.Split('\t');
            if (!condition(column => fields[Array.IndexOf(found.Columns, column)])) continue;
            found._rows.Add(fields);
            return found;
        }

        throw new InvalidOperationException($"{file} has no such row.");
    }

    /// <summary>A field of the last row.</summary>
    public string this[string column]
    {
        get => _rows[^1][Array.IndexOf(Columns, column)];
        set => _rows[^1][Array.IndexOf(Columns, column)] = value;
    }

    /// <summary>Sets fields of the last row, as <c>result=14 errcode=5</c>.</summary>
    public RecordedRows With(string changes)
    {
        foreach (string change in changes.Split(' ', StringSplitOptions.RemoveEmptyEntries)) this[change.Split('=')[0]] = change.Split('=')[1];
        return this;
    }

    /// <summary>Adds a row given as <c>column=value</c> for every column.</summary>
    public RecordedRows Add(string fields)
    {
        _rows.Add(new string[Columns.Length]);
        return With(fields);
    }

    /// <summary>Changes the entry after the access, at one level.</summary>
    public RecordedRows WithAfter(int level, Func<ulong, ulong> change)
    {
        this["entries"] = string.Join(';', this["entries"].Split(';').Select(entry =>
        {
            string[] parts = entry.Split(':');
            if (parts[0] == level.ToString()) parts[4] = change(Convert.ToUInt64(parts[4], 16)).ToString("x");
            return string.Join(':', parts);
        }));
        return this;
    }

    public override string ToString() => string.Concat(_rows.Select(row => string.Join('\t', row) + "\n").Prepend("#" + string.Join('\t', Columns) + "\n"));

    private static IEnumerable<string> Lines(string file)
    {
        using var text = new StreamReader(new GZipStream(File.OpenRead(RepositoryRoot.Data("x86", file)), CompressionMode.Decompress), Encoding.ASCII);
        while (text.ReadLine() is { } line) yield return line;
    }
}
