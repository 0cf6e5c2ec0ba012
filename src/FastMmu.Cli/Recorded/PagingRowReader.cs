using FastMmu.Processor;

namespace FastMmu.Cli.Recorded;

/// <summary>Reads the rows of a paging file; both families of columns, the second of which has PKRU, CR3 and the PDPTE columns besides.</summary>
internal sealed class PagingRowReader
{
    /// <summary>The columns that make a file one of paging rows.</summary>
    public static readonly string[] Columns =
    [
        "id", "mode", "vendor", "maxphyaddr", "gbpages", "cr0", "cr4", "efer", "eflags", "cpl", "kind", "size", "seg", "linear",
        "result", "errcode", "cr2", "pa", "entries",
    ];

    private static readonly string[] Modes = ["2L", "PAE", "4L", "5L"];
    private static readonly PagingMode[] ModeValues = [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel];
    private static readonly string[] Vendors = ["I", "A"];
    private static readonly string[] Kinds = ["R", "W", "M", "X", "I"];
    private static readonly string[] Segments = ["D", "S", "C"];
    private static readonly string[] Stages = ["-", "access", "cr3", "reload"];

    private readonly RecordedTable _table;
    private readonly NonLeafBit8 _amdBit8;
    private readonly Dictionary<(int Vendor, int Width, int GigabytePages), ProcessorFeatures> _features = [];
    private readonly PagingRow _row = new();

    private readonly int _id, _mode, _vendor, _width, _gigabytePages, _cr0, _cr4, _efer, _eflags, _cpl, _kind, _size, _seg, _linear;
    private readonly int _result, _errcode, _cr2, _pa, _entries, _answeredBy, _cr3, _pkru, _pdptes, _edit, _reload, _stage;

    /// <param name="table">The file.</param>
    /// <param name="amdBit8">Where rows of vendor A have bit 8 of a non-leaf entry reserved.</param>
    public PagingRowReader(RecordedTable table, NonLeafBit8 amdBit8)
    {
        _table = table;
        _amdBit8 = amdBit8;
        _id = table.Column("id");
        _mode = table.Column("mode");
        _vendor = table.Column("vendor");
        _width = table.Column("maxphyaddr");
        _gigabytePages = table.Column("gbpages");
        _cr0 = table.Column("cr0");
        _cr4 = table.Column("cr4");
        _efer = table.Column("efer");
        _eflags = table.Column("eflags");
        _cpl = table.Column("cpl");
        _kind = table.Column("kind");
        _size = table.Column("size");
        _seg = table.Column("seg");
        _linear = table.Column("linear");
        _result = table.Column("result");
        _errcode = table.Column("errcode");
        _cr2 = table.Column("cr2");
        _pa = table.Column("pa");
        _entries = table.Column("entries");
        _answeredBy = table.OptionalColumn("answered_by");
        _cr3 = table.OptionalColumn("cr3");
        _pkru = table.OptionalColumn("pkru");
        _pdptes = table.OptionalColumn("pdptes");
        _edit = table.OptionalColumn("edit");
        _reload = table.OptionalColumn("reload");
        _stage = table.OptionalColumn("stage");
    }

    /// <summary>Reads the row the table stands on.</summary>
    /// <returns>The same object every time.</returns>
    /// <exception cref="InputException">A field is malformed, or the fields contradict each other.</exception>
    public PagingRow Read()
    {
        PagingRow row = _row;
        row.Id = _table.Text(_id);
        row.Mode = ModeValues[_table.Word(_mode, Modes)];
        row.Features = FeaturesOf(_table.Word(_vendor, Vendors), _table.Dec(_width, 32, 52), _table.Dec(_gigabytePages, 0, 1));
        row.Cr0 = _table.Hex(_cr0);
        row.Cr4 = _table.Hex(_cr4);
        row.Efer = _table.Hex(_efer);
        row.RFlags = _table.Hex(_eflags);
        row.Cpl = _table.Dec(_cpl, 0, 3);
        row.Kind = (RowAccess)_table.Word(_kind, Kinds);
        _table.Dec(_size, 0, 64);
        row.Stack = _table.Word(_seg, Segments) == 1;
        row.Linear = _table.Hex(_linear);
        row.Pkru = _table.IsNone(_pkru) ? 0 : (uint)_table.Hex(_pkru, 32);
        row.Disputed = _answeredBy >= 0 && _table[_answeredBy].StartsWith("S-"u8);
        ReadEntries(row);
        row.Cr3 = _table.IsNone(_cr3) ? row.Entries[0].Table : _table.Hex(_cr3);
        ReadPdptes(row);
        ReadAnswer(row);
        return row;
    }

    private void ReadAnswer(PagingRow row)
    {
        bool ok = _table[_result].SequenceEqual("ok"u8);
        row.Vector = ok ? 0 : _table.Dec(_result, 1, 31);
        row.ErrorCode = ok ? 0 : (uint)_table.Hex(_errcode, 16);
        row.Cr2 = _table.IsNone(_cr2) ? null : _table.Hex(_cr2);
        row.Physical = ok ? _table.Hex(_pa, 52) : 0;
        if (ok && !_table.IsNone(_errcode)) throw _table.Refuse(_errcode, "is an error code without an exception");
        if (ok && !_table.IsNone(_cr2)) throw _table.Refuse(_cr2, "is a CR2 without an exception");
        if (!ok && !_table.IsNone(_pa)) throw _table.Refuse(_pa, "is a physical address in spite of an exception");
        row.Stage = _stage >= 0 ? (PagingStage)_table.Word(_stage, Stages) : ok ? PagingStage.Done : PagingStage.Access;
        if (ok != (row.Stage == PagingStage.Done)) throw _table.Refuse(_stage, "does not go with the result");
    }

