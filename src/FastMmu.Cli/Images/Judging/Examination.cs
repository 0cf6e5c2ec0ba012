using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Images.Judging;

/// <summary>What the checks of one guest share: the guest, an MMU that looks into one of its address spaces at a time, and the verdict.</summary>
internal sealed class Examination : IDisposable
{
    private const int RowsBetweenReports = 4096;
    private readonly LongWork _work;
    private readonly double _totalBytes;
    private double _bytesBefore;
    private long _rows;
    private ulong? _selected;
    private string? _refusal;

    /// <param name="guest">The guest.</param>
    /// <param name="quirks">Where its answerers deviate.</param>
    /// <param name="verdict">Receives the outcome.</param>
    /// <param name="work">Told how far the checks are.</param>
    /// <param name="files">The files that will be read, for the progress.</param>
    public Examination(RecordedGuest guest, ImageQuirks quirks, GuestVerdict verdict, LongWork work, IEnumerable<string> files)
    {
        Guest = guest;
        Quirks = quirks;
        Verdict = verdict;
        Mmu = guest.CreateMmu(quirks);
        _work = work;
        _totalBytes = Math.Max(1, files.Sum(f => new FileInfo(f).Length));
    }

    /// <summary>The guest.</summary>
    public RecordedGuest Guest { get; }

    /// <summary>Where its answerers deviate.</summary>
    public ImageQuirks Quirks { get; }

    /// <summary>The outcome so far.</summary>
    public GuestVerdict Verdict { get; }

    /// <summary>The MMU; holds the address space selected last.</summary>
    public Mmu Mmu { get; }

    /// <summary>Lets the MMU look into an address space.</summary>
    /// <param name="cr3">What CR3 holds.</param>
    /// <returns>Null, or why no processor would take it.</returns>
    public string? Select(ulong cr3)
    {
        if (_selected == cr3) return _refusal;
        _refusal = Guest.TrySelect(Mmu, cr3, Quirks, out string refusal) ? null : refusal;
        _selected = cr3;
        return _refusal;
    }

    /// <summary>Asks as a recorder does: for a read by a supervisor, without a trace.</summary>
    public Translation Ask(ulong linear) => Mmu.Probe(new LinearAddress(linear), Access.Read, Privilege.Supervisor);

    /// <summary>What <c>info tlb</c> shows of a frame: see <see cref="ImageQuirks.InfoTlbFrames"/>.</summary>
    public ulong Visible(ulong physical, PageSize size)
    {
        if (!Quirks.HasFlag(ImageQuirks.InfoTlbFrames)) return physical;
        return Mmu.Mode switch
        {
            PagingMode.FourLevel or PagingMode.FiveLevel => physical & 0x0003_ffff_ffff_f000,
            PagingMode.TwoLevel when size == PageSize.Size4M => physical & 0xffc0_0000,
            PagingMode.Pae => physical & PhysicalAddress.MaxValue,
            _ => physical,
        };
    }

    /// <summary>Opens a file of answers.</summary>
    public static RecordedTable Open(string path) => RecordedTable.Open(path, marked: false);

    /// <summary>The number in a field: hexadecimal with <c>0x</c>.</summary>
    public static ulong Number(RecordedTable table, int column)
    {
        ReadOnlySpan<byte> field = table[column];
        return field.StartsWith("0x"u8) ? table.Hex(column, field[2..]) : throw table.Refuse(column, "is not a number that begins with 0x");
    }

    /// <summary>Called for every row, so that somebody may watch.</summary>
    public void CountRow(RecordedTable table)
    {
        if (++_rows % RowsBetweenReports != 0) return;
        double done = (_bytesBefore + (table.Done * new FileInfo(table.Path).Length)) / _totalBytes;
        _work.Done = RecordedGuest.LoadingShare + ((1 - RecordedGuest.LoadingShare) * done);
    }

    /// <summary>Called when a file has been read to its end.</summary>
    public void CountFile(RecordedTable table) => _bytesBefore += new FileInfo(table.Path).Length;

    public void Dispose() => Mmu.Dispose();
}
