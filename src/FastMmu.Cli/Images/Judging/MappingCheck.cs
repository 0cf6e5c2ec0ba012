using FastMmu.Addresses;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Images.Judging;

/// <summary>
/// The mappings that QEMU's enumerator printed. The walker must find each of them, from the page's first byte to its last, with the same
/// frame, size and leaf flags; the engine's own enumeration must give the same page; and it must give no page that was not printed.
/// </summary>
internal sealed class MappingCheck
{
    // Recursive tables can map 2^36 pages; nobody wants to be told of each that a recording lacks.
    private const int MostExtraPages = 100_000;

    private readonly Examination _examination;
    private readonly AnswerTally _tally;
    private readonly RecordedTable _table;
    private readonly int _cr3Column, _linearColumn, _physicalColumn, _flagsColumn, _sizeColumn;
    private readonly HashSet<ulong> _seen = [];
    private MappedPages.Enumerator _pages;
    private ulong _cr3;
    private ulong? _previous;
    private bool _inSpace;
    private bool _onPage;
    private bool _enumerating;
    private int _extra;

    private MappingCheck(Examination examination, RecordedTable table, AnswerTally tally)
    {
        _examination = examination;
        _tally = tally;
        _table = table;
        _cr3Column = table.OptionalColumn("cr3");
        _linearColumn = table.Column("vaddr");
        _physicalColumn = table.Column("paddr");
        _flagsColumn = table.Column("flags");
        _sizeColumn = table.Column("page_size");
    }

    private readonly record struct Row(ulong Cr3, ulong Linear, ulong Physical, ulong Size);

    /// <summary>Checks a file of mappings: of the running address space, or with a column <c>cr3</c>.</summary>
    public static void Run(Examination examination, string path, AnswerTally tally)
    {
        using RecordedTable table = Examination.Open(path);
        var check = new MappingCheck(examination, table, tally);
        // Without that column even a file of no rows says something: that nothing is mapped.
        if (check._cr3Column < 0) check.EnterSpace(examination.Guest.Description.Cr3.Value);
        while (table.MoveNext()) check.CheckRow();
        check.LeaveSpace();
        examination.CountFile(table);
        if (check._cr3Column >= 0) tally.Remark = $"{check._seen.Count} of {examination.Guest.Description.Spaces.Count} address spaces";
    }

    private void CheckRow()
    {
        Row row = Read();
        if (!_inSpace || row.Cr3 != _cr3) EnterSpace(row.Cr3);
        string? refusal = _examination.Select(row.Cr3);
        _tally.Checked++;
        _examination.CountRow(_table);
        string? enumerated = Enumerate(row);
        string? actual = refusal ?? Walk(row) ?? enumerated;
        if (actual is null) return;
        _examination.Verdict.Refuse(
            _tally, $"{_table.Path}:{_table.LineNumber}", Question(row.Linear), $"0x{row.Physical:x} {_table.Text(_flagsColumn)} 0x{row.Size:x}", actual);
    }

    private Row Read()
    {
        ulong cr3 = _cr3Column < 0 ? _examination.Guest.Description.Cr3.Value : Examination.Number(_table, _cr3Column);
        var row = new Row(
            cr3, Examination.Number(_table, _linearColumn), Examination.Number(_table, _physicalColumn), Examination.Number(_table, _sizeColumn));
        if (row.Size is not (1UL << 12 or 1UL << 21 or 1UL << 22 or 1UL << 30)) throw _table.Refuse(_sizeColumn, "is no size of a page");
        if (_table[_flagsColumn].Length != LeafFlags.Count) throw _table.Refuse(_flagsColumn, $"is not {LeafFlags.Count} letters and dashes");
        return row;
    }

