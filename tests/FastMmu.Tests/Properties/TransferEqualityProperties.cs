using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>Bytes moved at once against the same bytes one by one, over random machines whose pages share frames and lie in their own tables.</summary>
public sealed class TransferEqualityProperties : IDisposable
{
    private const int LongestTransfer = 9000;

    private readonly TwinMemory _memory = new(MachineGenerator.Layout);
    private readonly TwinMemory _otherMemory = new(MachineGenerator.Layout);
    private readonly byte[] _bytes = new byte[LongestTransfer];
    private readonly byte[] _expected = new byte[LongestTransfer];

    public static TheoryData<MachineKind> Kinds => [.. Enum.GetValues<MachineKind>()];

    public void Dispose()
    {
        _memory.Dispose();
        _otherMemory.Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void TransfersEqualByteByByte(MachineKind kind) => Prop.ForAll(MachineGenerator.MachinesWithTransfers(kind, 30), machine =>
    {
        using var single = new MachinePair(_otherMemory, machine, MmuOptions.Default);
        using var whole = new MachinePair(_memory, machine, MmuOptions.Default);
        if (!single.Runs) return;
        int number = 0;
        foreach (ByteTransfer transfer in machine.Transfers)
        {
            ulong cr2 = whole.Mmu.Cr2;
            if (transfer.IsWrite) CheckWrite(single.Mmu, whole.Mmu, transfer, ++number);
            else if (number % 3 == 2) CheckString(single.Mmu, whole.Mmu, transfer);
            else CheckRead(single.Mmu, whole.Mmu, transfer);
            Assert.Equal(cr2, whole.Mmu.Cr2);
        }

        AssertMemoriesEqual();
    }).Holds(60);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void CopiesReadAllBytesBeforeTheyWriteThem(MachineKind kind) => Prop.ForAll(MachineGenerator.MachinesWithTransfers(kind, 30), machine =>
    {
        using var single = new MachinePair(_otherMemory, machine, MmuOptions.Default);
        using var whole = new MachinePair(_memory, machine, MmuOptions.Default);
        if (!single.Runs) return;
        for (int i = 0; i + 1 < machine.Transfers.Count; i++)
        {
            (ByteTransfer from, ByteTransfer to) = (machine.Transfers[i], machine.Transfers[i + 1]);
            // Close to each other as well, so that they overlap.
            ulong target = i % 3 == 0 ? from.Linear + (to.Linear & 0x1fff) - 0x1000 : to.Linear;
            var options = new TransferOptions(AllOrNothing: i % 4 == 3);
            TransferResult expected = Copy(single.Mmu, from.Linear, target, from.Length, options.AllOrNothing);
            Assert.Equal(expected, whole.Mmu.CopyTo(from.Linear, whole.Mmu, target, from.Length, options));
        }

        AssertMemoriesEqual();
    }).Holds(60);

    private void CheckRead(Mmu single, Mmu whole, ByteTransfer transfer)
    {
        Span<byte> bytes = _bytes.AsSpan(0, transfer.Length), expected = _expected.AsSpan(0, transfer.Length);
        bytes.Fill(0xa5);
        expected.Fill(0xa5);
        (int count, MmuFault fault) = ReadSingly(single, transfer.Linear, expected);
        Assert.Equal(new TransferResult(count, fault), whole.ReadBytes(transfer.Linear, bytes));
        Assert.True(bytes.SequenceEqual(expected), transfer.ToString());
    }

    private void CheckString(Mmu single, Mmu whole, ByteTransfer transfer)
    {
        Span<byte> bytes = _bytes.AsSpan(0, transfer.Length), expected = _expected.AsSpan(0, transfer.Length);
        int count = 0;
        MmuFault fault = MmuFault.None;
        bool terminated = false;
        while (count < expected.Length && !terminated && single.TryRead(At(single, transfer.Linear, count), out byte value, out fault))
        {
            terminated = value == 0;
            if (!terminated) expected[count++] = value;
        }

        Assert.Equal(new StringResult(count, terminated, fault), whole.ReadString(transfer.Linear, bytes));
        Assert.True(bytes[..count].SequenceEqual(expected[..count]), transfer.ToString());
    }

    private void CheckWrite(Mmu single, Mmu whole, ByteTransfer transfer, int number)
    {
        Span<byte> bytes = _bytes.AsSpan(0, transfer.Length);
        // Zeros make few entries present, so that machines live on.
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)((i & 7) == 0 ? number : i % 5 == 0 ? i >> 4 : 0);
        int count = 0;
        MmuFault fault = MmuFault.None;
        while (count < bytes.Length && single.TryWrite(At(single, transfer.Linear, count), bytes[count], out fault)) count++;
        Assert.Equal(new TransferResult(count, fault), whole.WriteBytes(transfer.Linear, bytes));
    }

    // Outside long mode an address of more than 32 bits is looked up in the tables each time, which may have been written meanwhile.
    private static ulong At(Mmu mmu, ulong linear, int index) => mmu.State.Efer.Lma ? linear + (ulong)index : (uint)(linear + (ulong)index);

    private static (int Count, MmuFault Fault) ReadSingly(Mmu mmu, ulong linear, Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            if (!mmu.TryRead(At(mmu, linear, i), out byte value, out MmuFault fault)) return (i, fault);
            destination[i] = value;
        }

        return (destination.Length, MmuFault.None);
    }

    private static TransferResult Copy(Mmu mmu, ulong from, ulong to, int length, bool allOrNothing)
    {
        var sources = new List<PhysicalAddress>();
        var targets = new List<PhysicalAddress>();
        MmuFault fault = MmuFault.None;
        for (int i = 0; i < length; i++)
        {
            Translation source = mmu.Translate(At(mmu, from, i));
            Translation target = source.Ok ? mmu.Translate(At(mmu, to, i), Access.Write) : source;
            fault = target.Fault;
            if (fault.IsFault) break;
            sources.Add(source.Physical);
            targets.Add(target.Physical);
        }

        if (fault.IsFault && allOrNothing) sources.Clear();
        byte[] bytes = [.. sources.Select(mmu.Memory.Read<byte>)];
        for (int i = 0; i < bytes.Length; i++) mmu.Memory.Write(targets[i], bytes[i]);
        return new(bytes.Length, fault);
    }

    private void AssertMemoriesEqual()
    {
        for (int i = 0; i < _memory.Plain.Ranges.Count; i++)
        {
            (PhysicalAddress start, int length) = (_memory.Plain.Ranges[i].Start, (int)_memory.Plain.Ranges[i].Length);
            Assert.True(_memory.Guest.Span(start, length).SequenceEqual(_otherMemory.Guest.Span(start, length)), "The memories differ.");
        }
    }
}
