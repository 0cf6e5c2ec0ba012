using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Images.Judging;

/// <summary>Addresses that QEMU's debug walker was asked for: each must translate to the recorded address, or fault as it did.</summary>
internal static class QueryCheck
{
    /// <summary>Checks a file of queries: of the running address space, or with a column <c>cr3</c>.</summary>
    public static void Run(Examination examination, string path, AnswerTally tally)
    {
        using RecordedTable table = Examination.Open(path);
        int cr3Column = table.OptionalColumn("cr3");
        int addressColumn = table.Column("vaddr");
        int expectedColumn = table.Column("expected");
        while (table.MoveNext())
        {
            ulong cr3 = cr3Column < 0 ? examination.Guest.Description.Cr3.Value : Examination.Number(table, cr3Column);
            ulong linear = Examination.Number(table, addressColumn);
            ulong? expected = table[expectedColumn].SequenceEqual("fault"u8) ? null : Examination.Number(table, expectedColumn);
            tally.Checked++;
            examination.CountRow(table);
            string? refusal = examination.Select(cr3);
            Translation actual = refusal is null ? examination.Ask(linear) : default;
            bool agrees = refusal is null && (expected is ulong physical ? actual.Ok && actual.Physical.Value == physical : !actual.Ok);
            if (agrees) continue;
            examination.Verdict.Refuse(
                tally,
                $"{table.Path}:{table.LineNumber}",
                cr3Column < 0 ? $"0x{linear:x}" : $"0x{linear:x} with CR3 0x{cr3:x}",
                expected is ulong address ? $"0x{address:x}" : "a fault",
                refusal ?? actual.ToString());
        }

        examination.CountFile(table);
    }
}