    /// <summary>Null if the walker agrees with the row, else what it says.</summary>
    private string? Walk(Row row)
    {
        Translation first = _examination.Mmu.Probe(new LinearAddress(row.Linear), Access.Read, Privilege.Supervisor, out WalkPath walk);
        if (!first.Ok) return first.ToString();
        if (walk.Count == 0) return "no page table: paging is off";
        // The page's last byte walks the same entries to the same frame, or the two disagree about the page's size.
        Translation last = _examination.Ask(row.Linear + row.Size - 1);
        bool whole = last.Ok && last.Physical.Value == first.Physical.Value + row.Size - 1;
        return whole && Agrees(row, first.Physical.Value, first.PageSize, walk[^1].Raw)
            ? null
            : Format(first.Physical.Value, first.PageSize, walk[^1].Raw);
    }

    /// <summary>Null if the enumeration has the row's page next, else what it has.</summary>
    private string? Enumerate(Row row)
    {
        if (!_enumerating) return null;
        if (row.Linear <= _previous)
        {
            _enumerating = false;
            _examination.Verdict.Note($"{_table.Path}:{_table.LineNumber}: not in the order of addresses: {Space} was not searched for pages that are not recorded");
            return null;
        }

        _previous = row.Linear;
        while (_onPage && _pages.Current.Linear.Value < row.Linear && RefuseExtraPage()) _onPage = _pages.MoveNext();
        if (!_enumerating) return null;
        if (!_onPage || _pages.Current.Linear.Value != row.Linear) return "a page that the walker finds and the enumeration does not";
        MappedPage page = _pages.Current;
        _onPage = _pages.MoveNext();
        return Agrees(row, page.Physical.Value, page.Size, page.Leaf) ? null : "in the enumeration " + Format(page.Physical.Value, page.Size, page.Leaf);
    }

    private bool Agrees(Row row, ulong physical, PageSize size, ulong leaf)
    {
        Span<byte> flags = stackalloc byte[LeafFlags.Count];
        LeafFlags.Format(leaf, size != PageSize.Size4K, flags);
        return size.Bytes() == row.Size && _examination.Visible(physical, size) == _examination.Visible(row.Physical, size)
            && _table[_flagsColumn].SequenceEqual(flags);
    }

    private static string Format(ulong physical, PageSize size, ulong leaf) =>
        $"0x{physical:x} {LeafFlags.Format(leaf, size != PageSize.Size4K)} 0x{size.Bytes():x}";

    private void EnterSpace(ulong cr3)
    {
        LeaveSpace();
        (_inSpace, _cr3, _previous, _extra) = (true, cr3, null, 0);
        bool again = !_seen.Add(cr3);
        if (again) _examination.Verdict.Note($"{_table.Path}:{_table.LineNumber}: {Space} comes again: it was not searched a second time for pages that are not recorded");
        _enumerating = !again && _examination.Select(cr3) is null && _examination.Mmu.Mode != PagingMode.None;
        if (!_enumerating) return;
        _pages = new AddressSpaceView(_examination.Guest.Memory, _examination.Mmu.State).Pages().GetEnumerator();
        _onPage = _pages.MoveNext();
    }

    private void LeaveSpace()
    {
        while (_enumerating && _onPage && RefuseExtraPage()) _onPage = _pages.MoveNext();
        _enumerating = false;
    }

    /// <summary>The page that the enumeration is at was not recorded.</summary>
    /// <returns>Whether it is worth going on.</returns>
    private bool RefuseExtraPage()
    {
        MappedPage page = _pages.Current;
        _tally.Checked++;
        _examination.Verdict.Refuse(
            _tally, _table.Path, Question(page.Linear.Value), "no mapping, for none is recorded", Format(page.Physical.Value, page.Size, page.Leaf));
        if (++_extra < MostExtraPages) return true;
        _examination.Verdict.Note($"{_table.Path}: {Space} maps at least {MostExtraPages} pages that are not recorded; the rest was not searched");
        return _enumerating = false;
    }

    private string Space => _cr3Column < 0 ? "the running address space" : $"CR3 0x{_cr3:x}";

    private string Question(ulong linear) => _cr3Column < 0 ? $"0x{linear:x}" : $"0x{linear:x} with CR3 0x{_cr3:x}";
}
