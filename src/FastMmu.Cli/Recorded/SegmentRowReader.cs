using FastMmu.Addresses;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Recorded;

/// <summary>Reads the rows of a segmentation file.</summary>
internal sealed class SegmentRowReader
{
    /// <summary>The columns that make a file one of segment rows.</summary>
    public static readonly string[] Columns =
    [
        "id", "src", "cpl", "kind", "size", "seg", "selector", "descriptor", "gdt_limit", "ldt_limit", "offset", "stage", "vector", "errcode", "linear",
    ];

    private static readonly string[] Sources = ["KE", "HW"];
    private static readonly string[] Kinds = ["R", "W", "M", "L", "J"];
    private static readonly string[] Registers = ["ES", "CS", "SS", "DS", "FS", "GS"];
    private static readonly string[] Stages = ["ok", "load", "access", "far"];

    private readonly RecordedTable _table;
    private readonly SegmentRow _row = new();
    private readonly int _id, _src, _cpl, _kind, _size, _seg, _selector, _descriptor, _gdtLimit, _ldtLimit, _offset;
    private readonly int _stage, _vector, _errcode, _linear, _descriptorAfter;

    public SegmentRowReader(RecordedTable table)
    {
        _table = table;
        _id = table.Column("id");
        _src = table.Column("src");
        _cpl = table.Column("cpl");
        _kind = table.Column("kind");
        _size = table.Column("size");
        _seg = table.Column("seg");
        _selector = table.Column("selector");
        _descriptor = table.Column("descriptor");
        _gdtLimit = table.Column("gdt_limit");
        _ldtLimit = table.Column("ldt_limit");
        _offset = table.Column("offset");
        _stage = table.Column("stage");
        _vector = table.Column("vector");
        _errcode = table.Column("errcode");
        _linear = table.Column("linear");
        _descriptorAfter = table.OptionalColumn("descriptor_after");
    }

    /// <summary>Reads the row the table stands on.</summary>
    /// <returns>The same object every time.</returns>
    /// <exception cref="InvalidDataException">A field is malformed, or the fields contradict each other.</exception>
    public SegmentRow Read()
    {
        SegmentRow row = _row;
        row.Id = _table.Text(_id);
        row.Compatibility = _table.Word(_src, Sources) == 1;
        row.Cpl = _table.Dec(_cpl, 0, 3);
        row.Kind = (SegmentAction)_table.Word(_kind, Kinds);
        bool accesses = row.Kind is SegmentAction.Read or SegmentAction.Write or SegmentAction.ReadModifyWrite;
        row.Size = _table.Dec(_size, accesses ? 1 : 0, 4096);
        row.Register = (SegmentRegister)_table.Word(_seg, Registers);
        if ((row.Kind == SegmentAction.FarJump) != (row.Register == SegmentRegister.CS)) throw _table.Refuse(_seg, "does not go with the kind of the row");
        row.Selector = (ushort)_table.Hex(_selector, 16);
        row.Descriptor = _table.Hex(_descriptor);
        row.GdtLimit = (ushort)_table.Hex(_gdtLimit, 16);
        row.LdtLimit = (ushort)_table.Hex(_ldtLimit, 16);
        row.Offset = (uint)_table.Hex(_offset, 32);
        row.Stage = (SegmentStage)_table.Word(_stage, Stages);
        bool ok = row.Stage == SegmentStage.Done;
        if (ok != _table.IsNone(_vector)) throw _table.Refuse(_vector, "does not go with the stage");
        if (ok != _table.IsNone(_errcode)) throw _table.Refuse(_errcode, "does not go with the stage");
        row.Vector = ok ? 0 : _table.Dec(_vector, 1, 31);
        row.ErrorCode = ok ? 0 : (uint)_table.Hex(_errcode, 16);
        row.Linear = _table.IsNone(_linear) ? null : _table.Hex(_linear);
        row.DescriptorAfter = _table.IsNone(_descriptorAfter) ? null : _table.Hex(_descriptorAfter);
        return row;
    }
}
