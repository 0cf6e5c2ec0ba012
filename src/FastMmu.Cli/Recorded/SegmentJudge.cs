using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Reference.Vectors;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Recorded;

/// <summary>
/// Judges segment rows: puts the descriptor into its table, loads the register and accesses through it (or jumps), and compares where it
/// stopped, vector, error code, linear address and the descriptor afterwards.
/// </summary>
internal sealed class SegmentJudge : IRowJudge
{
    private const ushort FlatCode32 = 0xc09b;
    private const ushort FlatData32 = 0xc093;
    private const ulong LongModeEfer = Efer.LmeBit | Efer.LmaBit | Efer.NxeBit;
    private static readonly string[] KindNames = ["read", "write", "read-modify-write", "load", "far jump"];
    private static readonly string[] StageNames = ["ok", "load", "access", "far"];
    private static readonly ProcessorFeatures Features = ProcessorFeatures.Everything;

    private readonly SegmentRowReader _reader;
    private readonly Quirks _quirks;
    private readonly DescriptorTables _tables = new();
    private readonly SegmentationUnit _unit;

    /// <param name="table">The file.</param>
    /// <param name="quirks">Deviations of the answerer.</param>
    public SegmentJudge(RecordedTable table, Quirks quirks)
    {
        _reader = new(table);
        _quirks = quirks;
        _unit = new(_tables, Features);
    }

    public void Judge(RowVerdict verdict)
    {
        SegmentRow row = _reader.Read();
        verdict.Begin(row.Id, $"{(row.Compatibility ? "compatibility" : "protected")} CPL {row.Cpl}", KindNames[(int)row.Kind]);

        Selector selector = row.Selector;
        bool placed = !selector.IsNull && selector.TableOffset + 7 <= (selector.Local ? row.LdtLimit : row.GdtLimit);
        if (placed) _tables[selector] = row.Descriptor;
        Prepare(row);
        SegmentStage stage = Ask(row, out ulong linear, out MmuFault fault);

        bool located = stage == SegmentStage.Done && row.Kind != SegmentAction.Load;
        verdict.Expect("stage", StageNames[(int)row.Stage], StageNames[(int)stage]);
        verdict.ExpectVector("vector", row.Vector, (int)fault.Vector);
        if (row.Vector != 0 && fault.IsFault) verdict.Expect("errcode", row.ErrorCode, (ulong)fault.ErrorCode);
        verdict.Expect("linear", row.Linear, located ? linear : null);
        if (row.DescriptorAfter is { } after) verdict.Expect("descriptor_after", after, placed ? _tables[selector] : row.Descriptor);
        if (placed) _tables[selector] = 0;
    }

    public void Dispose()
    {
    }

    private SegmentStage Ask(SegmentRow row, out ulong linear, out MmuFault fault)
    {
        linear = 0;
        if (row.Kind == SegmentAction.FarJump)
        {
            if (!_unit.TryFarJump(row.Selector, row.Offset, out FarTransfer transfer, out fault)) return SegmentStage.FarJump;
            // The first byte of the target; the check of the jump itself has covered it.
            return _unit.TryToLinear(SegmentRegister.CS, transfer.Offset, 1, Access.Execute, out linear, out fault) ? SegmentStage.Done : SegmentStage.FarJump;
        }

        if (!_unit.TryLoad(row.Register, row.Selector, out fault)) return SegmentStage.Load;
        if (row.Kind == SegmentAction.Load) return SegmentStage.Done;
        Access access = row.Kind == SegmentAction.Read ? Access.Read : Access.Write;
        if (_unit.TryToLinear(row.Register, row.Offset, row.Size, access, out linear, out fault)) return SegmentStage.Done;
        if (!Wraps(row, fault)) return SegmentStage.Access;
        fault = MmuFault.None;
        return SegmentStage.Done;
    }

    private bool Wraps(SegmentRow row, MmuFault fault)
    {
        if (!_quirks.HasFlag(Quirks.Wrap4G) || fault.Reason != FaultReason.SegmentLimit || row.Offset + (ulong)row.Size <= 1UL << 32) return false;
        CachedSegment segment = _unit[row.Register];
        uint bound = segment.Attributes.IsExpandDown ? segment.Attributes.UpperBound : segment.Limit;
        return bound == uint.MaxValue;
    }

    private void Prepare(SegmentRow row)
    {
        var state = new PagingState(Features) { Cr0 = Cr0.PeBit | Cr0.EtBit, Cpl = row.Cpl };
        if (row.Compatibility)
        {
            state.Cr0 = Cr0.PgBit | Cr0.WpBit | Cr0.PeBit | Cr0.EtBit;
            state.Cr4 = Cr4.PaeBit;
            state.Efer = LongModeEfer;
        }

        // CS first: after a jump to 64-bit code it still is the segment of that mode.
        int dpl = row.Cpl << SegmentAttributes.DplShift;
        _unit[SegmentRegister.CS] = new((ushort)(0x8 | row.Cpl), 0, uint.MaxValue, (ushort)(FlatCode32 | dpl));
        _unit.Update(in state);
        CachedSegment data = new((ushort)(0x10 | row.Cpl), 0, uint.MaxValue, (ushort)(FlatData32 | dpl));
        foreach (SegmentRegister register in (ReadOnlySpan<SegmentRegister>)[SegmentRegister.ES, SegmentRegister.SS, SegmentRegister.DS, SegmentRegister.FS, SegmentRegister.GS])
        {
            _unit[register] = data;
        }

        _unit.Gdtr = new(DescriptorTables.GdtBase, row.GdtLimit);
        _unit.Ldtr = new(0x18, DescriptorTables.LdtBase, row.LdtLimit, (ushort)(SegmentAttributes.PBit | (ushort)SystemSegmentType.Ldt));
    }
}
