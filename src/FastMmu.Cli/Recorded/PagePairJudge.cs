using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Recorded;

/// <summary>
/// Judges accesses of user code to two adjacent pages: maps them with the recorded protections, makes the access byte for byte, and
/// compares outcome, error code, CR2, the instruction that faulted and how many bytes of memory changed.
/// </summary>
internal sealed class PagePairJudge : IRowJudge
{
    private const int PageBytes = 0x1000;
    private const ulong Pml4 = 0x1000, Pdpt = 0x2000, Directory = 0x3000, Table = 0x4000;

    // The two linear pages lie apart and in reverse in physical memory: an access that runs on behind the first frame shows.
    private const ulong Frame2 = 0x6000, Frame1 = 0x8000, MemoryBytes = 0xa000;
    private const ulong FirstDataByte = 0x5000;
    private const ushort UserCode64 = 0xa0fb, UserData = 0xc0f3;
    private const ulong UntouchedCr2 = 0x5a5a_5a5a_5a5a_5a5a;

    private const ulong Present = 1 << 0, Writable = 1 << 1, User = 1 << 2, ExecuteDisable = 1UL << 63;
    private static readonly ulong[] ProtectionBits =
    [
        0, Present | User | ExecuteDisable, Present | Writable | User | ExecuteDisable, Present | User, Present | Writable | User,
    ];

    private static readonly string[] KindNames = ["read", "write", "read-modify-write", "fetch"];
    private static readonly string[] PlaceNames = ["-", "0", "t", "t+10"];
    private static readonly int[] TargetInstructions = [10, 3];

    private readonly RecordedTable _table;
    private readonly PagePairRowReader _reader;
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(MemoryBytes);
    private readonly Mmu _mmu;
    private readonly PagingState _state;
    private readonly byte[] _before = new byte[MemoryBytes - FirstDataByte];

    /// <param name="table">The file.</param>
    public PagePairJudge(RecordedTable table)
    {
        _table = table;
        _reader = new(table);
        ProcessorFeatures features = ProcessorFeatures.Zen4;
        _mmu = new(_memory, features);
        _state = new(features)
        {
            Cr0 = Cr0.PgBit | Cr0.WpBit | Cr0.PeBit | Cr0.EtBit,
            Cr3 = Pml4,
            Cr4 = Cr4.PaeBit,
            Efer = Efer.LmeBit | Efer.LmaBit | Efer.NxeBit,
            Cpl = 3,
        };
        _mmu.Segments[SegmentRegister.CS] = new(0x33, 0, uint.MaxValue, UserCode64);
        _mmu.Segments[SegmentRegister.SS] = _mmu.Segments[SegmentRegister.DS] = new(0x2b, 0, uint.MaxValue, UserData);

        for (ulong linear = PagePairRow.FirstPage; linear < PagePairRow.FirstPage + (2 * PageBytes); linear++) _memory.Write(PhysicalOf(linear), Content(linear));
        Data.CopyTo(_before);
    }

    public void Judge(RowVerdict verdict)
    {
        PagePairRow row = _reader.Read();
        verdict.Begin(row.Id, "4L page pair", KindNames[(int)row.Kind]);
        Map(row);
        _mmu.LoadState(in _state);
        _mmu.Cr2 = UntouchedCr2;

        bool right = true;
        FaultingInstruction place;
        MmuFault fault = row.Kind == PagingVectorKind.Fetch ? Execute(row.Linear, ref right, out place) : Access(row, ref right, out place);

        verdict.ExpectVector("result", row.Vector, (int)fault.Vector);
        if (row.Vector != 0 && fault.IsFault) verdict.Expect("errcode", row.ErrorCode, (ulong)fault.ErrorCode);
        verdict.Expect("cr2", row.Cr2, _mmu.Cr2 == UntouchedCr2 ? null : _mmu.Cr2);
        verdict.Expect("rip_at", PlaceNames[(int)row.RipAt], PlaceNames[(int)place]);
        verdict.Expect("bytes_changed", row.BytesChanged, CountChangesAndUndo());
        if (!right) verdict.Expect("data", "the bytes of both pages", "others");
    }

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    private Span<byte> Data => _memory.Span(FirstDataByte, _before.Length);

    private static ulong PhysicalOf(ulong linear) => (linear < PagePairRow.FirstPage + PageBytes ? Frame1 : Frame2) + (linear % PageBytes);

    private static byte Content(ulong linear) => (byte)((linear * 37) ^ (linear >> 8));

