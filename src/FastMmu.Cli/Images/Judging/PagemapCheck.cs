using System.Globalization;
using FastMmu.Addresses;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Images.Judging;

/// <summary>
/// What the guest kernel said in <c>/proc/PID/pagemap</c>: the frame of every page of every process, and which pages are swapped out.
/// Each row is asked of every address space of its process (page-table isolation gives it two).
/// </summary>
internal static class PagemapCheck
{
    private const int RowsAtOnce = 4096;

    /// <summary>Checks the file.</summary>
    public static void Run(Examination examination, string path, AnswerTally tally)
    {
        using RecordedTable table = Examination.Open(path);
        int pidColumn = table.Column("pid");
        int addressColumn = table.Column("vaddr");
        int entryColumn = table.Column("entry");
        int expectedColumn = table.Column("paddr");
        var rows = new List<Row>(RowsAtOnce);
        var unknown = new SortedDictionary<int, long>();
        int protNone = 0;
        int pid = -1;
        while (table.MoveNext())
        {
            int rowPid = table.Dec(pidColumn, 0, 99_999_999);
            // An address space is entered once for many rows, not once a row.
            if (rowPid != pid || rows.Count == RowsAtOnce) Flush();
            pid = rowPid;
            bool swapped = table[expectedColumn].SequenceEqual("swapped"u8);
            _ = Examination.Number(table, entryColumn);
            rows.Add(new(table.LineNumber, Examination.Number(table, addressColumn), swapped ? null : Examination.Number(table, expectedColumn)));
            examination.CountRow(table);
        }

        Flush();
        examination.CountFile(table);
        if (protNone > 0) tally.Remark = $"{protNone} PROT_NONE pages fault, as they must";
        foreach ((int process, long count) in unknown)
        {
            examination.Verdict.Note($"{path}: {count} rows of process {process} not checked: no recorded address space is said to be its");
        }

        void Flush()
        {
            if (rows.Count == 0) return;
            IReadOnlyList<ulong> spaces = SpacesOf(examination.Guest.Description, pid);
            if (spaces.Count == 0) unknown[pid] = unknown.GetValueOrDefault(pid) + rows.Count;
            foreach (ulong cr3 in spaces)
            {
                string? refusal = examination.Select(cr3);
                foreach (Row row in rows) protNone += Check(examination, path, tally, pid, cr3, row, refusal) ? 1 : 0;
            }

            rows.Clear();
        }
    }

    private readonly record struct Row(long Line, ulong Linear, ulong? Physical);

    private static List<ulong> SpacesOf(GuestDescription description, int pid)
    {
        var spaces = new List<ulong>();
        if (description.RunningPids.Contains(pid)) spaces.Add(description.Cr3.Value);
        foreach (GuestAddressSpace space in description.Spaces)
        {
            if (space.Pids.Contains(pid) && !spaces.Contains(space.Cr3)) spaces.Add(space.Cr3);
        }

        return spaces;
    }

    /// <summary>Checks one row in one address space.</summary>
    /// <returns>Whether the page is PROT_NONE: present for pagemap, absent for the processor.</returns>
    private static bool Check(Examination examination, string path, AnswerTally tally, int pid, ulong cr3, Row row, string? refusal)
    {
        tally.Checked++;
        WalkPath walk = default;
        Translation actual = refusal is null
            ? examination.Mmu.Probe(new LinearAddress(row.Linear), Access.Read, Privilege.Supervisor, out walk)
            : default;
        if (refusal is null)
        {
            bool absent = !actual.Ok && actual.Fault.Reason == FaultReason.NotPresent;
            if (row.Physical is not ulong physical)
            {
                if (absent) return false;
            }
            else
            {
                if (actual.Ok && actual.Physical.Value == physical) return false;
                if (absent && examination.Quirks.HasFlag(ImageQuirks.PagemapProtNone) && IsProtNone(examination.Mmu.Mode, in walk, physical)) return true;
            }
        }

        examination.Verdict.Refuse(
            tally,
            string.Create(CultureInfo.InvariantCulture, $"{path}:{row.Line}"),
            $"0x{row.Linear:x} of process {pid} with CR3 0x{cr3:x}",
            row.Physical is ulong address ? $"0x{address:x}" : "a fault, for the page is swapped out",
            refusal ?? actual.ToString());
        return false;
    }

    /// <summary>
    /// Whether the entry that stopped a walk is what Linux writes for a page without rights: P=0, G=1, and the frame, inverted in
    /// entries of 8 bytes since the answer to L1TF (<c>arch/x86/include/asm/pgtable-invert.h</c>), plain before and in 4-byte entries.
    /// </summary>
    private static bool IsProtNone(PagingMode mode, in WalkPath walk, ulong physical)
    {
        if (walk.Count == 0) return false;
        WalkStep last = walk[^1];
        const ulong Present = 1, Global = 1UL << 8;
        if ((last.Raw & (Present | Global)) != Global) return false;
        int indexBits = mode == PagingMode.TwoLevel ? 10 : 9;
        int shift = 12 + ((last.Level - 1) * indexBits);
        // 44 bits: as far as a 32-bit kernel's frame numbers go, and far beyond any guest's memory.
        ulong frame = mode == PagingMode.TwoLevel ? 0xffff_ffff : (1UL << 44) - 1;
        frame &= ~((1UL << shift) - 1);
        bool plain = ((last.Raw ^ physical) & frame) == 0;
        bool inverted = mode != PagingMode.TwoLevel && ((~last.Raw ^ physical) & frame) == 0;
        return plain || inverted;
    }
}
