using FastMmu.Processor;

namespace FastMmu.Reference.Vectors;

/// <summary>Reads the rows of a paging file; both families of columns, the second of which has PKRU, CR3 and the PDPTE columns besides.</summary>
internal sealed class PagingRowReader
{
    /// <summary>The columns that make a file one of paging rows.</summary>
    public static readonly string[] Columns =
    [
        "id", "mode", "vendor", "maxphyaddr", "gbpages", "cr0", "cr4", "efer", "eflags", "cpl", "kind", "size", "seg", "linear",
        "result", "errcode", "cr2", "pa", "entries",
    ];

    private const int MostLevels = 5;
    private static readonly string[] Modes = ["2L", "PAE", "4L", "5L"];
    private static readonly PagingMode[] ModeValues = [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel];
    private static readonly string[] Vendors = ["I", "A"];
    private static readonly string[] Kinds = ["R", "W", "M", "X", "I"];
    private static readonly string[] Segments = ["D", "S", "C"];
    private static readonly string[] Stages = ["-", "access", "cr3", "reload"];

    private readonly RecordedTable _table;
    private readonly NonLeafBit8 _amdBit8;
    private readonly Dictionary<(int Vendor, int Width, int GigabytePages), ProcessorFeatures> _features = [];

    private readonly int _id, _mode, _vendor, _width, _gigabytePages, _cr0, _cr4, _efer, _eflags, _cpl, _kind, _size, _seg, _linear;
    private readonly int _result, _errcode, _cr2, _pa, _entries, _answeredBy, _cr3, _pkru, _pdptes, _edit, _reload, _stage;

