using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Reference;
using FsCheck;

namespace FastMmu.Tests.Generators;

/// <summary>Machines whose tables lead somewhere: through RAM, ROM and holes, below 4 GiB and at the top of physical memory.</summary>
internal static class MachineGenerator
{
    /// <summary>
    /// The memory of all machines: a stretch of RAM that no 2-MiB chunk holds from end to end and one that does, ROM, RAM on both sides of 4 GiB, and
    /// RAM where widths of physical addresses end.
    /// </summary>
    public static IReadOnlyList<MemoryRange> Layout { get; } =
    [
        new(0UL, 0xa_0000),
        new(0xf_0000, 0x1_0000, MemoryKind.Rom),
        new(0x20_0000, 0x20_0000),
        new(0xffff_0000, 0x1_0000),
        new(0x1_0000_0000, 0x1_0000),
        new((1UL << 36) - 0x1_0000, 0x1_0000),
        new((1UL << 40) - 0x1_0000, 0x2_0000),
        new(1UL << 45, 0x1_0000),
        new((1UL << 52) - 0x1_0000, 0x1_0000),
    ];

    /// <summary>Machines of one kind.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="accesses">How many accesses each makes.</param>
    public static Arbitrary<RandomMachine> Machines(MachineKind kind, int accesses) =>
        EdgeRandom.Cases(random => Make(random, kind, accesses), Smaller);

    /// <summary>Machines of one kind that translate batches.</summary>
    public static Arbitrary<RandomMachine> MachinesWithBatches(MachineKind kind, int batches) => EdgeRandom.Cases(
        random =>
        {
            RandomMachine machine = Make(random, RegisterGenerator.State(random, kind), out List<ulong> pages);
            return machine with { Batches = [.. Enumerable.Range(0, batches).Select(_ => BatchGenerator.Batch(random, machine.State, pages))] };
        },
        Smaller);

    /// <summary>Machines of one kind that read and write bytes, most of them over the end of a page.</summary>
    public static Arbitrary<RandomMachine> MachinesWithTransfers(MachineKind kind, int transfers) => EdgeRandom.Cases(
        random =>
        {
            RandomMachine machine = Make(random, RegisterGenerator.State(random, kind), out List<ulong> pages);
            return machine with { Transfers = [.. Enumerable.Range(0, transfers).Select(_ => Transfer(random, machine.State, pages))] };
        },
        Smaller);

    public static RandomMachine Make(EdgeRandom random, MachineKind kind, int accesses)
    {
        RandomMachine machine = Make(random, RegisterGenerator.State(random, kind), out List<ulong> pages);
        var list = new ReferenceAccess[accesses];
        for (int i = 0; i < accesses; i++) list[i] = AnyAccess(random, machine.State, pages);
        return machine with { Accesses = list };
    }

    private static RandomMachine Make(EdgeRandom random, PagingState state, out List<ulong> pages)
    {
        int width = state.Features.PhysicalAddressBits;
        ulong tableLimit = state.Efer.Lma || state.Mode == PagingMode.Pae ? 1UL << width : 1UL << 32;
        ulong root = Frame(random, state.Efer.Lma ? 1UL << width : 1UL << 32);
        // All ones, which is what a hole reads as, is no PDPTE that could be loaded.
        if (state.Mode == PagingMode.Pae && root == 0xa_0000) root = 0x5000;
        // PAE's four entries may stand anywhere in a page.
        if (state.Mode == PagingMode.Pae && random.OneIn(2)) root += (ulong)random.Pick(1, 2, 127) * 32;
        ulong[] tables = new ulong[random.Between(1, 10)];
        for (int i = 0; i < tables.Length; i++) tables[i] = random.OneIn(16) ? root & ~0xfffUL : Frame(random, tableLimit);

        // Bits 11:5 of CR3 are part of the address in PAE, and bits 4:3 (or the PCID) are kept elsewhere.
        state.Cr3 = state.Cr3.Value | root;
        pages = [];
        for (int i = random.Between(3, 8); i > 0; i--) pages.Add(LinearGenerator.Page(random, state.Mode));
        IReadOnlyList<TableWord> words = [];
        if (state.Mode != PagingMode.None)
        {
            int pageWidth = state.Mode == PagingMode.TwoLevel ? Math.Min(40, width) : width;
            var builder = new TableBuilder(random, state, _ => random.Among(tables), bits => Page(random, bits, bits == 12 ? tableLimit : 1UL << pageWidth));
            foreach (ulong page in pages) builder.Reach(root, page);
            if (random.OneIn(2)) builder.Bend(random.Between(1, 4), spareLevel: state.Mode == PagingMode.Pae && !random.OneIn(8) ? 3 : 0);
            words = builder.Words;
        }

        return new RandomMachine(state, words, []);
    }

