using FastMmu.Reference;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Recorded;

/// <summary>Reads the rows of a file of accesses to two adjacent pages.</summary>
internal sealed class PagePairRowReader
{
    /// <summary>The columns that make a file one of such rows.</summary>
    public static readonly string[] Columns =
    [
        "id", "kind", "size", "seg", "linear", "page1", "page2", "result", "errcode", "cr2", "rip_at", "bytes_changed",
    ];

    private static readonly string[] Kinds = ["R", "W", "M", "X"];
    private static readonly string[] Segments = ["D", "S", "C"];
    private static readonly string[] Protections = ["N", "R", "RW", "RX", "RWX", "-"];
    private static readonly string[] Places = ["-", "0", "t", "t+10"];

    private readonly RecordedTable _table;
    private readonly PagePairRow _row = new();
    private readonly int _id, _kind, _size, _seg, _linear, _page1, _page2, _result, _errcode, _cr2, _ripAt, _bytesChanged;

    public PagePairRowReader(RecordedTable table)
    {
        _table = table;
        _id = table.Column("id");
        _kind = table.Column("kind");
        _size = table.Column("size");
        _seg = table.Column("seg");
        _linear = table.Column("linear");
        _page1 = table.Column("page1");
        _page2 = table.Column("page2");
        _result = table.Column("result");
        _errcode = table.Column("errcode");
        _cr2 = table.Column("cr2");
        _ripAt = table.Column("rip_at");
        _bytesChanged = table.Column("bytes_changed");
    }

    /// <summary>Reads the row the table stands on.</summary>
    /// <returns>The same object every time.</returns>
    /// <exception cref="InvalidDataException">A field is malformed, or the fields contradict each other.</exception>
    public PagePairRow Read()
    {
        PagePairRow row = _row;
        row.Id = _table.Text(_id);
        row.Kind = (PagingVectorKind)_table.Word(_kind, Kinds);
        row.Size = _table.Dec(_size, row.Kind == PagingVectorKind.Fetch ? 0 : 1, 4096);
        row.Stack = _table.Word(_seg, Segments) == 1;
        row.Linear = _table.Hex(_linear);
        row.Page1 = Protection(_page1);
        row.Page2 = Protection(_page2);
        bool ok = _table[_result].SequenceEqual("ok"u8);
        row.Vector = ok ? 0 : _table.Dec(_result, 1, 31);
        if (ok != _table.IsNone(_errcode)) throw _table.Refuse(_errcode, "does not go with the result");
        row.ErrorCode = ok ? 0 : (uint)_table.Hex(_errcode, 16);
        row.Cr2 = _table.IsNone(_cr2) ? null : _table.Hex(_cr2);
        row.RipAt = (FaultingInstruction)_table.Word(_ripAt, Places);
        if (ok != (row.RipAt == FaultingInstruction.None)) throw _table.Refuse(_ripAt, "does not go with the result");
        row.BytesChanged = _table.Dec(_bytesChanged, 0, 8192);
        return row;
    }

    private PageProtection Protection(int column)
    {
        int word = _table.Word(column, Protections);
        return word < 5 ? (PageProtection)word : PageProtection.NotPresent;
    }
}
