using System.Numerics;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>Reads and writes of bytes, most of them over the end of a page, against the reference model page by page.</summary>
public sealed class TransferProperties : IDisposable
{
    private const int LongestTransfer = 9000;

    private readonly TwinMemory _memory = new(MachineGenerator.Layout);
    private readonly byte[] _bytes = new byte[LongestTransfer];
    private readonly byte[] _expected = new byte[LongestTransfer];
    private byte _fill;

    public static TheoryData<MachineKind> Kinds => [.. Enum.GetValues<MachineKind>()];

    public void Dispose() => _memory.Dispose();

    /// <summary>
    /// A write that faults has changed no byte, a read that faults has delivered none; one that does not fault has touched exactly the bytes that
    /// each page's own translation gives, the pages' own tables among them.
    /// </summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void PageCrossingWritesAreAllOrNothing(MachineKind kind) => Prop.ForAll(MachineGenerator.MachinesWithTransfers(kind, 40), machine =>
    {
        using var pair = new MachinePair(_memory, machine);
        if (!pair.Runs) return;
        foreach (ByteTransfer transfer in machine.Transfers)
        {
            if (transfer.IsWrite) CheckWrite(pair, transfer);
            else CheckRead(pair, transfer);
        }

        pair.AssertMemoryEqual();
    }).Holds(150);

    private void CheckWrite(MachinePair pair, ByteTransfer transfer)
    {
        _fill++;
        Span<byte> bytes = _bytes.AsSpan(0, transfer.Length);
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)(_fill + (i >> 8) + i);
        ulong cr2 = pair.Mmu.Cr2;
        (ReferenceFault? expected, List<ulong> physical) = Expect(pair, transfer, Access.Write);
        for (int i = 0; i < physical.Count; i++) _memory.Plain.WriteByte(physical[i], bytes[i]);
        bool done = pair.Mmu.TryWrite(transfer.Linear, bytes, out MmuFault fault);
        AssertFault(pair, transfer, expected, done, fault, cr2);
    }

    private void CheckRead(MachinePair pair, ByteTransfer transfer)
    {
        Span<byte> bytes = _bytes.AsSpan(0, transfer.Length);
        bytes.Fill(0xa5);
        ulong cr2 = pair.Mmu.Cr2;
        (ReferenceFault? expected, List<ulong> physical) = Expect(pair, transfer, Access.Read);
        Span<byte> wanted = _expected.AsSpan(0, transfer.Length);
        wanted.Fill(0xa5);
        for (int i = 0; i < physical.Count; i++) wanted[i] = _memory.Plain.ReadByte(physical[i]);
        bool done = pair.Mmu.TryRead(transfer.Linear, bytes, out MmuFault fault);
        AssertFault(pair, transfer, expected, done, fault, cr2);
        int at = bytes.CommonPrefixLength(wanted);
        if (at != bytes.Length) Assert.Fail($"{transfer}: byte {at} differs");
    }

    private static void AssertFault(MachinePair pair, ByteTransfer transfer, ReferenceFault? expected, bool done, MmuFault fault, ulong cr2)
    {
        if (done == fault.IsFault) Assert.Fail($"{transfer}: done {done} and {fault}");
        ObservedAnswer observed = fault.IsFault
            ? ObservedAnswer.Faulted(fault.Vector, fault.ErrorCode, fault.Vector == ExceptionVector.PageFault ? fault.Address : null)
            : ObservedAnswer.Translated(0);
        string? difference = new ReferenceAnswer { Fault = expected }.Difference(observed);
        if (difference is not null) Assert.Fail($"{transfer}: {difference}; {fault}, expected {expected?.ToString() ?? "none"}");
        Assert.Equal(expected?.Cr2 ?? cr2, pair.Mmu.Cr2);
    }

    /// <summary>What the reference model says of each part that lies in one page; where no part faults, the physical address of each byte.</summary>
    private static (ReferenceFault? Fault, List<ulong> Physical) Expect(MachinePair pair, ByteTransfer transfer, Access kind)
    {
        PagingState state = pair.State;
        List<(ReferenceAccess Access, int Length)> parts = [];
        for (int done = 0; done < transfer.Length;)
        {
            ulong linear = transfer.Linear + (ulong)done;
            int length = Math.Min(transfer.Length - done, 4096 - (int)(linear & 0xfff));
            parts.Add((new ReferenceAccess(linear, kind, state.CurrentPrivilege), length));
            done += length;
        }

        // An address that may not be used at all is found before any page is looked at.
        foreach ((ReferenceAccess access, _) in parts)
        {
            if (pair.Expect(access, updateEntries: false).Fault is { Vector: not ExceptionVector.PageFault } refused) return (refused, []);
        }

        // CR0.AM and RFLAGS.AC at CPL 3: whatever has the size of an operand must be aligned, but pages are looked at first.
        bool misaligned = state.Cr0.Am && state.RFlags.Ac && state.Cpl == 3
            && BitOperations.IsPow2(transfer.Length) && transfer.Length <= 16 && transfer.Linear % (ulong)transfer.Length != 0;
        List<ulong> physical = [];
        foreach ((ReferenceAccess access, int length) in parts)
        {
            ReferenceAnswer answer = pair.Expect(access, updateEntries: !misaligned);
            if (answer.Fault is { } fault) return (fault, []);
            for (int i = 0; i < length; i++) physical.Add(answer.Physical + (ulong)i);
        }

        return misaligned ? (new ReferenceFault(ExceptionVector.AlignmentCheck, 0, null, 0, [FaultReason.Misaligned]), []) : (null, physical);
    }
}
