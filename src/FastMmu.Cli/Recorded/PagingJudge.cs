using FastMmu.Reference;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Recorded;

/// <summary>Judges paging rows as the verification kit does, their tables where they were recorded.</summary>
internal sealed class PagingJudge : IRowJudge
{
    private readonly PagingRowReader _reader;
    private readonly PagingVectorJudge _judge;
    private readonly IMmuUnderTest _mmu;
    private readonly RecordedTable _table;

    /// <param name="table">The file.</param>
    /// <param name="mmu">Who is judged; disposed of with this, if that can be.</param>
    /// <param name="quirks">Deviations of the answerer.</param>
    public PagingJudge(RecordedTable table, IMmuUnderTest mmu, Quirks quirks)
    {
        PagingVectorQuirks accepted = quirks.HasFlag(Quirks.RmwAccessed) ? PagingVectorQuirks.RmwAccessed : PagingVectorQuirks.None;
        if (quirks.HasFlag(Quirks.AmdPdptBit8)) accepted |= PagingVectorQuirks.AmdPdptBit8;
        _table = table;
        _mmu = mmu;
        _reader = new(table, accepted);
        _judge = new(mmu, new PagingVectorOptions { MemoryBytes = null, Quirks = accepted });
    }

    public void Judge(RowVerdict verdict)
    {
        if (!_judge.Judge(_reader.Read(), verdict)) throw _table.Refuse("the entries of the row cannot be put into memory");
    }

    public void Dispose() => (_mmu as IDisposable)?.Dispose();
}
