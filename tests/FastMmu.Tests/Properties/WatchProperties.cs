using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>An MMU with watches that only look on, against one without, over random machines.</summary>
public sealed class WatchProperties : IDisposable
{
    private readonly TwinMemory _memory = new(MachineGenerator.Layout);
    private readonly TwinMemory _otherMemory = new(MachineGenerator.Layout);

    public static TheoryData<MachineKind> Kinds => [.. Enum.GetValues<MachineKind>()];

    public void Dispose()
    {
        _memory.Dispose();
        _otherMemory.Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void WatchesThatLookOnChangeNothing(MachineKind kind) => Prop.ForAll(MachineGenerator.MachinesWithTransfers(kind, 40), machine =>
    {
        var random = new Random(machine.Transfers.Count + (int)machine.Transfers[0].Linear);
        MmuOptions options = random.Next(3) switch
        {
            0 => MachinePair.Uncached,
            1 => new MmuOptions { Statistics = true },
            _ => MmuOptions.Default,
        };
        using var plain = new MachinePair(_otherMemory, machine, options);
        using var watched = new MachinePair(_memory, machine, options);
        if (!plain.Runs) return;
        int told = 0;
        var watches = new List<Watch>();
        HashSet<ulong> tables = [.. machine.Words.Select(word => word.Address >> 12)];
        foreach (ByteTransfer transfer in machine.Transfers)
        {
            if (random.Next(3) == 0) AddWatch(watches, watched.Mmu, transfer.Linear, random, (ref WatchedAccess _) => told++);
            if (watches.Count != 0 && random.Next(10) == 0) watches[random.Next(watches.Count)].Dispose();
            Check(plain.Mmu, watched.Mmu, transfer, machine.Transfers, tables, random);
            if (options.Tlb == MmuOptions.Default.Tlb && !options.Statistics)
            {
                // What is stale may be found in one cache and not in the other.
                plain.Mmu.InvalidateAll();
                watched.Mmu.InvalidateAll();
            }
        }

        Assert.Equal(plain.Mmu.Statistics, watched.Mmu.Statistics);
        foreach (MemoryRange range in _memory.Guest.Ranges)
        {
            Assert.True(_memory.Guest.Span(range.Start, (int)range.Length).SequenceEqual(_otherMemory.Guest.Span(range.Start, (int)range.Length)), "The memories differ.");
        }
    }).Holds(40);

    private static void AddWatch(List<Watch> watches, Mmu mmu, ulong linear, Random random, WatchHandler handler)
    {
        if (!mmu.State.Efer.Lma) linear = (uint)linear;
        ulong start = linear - (ulong)random.Next(5000), length = (ulong)random.Next(1, 9000);
        if (start > linear || start + length < start) return;
        watches.Add(mmu.Watch(new LinearRange(start, length), (WatchKinds)random.Next(1, 8), handler));
    }

    private static void Check(Mmu plain, Mmu watched, ByteTransfer transfer, IReadOnlyList<ByteTransfer> all, HashSet<ulong> tables, Random random)
    {
        byte[] expected = new byte[transfer.Length], actual = new byte[transfer.Length];
        MmuFault expectedFault, actualFault;
        ulong value = (ulong)random.NextInt64();
        switch (random.Next(7))
        {
            case 0:
                Assert.Equal(plain.Fetch(transfer.Linear, expected, out expectedFault), watched.Fetch(transfer.Linear, actual, out actualFault));
                break;
            case 1 when transfer.IsWrite:
                Assert.Equal(plain.TryWrite(transfer.Linear, value, out expectedFault), watched.TryWrite(transfer.Linear, value, out actualFault));
                break;
            case 1:
                Assert.Equal(plain.TryRead(transfer.Linear, out value, out expectedFault), watched.TryRead(transfer.Linear, out ulong read, out actualFault));
                Assert.Equal(value, read);
                break;
            case 2:
                Assert.Equal(plain.TryReadForUpdate(transfer.Linear, out value, out expectedFault), watched.TryReadForUpdate(transfer.Linear, out ulong old, out actualFault));
                Assert.Equal(value, old);
                break;
            case 3:
                ulong[] lanes = [.. Enumerable.Range(0, random.Next(1, 60)).Select(_ => all[random.Next(all.Count)].Linear + (ulong)random.Next(16))];
                uint[] values = new uint[lanes.Length], others = new uint[lanes.Length];
                MmuFault[] faults = new MmuFault[lanes.Length], otherFaults = new MmuFault[lanes.Length];
                // Twice: accessed bits that a lane reads in a table are set then, in whatever order.
                for (int i = 0; i < 2; i++) Assert.Equal(plain.GatherRead<uint>(lanes, values, faults), watched.GatherRead<uint>(lanes, others, otherFaults));
                Assert.Equal(values, others);
                Assert.Equal(faults, otherFaults);
                // What a lane changes in a table is in force for the next ones where nothing is cached, as in pages that are watched.
                if (!transfer.IsWrite || lanes.Any(lane => MayBeIn(tables, plain, lane) || MayBeIn(tables, plain, lane + 3))) goto default;
                Assert.Equal(plain.ScatterWrite<uint>(lanes, values, faults), watched.ScatterWrite<uint>(lanes, others, otherFaults));
                Assert.Equal(faults, otherFaults);
                goto default;
            default:
                if (transfer.IsWrite)
                {
                    random.NextBytes(expected);
                    expected.CopyTo(actual, 0);
                    Assert.Equal(plain.TryWrite(transfer.Linear, expected, out expectedFault), watched.TryWrite(transfer.Linear, actual, out actualFault));
                }
                else
                {
                    Assert.Equal(plain.TryRead(transfer.Linear, expected, out expectedFault), watched.TryRead(transfer.Linear, actual, out actualFault));
                }

                break;
        }

        Assert.Equal(expectedFault, actualFault);
        Assert.Equal(expected, actual);
        Assert.Equal(plain.Cr2, watched.Cr2);
    }

    private static bool MayBeIn(HashSet<ulong> tables, Mmu mmu, ulong linear) =>
        mmu.Probe(linear, Access.Write, mmu.State.CurrentPrivilege) is { Ok: true } found && tables.Contains(found.Physical.Value >> 12);
}
