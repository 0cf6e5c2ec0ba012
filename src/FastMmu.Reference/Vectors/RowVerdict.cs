namespace FastMmu.Reference.Vectors;

/// <summary>What was found about one row: to which group it counts, and in which columns the subject answered otherwise. Reused from row to row.</summary>
internal sealed class RowVerdict
{
    private readonly List<string> _differences = [];

    /// <summary>The row's name in its file.</summary>
    public string Id { get; private set; } = "";

    /// <summary>The mode under which the row is counted.</summary>
    public string Mode { get; private set; } = "";

    /// <summary>The kind under which the row is counted.</summary>
    public string Kind { get; private set; } = "";

    /// <summary>One text a column: <c>cr2: expected 1000, actual -</c>.</summary>
    public IReadOnlyList<string> Differences => _differences;

    /// <summary>Begins a row.</summary>
    public void Begin(string id, string mode, string kind)
    {
        (Id, Mode, Kind) = (id, mode, kind);
        _differences.Clear();
    }

    /// <summary>Compares a hexadecimal column, which may not apply.</summary>
    public void Expect(string column, ulong? expected, ulong? actual)
    {
        if (expected != actual) Differ(column, Hex(expected), Hex(actual));
    }

    /// <summary>Compares a column of words.</summary>
    public void Expect(string column, string expected, string actual)
    {
        if (expected != actual) Differ(column, expected, actual);
    }

    /// <summary>Compares a decimal column.</summary>
    public void Expect(string column, int expected, int actual)
    {
        if (expected != actual) Differ(column, expected.ToString(), actual.ToString());
    }

    /// <summary>Compares a result: <c>ok</c>, or the number of a vector.</summary>
    public void ExpectVector(string column, int expected, int actual)
    {
        if (expected != actual) Differ(column, Vector(expected), Vector(actual));
    }

    /// <summary>Adds a difference that is none of columns.</summary>
    public void Differ(string difference) => _differences.Add(difference);

    private void Differ(string column, string expected, string actual) => Differ($"{column}: expected {expected}, actual {actual}");

    private static string Hex(ulong? value) => value is { } number ? number.ToString("x") : "-";

    private static string Vector(int vector) => vector == 0 ? "ok" : vector.ToString();
}