    private void Map(PagePairRow row)
    {
        const ulong pointer = Present | Writable | User;
        ulong linear = PagePairRow.FirstPage;
        _memory.Write(Pml4 + (8 * ((linear >> 39) & 511)), Pdpt | pointer);
        _memory.Write(Pdpt + (8 * ((linear >> 30) & 511)), Directory | pointer);
        _memory.Write(Directory + (8 * ((linear >> 21) & 511)), Table | pointer);
        ulong leaf = Table + (8 * ((linear >> 12) & 511));
        _memory.Write(leaf, Frame1 | ProtectionBits[(int)row.Page1]);
        _memory.Write(leaf + 8, Frame2 | ProtectionBits[(int)row.Page2]);
    }

    private MmuFault Access(PagePairRow row, ref bool right, out FaultingInstruction place)
    {
        SegmentRegister segment = row.Stack ? SegmentRegister.SS : SegmentRegister.DS;
        Span<byte> bytes = stackalloc byte[row.Size];
        MmuFault fault = MmuFault.None;
        bool done = row.Kind switch
        {
            PagingVectorKind.Read => _mmu.TryRead(segment, row.Linear, bytes, out fault),
            PagingVectorKind.ReadModifyWrite => TryReadForUpdate(segment, row.Linear, bytes, out fault),
            _ => true,
        };
        if (done && row.Kind != PagingVectorKind.Write) right = Holds(row.Linear, bytes);
        if (done && row.Kind != PagingVectorKind.Read)
        {
            Change(row, bytes);
            done = _mmu.TryWrite(segment, row.Linear, bytes, out fault);
            if (done) right &= IsStored(row.Linear, bytes);
        }

        place = done ? FaultingInstruction.None : FaultingInstruction.Access;
        return fault;
    }

    // What an emulator does with the recorded target: check the jump, fetch an instruction, run it, go on with the one behind it.
    private MmuFault Execute(ulong target, ref bool right, out FaultingInstruction place)
    {
        place = FaultingInstruction.Access;
        if (!_mmu.Segments.TryToLinear(SegmentRegister.CS, target, 1, Processor.Access.Execute, out _, out MmuFault fault)) return fault;
        Span<byte> buffer = stackalloc byte[15];
        foreach (int length in TargetInstructions)
        {
            place++;
            Span<byte> instruction = buffer[..length];
            if (_mmu.FetchCode(target, instruction, out fault) < length)
            {
                _mmu.RaiseFetchFault(fault);
                return fault;
            }

            right &= Holds(target, instruction);
            target += (ulong)length;
        }

        place = FaultingInstruction.None;
        return MmuFault.None;
    }

    private bool TryReadForUpdate(SegmentRegister segment, ulong offset, Span<byte> bytes, out MmuFault fault) => bytes.Length switch
    {
        1 => TryReadForUpdate<byte>(segment, offset, bytes, out fault),
        2 => TryReadForUpdate<ushort>(segment, offset, bytes, out fault),
        4 => TryReadForUpdate<uint>(segment, offset, bytes, out fault),
        8 => TryReadForUpdate<ulong>(segment, offset, bytes, out fault),
        16 => TryReadForUpdate<Vector128<byte>>(segment, offset, bytes, out fault),
        _ => throw _table.Refuse($"no instruction reads and writes {bytes.Length} bytes"),
    };

    private bool TryReadForUpdate<T>(SegmentRegister segment, ulong offset, Span<byte> bytes, out MmuFault fault) where T : unmanaged
    {
        bool done = _mmu.TryReadForUpdate(segment, offset, out T value, out fault);
        MemoryMarshal.Write(bytes, in value);
        return done;
    }

    // The data of the recorder are not in the row. Where its store happened to hold one byte that was there already, the row counts one
    // less; its pattern does that to eight bytes at a multiple of sixteen. Any other number below the size is a partial store.
    private static void Change(PagePairRow row, Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)~Content(row.Linear + (ulong)i);
        if (row.Size == 8 && row.Linear % 16 == 0 && row.BytesChanged == 7) bytes[0] = Content(row.Linear);
    }

    private static bool Holds(ulong linear, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != Content(linear + (ulong)i)) return false;
        }

        return true;
    }

    private bool IsStored(ulong linear, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (_memory.Read<byte>(PhysicalOf(linear + (ulong)i)) != bytes[i]) return false;
        }

        return true;
    }

    private int CountChangesAndUndo()
    {
        Span<byte> data = Data;
        if (data.SequenceEqual(_before)) return 0;
        int changed = 0;
        for (int i = 0; i < data.Length; i++)
        {
            if (data[i] != _before[i]) changed++;
        }

        _before.CopyTo(data);
        return changed;
    }
}