    /// <param name="table">The file.</param>
    /// <param name="quirks">Whether rows of vendor A have bit 8 of a PDPT entry reserved.</param>
    public PagingRowReader(RecordedTable table, PagingVectorQuirks quirks)
    {
        _table = table;
        _amdBit8 = quirks.HasFlag(PagingVectorQuirks.AmdPdptBit8) ? NonLeafBit8.ReservedInPml4AndPdpt : NonLeafBit8.ReservedInPml4;
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
    /// <exception cref="InvalidDataException">A field is malformed, or the fields contradict each other.</exception>
    public PagingVector Read()
    {
        string id = _table.Text(_id);
        PagingMode mode = ModeValues[_table.Word(_mode, Modes)];
        ProcessorFeatures features = FeaturesOf(_table.Word(_vendor, Vendors), _table.Dec(_width, 32, 52), _table.Dec(_gigabytePages, 0, 1));
        var state = new PagingState(features)
        {
            Cr0 = _table.Hex(_cr0),
            Cr4 = _table.Hex(_cr4),
            Efer = _table.Hex(_efer),
            RFlags = _table.Hex(_eflags),
            Pkru = _table.IsNone(_pkru) ? 0 : (uint)_table.Hex(_pkru, 32),
        };
        Privilege privilege = _table.Dec(_cpl, 0, 3) == 3 ? Privilege.User : Privilege.Supervisor;
        var kind = (PagingVectorKind)_table.Word(_kind, Kinds);
        _table.Dec(_size, 0, 64);
        bool stack = _table.Word(_seg, Segments) == 1;
        ulong linear = _table.Hex(_linear);
        bool disputed = _answeredBy >= 0 && _table[_answeredBy].StartsWith("S-"u8);
        PagingVectorEntry[] entries = ReadEntries(mode);
        state.Cr3 = _table.IsNone(_cr3) ? entries[0].Table : _table.Hex(_cr3);

        // Table 4-7 of the SDM: the low five bits of CR3 are ignored.
        ulong pdpt = state.Cr3.Value & 0xffff_ffe0;
        TableWord[] words = ReadWords(mode, pdpt, entries);
        TableWord? edit = ReadEdit(mode, pdpt);
        MmuInstruction? reload = ReadReload();
        (PagingVectorStage stage, ObservedAnswer answer) = ReadAnswer();
        if (ControlRegisterRules.Inconsistency(in state) is { } impossible) throw _table.Refuse($"no processor can hold these registers: {impossible}");
        if (state.Mode != mode) throw _table.Refuse($"the registers are not those of mode {_table.Text(_mode)}");
        RefuseContradictions(words);
        return new PagingVector
        {
            Id = id,
            Line = _table.LineNumber,
            State = state,
            Kind = kind,
            Access = AccessOf(kind, linear, privilege, stack),
            Entries = entries,
            Words = words,
            Edit = edit,
            Reload = reload,
            Stage = stage,
            Answer = answer,
            Disputed = disputed,
        };
    }

    private static ReferenceAccess AccessOf(PagingVectorKind kind, ulong linear, Privilege privilege, bool stack) => kind switch
    {
        PagingVectorKind.Read => new(linear, Access.Read, privilege, stack),
        PagingVectorKind.Fetch => new(linear, Access.Execute, privilege, stack),
        PagingVectorKind.Implicit => new(linear, Access.Read, Privilege.ImplicitSupervisor, stack),
        _ => new(linear, Access.Write, privilege, stack),
    };

    private (PagingVectorStage Stage, ObservedAnswer Answer) ReadAnswer()
    {
        bool ok = _table[_result].SequenceEqual("ok"u8);
        int vector = ok ? 0 : _table.Dec(_result, 1, 31);
        int errorCode = ok ? 0 : (int)_table.Hex(_errcode, 16);
        ulong? cr2 = _table.IsNone(_cr2) ? null : _table.Hex(_cr2);
        ulong physical = ok ? _table.Hex(_pa, 52) : 0;
        if (ok && !_table.IsNone(_errcode)) throw _table.Refuse(_errcode, "is an error code without an exception");
        if (ok && !_table.IsNone(_cr2)) throw _table.Refuse(_cr2, "is a CR2 without an exception");
        if (!ok && !_table.IsNone(_pa)) throw _table.Refuse(_pa, "is a physical address in spite of an exception");
        PagingVectorStage stage = _stage >= 0 ? (PagingVectorStage)_table.Word(_stage, Stages) : ok ? PagingVectorStage.Done : PagingVectorStage.Access;
        if (ok != (stage == PagingVectorStage.Done)) throw _table.Refuse(_stage, "does not go with the result");
        return (stage, ok ? ObservedAnswer.Translated(physical) : ObservedAnswer.Faulted((ExceptionVector)vector, errorCode, cr2));
    }

    private PagingVectorEntry[] ReadEntries(PagingMode mode)
    {
        Span<PagingVectorEntry> entries = new PagingVectorEntry[MostLevels];
        int count = 0;
        int level = mode == PagingMode.TwoLevel ? 2 : mode == PagingMode.Pae ? 3 : (int)mode;
        ReadOnlySpan<byte> rest = _table[_entries];
        while (true)
        {
            int semicolon = rest.IndexOf((byte)';');
            ReadOnlySpan<byte> entry = semicolon < 0 ? rest : rest[..semicolon];
            if (level == 0) throw _table.Refuse(_entries, "has more entries than the mode has levels");
            entries[count++] = ReadEntry(mode, entry, level);
            if (semicolon < 0) return entries[..count].ToArray();
            rest = rest[(semicolon + 1)..];
            level--;
        }
    }

    private PagingVectorEntry ReadEntry(PagingMode mode, ReadOnlySpan<byte> text, int level)
    {
        Span<Range> parts = stackalloc Range[5];
        if (RecordedTable.Split(text, (byte)':', parts) != 5) throw _table.Refuse(_entries, "is not level:table_pa:index:before:after");
        if (_table.Hex(_entries, text[parts[0]]) != (ulong)level) throw _table.Refuse(_entries, "does not list the levels from the top down");
        ulong table = _table.Hex(_entries, text[parts[1]], 52);
        ulong index = _table.Hex(_entries, text[parts[2]]);
        int bytes = mode == PagingMode.TwoLevel ? 4 : 8;
        bool pdpt = mode == PagingMode.Pae && level == 3;
        ulong alignment = pdpt ? 32UL : 4096;
        ulong count = pdpt ? 4UL : 4096UL / (ulong)bytes;
        if ((table & (alignment - 1)) != 0) throw _table.Refuse(_entries, $"has a table at level {level} that is not aligned");
        if (index >= count) throw _table.Refuse(_entries, $"has an index at level {level} outside the table");
        return new(level, table, (int)index, bytes, _table.Hex(_entries, text[parts[3]], bytes * 8), _table.Hex(_entries, text[parts[4]], bytes * 8));
    }

    private TableWord[] ReadWords(PagingMode mode, ulong pdpt, PagingVectorEntry[] entries)
    {
        int pdptes = mode == PagingMode.Pae && !_table.IsNone(_pdptes) ? 4 : 0;
        var words = new TableWord[pdptes + entries.Length];
        if (pdptes > 0)
        {
            Span<Range> parts = stackalloc Range[4];
            ReadOnlySpan<byte> text = _table[_pdptes];
            if (RecordedTable.Split(text, (byte)',', parts) != 4) throw _table.Refuse(_pdptes, "is not four entries");
            for (int i = 0; i < 4; i++) words[i] = new(pdpt + (8 * (ulong)i), _table.Hex(_pdptes, text[parts[i]]), 8, 3);
            if (words[entries[0].Index].Value != entries[0].Before) throw _table.Refuse(_pdptes, "contradicts the entry at level 3");
        }

        for (int i = 0; i < entries.Length; i++) words[pdptes + i] = new(entries[i].Address, entries[i].Before, entries[i].Bytes, entries[i].Level);
        return words;
    }

    private TableWord? ReadEdit(PagingMode mode, ulong pdpt)
    {
        if (_table.IsNone(_edit)) return null;
        if (mode != PagingMode.Pae) throw _table.Refuse(_edit, "edits a PDPTE without PAE paging");
        Span<Range> parts = stackalloc Range[2];
        ReadOnlySpan<byte> text = _table[_edit];
        if (RecordedTable.Split(text, (byte)':', parts) != 2) throw _table.Refuse(_edit, "is not slot:value");
        return new(pdpt + (8 * _table.Hex(_edit, text[parts[0]], 2)), _table.Hex(_edit, text[parts[1]]), 8, 3);
    }

    private MmuInstruction? ReadReload()
    {
        if (_table.IsNone(_reload)) return null;
        Span<Range> parts = stackalloc Range[2];
        ReadOnlySpan<byte> text = _table[_reload];
        if (RecordedTable.Split(text, (byte)':', parts) != 2) throw _table.Refuse(_reload, "is not register:value");
        ReadOnlySpan<byte> register = text[parts[0]];
        MmuInstructionKind kind = register.SequenceEqual("cr0"u8) ? MmuInstructionKind.WriteCr0
            : register.SequenceEqual("cr3"u8) ? MmuInstructionKind.WriteCr3
            : register.SequenceEqual("cr4"u8) ? MmuInstructionKind.WriteCr4
            : throw _table.Refuse(_reload, "names none of cr0 cr3 cr4");
        return new(kind, _table.Hex(_reload, text[parts[1]]));
    }

    private void RefuseContradictions(TableWord[] words)
    {
        for (int i = 1; i < words.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (words[i].Address == words[j].Address && words[i].Value != words[j].Value) throw _table.Refuse("two entries of the row lie at the same place and differ");
            }
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