    private void ReadEntries(PagingRow row)
    {
        row.ClearEntries();
        int level = row.Mode == PagingMode.TwoLevel ? 2 : row.Mode == PagingMode.Pae ? 3 : (int)row.Mode;
        ReadOnlySpan<byte> rest = _table[_entries];
        while (true)
        {
            int semicolon = rest.IndexOf((byte)';');
            ReadOnlySpan<byte> entry = semicolon < 0 ? rest : rest[..semicolon];
            if (level == 0) throw _table.Refuse(_entries, "has more entries than the mode has levels");
            row.Add(ReadEntry(row, entry, level));
            if (semicolon < 0) return;
            rest = rest[(semicolon + 1)..];
            level--;
        }
    }

    private RecordedEntry ReadEntry(PagingRow row, ReadOnlySpan<byte> text, int level)
    {
        Span<Range> parts = stackalloc Range[5];
        if (RecordedTable.Split(text, (byte)':', parts) != 5) throw _table.Refuse(_entries, "is not level:table_pa:index:before:after");
        if (_table.Hex(_entries, text[parts[0]]) != (ulong)level) throw _table.Refuse(_entries, "does not list the levels from the top down");
        ulong table = _table.Hex(_entries, text[parts[1]], 52);
        ulong index = _table.Hex(_entries, text[parts[2]]);
        bool pdpt = row.Mode == PagingMode.Pae && level == 3;
        ulong alignment = pdpt ? 32UL : 4096;
        ulong count = pdpt ? 4UL : 4096UL / (ulong)row.EntryBytes;
        if ((table & (alignment - 1)) != 0) throw _table.Refuse(_entries, $"has a table at level {level} that is not aligned");
        if (index >= count) throw _table.Refuse(_entries, $"has an index at level {level} outside the table");
        int bits = row.EntryBytes * 8;
        return new(level, table, (int)index, _table.Hex(_entries, text[parts[3]], bits), _table.Hex(_entries, text[parts[4]], bits));
    }

    private void ReadPdptes(PagingRow row)
    {
        row.EditSlot = row.ReloadRegister = -1;
        row.HasPdptes = row.Mode == PagingMode.Pae && !_table.IsNone(_pdptes);
        Span<Range> parts = stackalloc Range[4];
        if (row.HasPdptes)
        {
            ReadOnlySpan<byte> text = _table[_pdptes];
            if (RecordedTable.Split(text, (byte)',', parts) != 4) throw _table.Refuse(_pdptes, "is not four entries");
            for (int i = 0; i < 4; i++) row.Pdptes[i] = _table.Hex(_pdptes, text[parts[i]]);
            RecordedEntry listed = row.Entries[0];
            if (row.Pdptes[listed.Index] != listed.Before) throw _table.Refuse(_pdptes, "contradicts the entry at level 3");
        }

        if (!_table.IsNone(_edit))
        {
            if (row.Mode != PagingMode.Pae) throw _table.Refuse(_edit, "edits a PDPTE without PAE paging");
            ReadOnlySpan<byte> text = _table[_edit];
            if (RecordedTable.Split(text, (byte)':', parts) != 2) throw _table.Refuse(_edit, "is not slot:value");
            row.EditSlot = (int)_table.Hex(_edit, text[parts[0]], 2);
            row.EditValue = _table.Hex(_edit, text[parts[1]]);
        }

        if (!_table.IsNone(_reload))
        {
            ReadOnlySpan<byte> text = _table[_reload];
            if (RecordedTable.Split(text, (byte)':', parts) != 2) throw _table.Refuse(_reload, "is not register:value");
            ReadOnlySpan<byte> register = text[parts[0]];
            row.ReloadRegister = register.SequenceEqual("cr0"u8) ? 0
                : register.SequenceEqual("cr3"u8) ? 3
                : register.SequenceEqual("cr4"u8) ? 4
                : throw _table.Refuse(_reload, "names none of cr0 cr3 cr4");
            row.ReloadValue = _table.Hex(_reload, text[parts[1]]);
        }
    }

    private ProcessorFeatures FeaturesOf(int vendor, int width, int gigabytePages)
    {
        if (_features.TryGetValue((vendor, width, gigabytePages), out ProcessorFeatures? known)) return known;
        bool amd = vendor == 1;
        return _features[(vendor, width, gigabytePages)] = new ProcessorFeatures
        {
            Vendor = amd ? ProcessorVendor.Amd : ProcessorVendor.Intel,
            PhysicalAddressBits = width,
            OneGigabytePages = gigabytePages == 1,
            La57 = true,
            NonLeafBit8 = amd ? _amdBit8 : NonLeafBit8.Ignored,
        };
    }
}
