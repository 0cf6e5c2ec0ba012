using FastMmu.Addresses;
using FastMmu.Cli.Recorded;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Cli.Images.Judging;

/// <summary>
/// The mappings that QEMU's enumerator printed: each must be found by the walker, from the first byte of the page to the last, with the same
/// frame, size and leaf flags.
/// </summary>
internal static class MappingCheck
{
    /// <summary>Checks a file of mappings: of the running address space, or with a column <c>cr3</c>.</summary>
    public static void Run(Examination examination, string path, AnswerTally tally)
    {
        using RecordedTable table = Examination.Open(path);
        var columns = new Columns(table.OptionalColumn("cr3"), table.Column("vaddr"), table.Column("paddr"), table.Column("flags"), table.Column("page_size"));
        while (table.MoveNext())
        {
            Row row = Read(examination, table, columns);
            tally.Checked++;
            examination.CountRow(table);
            if (Compare(examination, table, row, columns) is string actual)
            {
                string question = columns.Cr3 < 0 ? $"0x{row.Linear:x}" : $"0x{row.Linear:x} with CR3 0x{row.Cr3:x}";
                examination.Verdict.Refuse(
                    tally, $"{table.Path}:{table.LineNumber}", question,
                    $"0x{row.Physical:x} {table.Text(columns.Flags)} 0x{row.Size:x}", actual);
            }
        }

        examination.CountFile(table);
    }

    private readonly record struct Columns(int Cr3, int Linear, int Physical, int Flags, int Size);

    private readonly record struct Row(ulong Cr3, ulong Linear, ulong Physical, ulong Size);

    private static Row Read(Examination examination, RecordedTable table, Columns columns)
    {
        ulong cr3 = columns.Cr3 < 0 ? examination.Guest.Description.Cr3.Value : Examination.Number(table, columns.Cr3);
        var row = new Row(cr3, Examination.Number(table, columns.Linear), Examination.Number(table, columns.Physical), Examination.Number(table, columns.Size));
        if (row.Size is not (1UL << 12 or 1UL << 21 or 1UL << 22 or 1UL << 30)) throw table.Refuse(columns.Size, "is no size of a page");
        if (table[columns.Flags].Length != LeafFlags.Count) throw table.Refuse(columns.Flags, $"is not {LeafFlags.Count} letters and dashes");
        return row;
    }

    /// <summary>Null if the engine agrees, else what it says.</summary>
    private static string? Compare(Examination examination, RecordedTable table, Row row, Columns columns)
    {
        if (examination.Select(row.Cr3) is string refusal) return refusal;
        Translation first = examination.Mmu.Probe(new LinearAddress(row.Linear), Access.Read, Privilege.Supervisor, out WalkPath walk);
        if (!first.Ok) return first.ToString();
        if (walk.Count == 0) return "no page table: paging is off";
        ulong raw = walk[^1].Raw;
        ulong size = first.PageSize.Bytes();
        Span<byte> flags = stackalloc byte[LeafFlags.Count];
        LeafFlags.Format(raw, first.PageSize != PageSize.Size4K, flags);
        // The page's last byte walks the same entries to the same frame, or the two disagree about the page's size.
        Translation last = examination.Ask(row.Linear + row.Size - 1);
        bool agrees = size == row.Size
            && examination.Visible(first.Physical.Value, first.PageSize) == examination.Visible(row.Physical, first.PageSize)
            && table[columns.Flags].SequenceEqual(flags)
            && last.Ok && last.Physical.Value == first.Physical.Value + row.Size - 1;
        return agrees ? null : $"0x{first.Physical.Value:x} {LeafFlags.Format(raw, first.PageSize != PageSize.Size4K)} 0x{size:x}";
    }
}