    public static ReferenceAccess AnyAccess(EdgeRandom random, in PagingState state, IReadOnlyList<ulong> pages)
    {
        bool shadowStack = random.OneIn(state.Cr4.Cet ? 4 : 16);
        Access kind = shadowStack
            ? random.Pick(Access.ShadowStackRead, Access.ShadowStackWrite)
            : random.Pick(Access.Read, Access.Write, Access.Execute);
        Privilege privilege = random.Pick(Privilege.User, Privilege.User, Privilege.User, Privilege.Supervisor, Privilege.Supervisor, Privilege.ImplicitSupervisor);
        return new ReferenceAccess(LinearGenerator.Near(random, in state, pages), kind, privilege, random.OneIn(8));
    }

    public static IEnumerable<RandomMachine> Smaller(RandomMachine machine)
    {
        foreach (IReadOnlyList<ReferenceAccess> accesses in Shrinking.Without(machine.Accesses)) yield return machine with { Accesses = accesses };
        foreach (IReadOnlyList<TlbStep.Batch> batches in Shrinking.Without(machine.Batches)) yield return machine with { Batches = batches };
        foreach (IReadOnlyList<ByteTransfer> transfers in Shrinking.Without(machine.Transfers)) yield return machine with { Transfers = transfers };
        foreach (IReadOnlyList<TlbStep.Batch> batches in Shrinking.Each(machine.Batches, BatchGenerator.Smaller)) yield return machine with { Batches = batches };
        foreach (IReadOnlyList<TableWord> words in Shrinking.Without(machine.Words)) yield return machine with { Words = words };
        foreach (PagingState state in RegisterChoice.Smaller(machine.State)) yield return machine with { State = state };
        foreach (IReadOnlyList<TableWord> words in Shrinking.Each(machine.Words, word => Shrinking.Bits(word.Value).Select(value => word with { Value = value })))
        {
            yield return machine with { Words = words };
        }

        foreach (IReadOnlyList<ReferenceAccess> accesses in Shrinking.Each(machine.Accesses, Simpler)) yield return machine with { Accesses = accesses };
        foreach (IReadOnlyList<ByteTransfer> transfers in Shrinking.Each(machine.Transfers, Shorter)) yield return machine with { Transfers = transfers };
    }

    private static IEnumerable<ByteTransfer> Shorter(ByteTransfer transfer)
    {
        if (transfer.Length > 1) yield return transfer with { Length = transfer.Length / 2 };
        if (transfer.Length > 1) yield return transfer with { Length = transfer.Length - 1 };
        foreach (ulong linear in Shrinking.Bits(transfer.Linear)) yield return transfer with { Linear = linear };
    }

    private static ByteTransfer Transfer(EdgeRandom random, in PagingState state, List<ulong> pages)
    {
        int length = random.Below(4) switch
        {
            0 => random.Pick(1, 2, 3, 4, 8, 16),
            1 => random.Between(1, 64),
            2 => random.Between(1, 5000),
            _ => random.Pick(2, 4, 8, 16, 4096, 4097, 8192, 8194, 9000),
        };
        ulong linear = LinearGenerator.Near(random, in state, pages);
        // Ends of pages: where the bytes begin, or where they end.
        if (random.OneIn(2)) linear = (linear | 0xfff) - (ulong)random.Below(Math.Min(length, 4096));
        return new ByteTransfer(linear, length, random.OneIn(2));
    }

    private static IEnumerable<ReferenceAccess> Simpler(ReferenceAccess access)
    {
        if (access.ThroughStack) yield return access with { ThroughStack = false };
        if (access.Privilege != Privilege.Supervisor) yield return access with { Privilege = Privilege.Supervisor };
        if (access.Kind != Access.Read) yield return access with { Kind = Access.Read };
        foreach (ulong linear in Shrinking.Bits(access.Linear)) yield return access with { Linear = linear };
    }

    private static ulong Frame(EdgeRandom random, ulong limit)
    {
        ulong frame = random.Below(16) switch
        {
            < 6 => (ulong)random.Between(1, 0x9f) << 12,
            < 11 => 0x20_0000 + ((ulong)random.Below(0x200) << 12),
            11 => 0xf_0000 + ((ulong)random.Below(16) << 12),
            12 => 0xa_0000,
            _ => InSomeRange(random),
        };
        return frame < limit ? frame : 0x3000;
    }

    private static ulong InSomeRange(EdgeRandom random)
    {
        MemoryRange range = random.Among(Layout);
        ulong last = range.Length - 0x1000;
        return range.Start.Value + random.Pick<ulong>(0, last, random.Next64() % range.Length & ~0xfffUL);
    }

    private static ulong Page(EdgeRandom random, int bits, ulong limit)
    {
        ulong frame = random.OneIn(3) ? random.Next64() & 0x000f_ffff_ffff_f000 & (limit - 1) : Frame(random, limit);
        return frame >> bits << bits;
    }
}
