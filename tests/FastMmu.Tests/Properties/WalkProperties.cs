using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>The walker against the reference model, over random machines.</summary>
public sealed class WalkProperties : IDisposable
{
    private const int AccessesOfAMachine = 300;
    private const int MachinesOfAKind = 800;

    private readonly TwinMemory _memory = new(MachineGenerator.Layout);

    public static TheoryData<MachineKind> Kinds => [.. Enum.GetValues<MachineKind>()];

    public void Dispose() => _memory.Dispose();

    /// <summary>Six kinds of machine, more than 200,000 translations each: over 1,200,000 in the ordinary run.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void EngineWalkEqualsReferenceInEveryMode(MachineKind kind)
    {
        long translations = 0, succeeded = 0;
        Prop.ForAll(MachineGenerator.Machines(kind, AccessesOfAMachine), machine =>
        {
            using var pair = new MachinePair(_memory, machine);
            if (!pair.Runs) return;
            foreach (ReferenceAccess access in machine.Accesses)
            {
                ReferenceAnswer expected = pair.Expect(access);
                ulong cr2 = pair.Mmu.Cr2;
                Translation actual = pair.Mmu.Translate(access.Linear, access.Kind, access.Privilege, access.ThroughStack);
                if (MachinePair.Difference(expected, actual) is { } difference)
                {
                    Assert.Fail($"{access}: {difference}\nexpected {expected}\n  {string.Join("\n  ", expected.Entries)}\nactual   {actual}");
                }

                if (pair.Mmu.Cr2 != (expected.Fault?.Cr2 ?? cr2)) Assert.Fail($"{access}: CR2 is 0x{pair.Mmu.Cr2:x} after {expected}");
                translations++;
                if (expected.Ok) succeeded++;
            }

            pair.AssertMemoryEqual();
        }).Holds(MachinesOfAKind);

        long wanted = (long)PropertyRun.Cases(MachinesOfAKind) * AccessesOfAMachine;
        Assert.True(translations >= wanted - (wanted / 6), $"Only {translations} translations were tried.");
        Assert.True(PropertyRun.Cases(MachinesOfAKind) < 100 || succeeded > wanted / 10, $"Only {succeeded} of {translations} accesses reached memory.");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProbeEqualsAccess(MachineKind kind) => Prop.ForAll(MachineGenerator.Machines(kind, 100), machine =>
    {
        using var pair = new MachinePair(_memory, machine);
        if (!pair.Runs) return;
        foreach (ReferenceAccess access in machine.Accesses)
        {
            Translation probed = pair.Mmu.Probe(access.Linear, access.Kind, access.Privilege, access.ThroughStack);
            Translation accessed = pair.Mmu.Translate(access.Linear, access.Kind, access.Privilege, access.ThroughStack);
            if (probed != accessed) Assert.Fail($"{access}: the probe says {probed}, the access {accessed}");
        }
    }).Holds(100);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProbeLeavesNoTrace(MachineKind kind) => Prop.ForAll(MachineGenerator.Machines(kind, 100), machine =>
    {
        using var pair = new MachinePair(_memory, machine, new MmuOptions { Statistics = true });
        if (!pair.Runs) return;
        pair.Mmu.Cr2 = 0x1234_5678_9abc;
        foreach (ReferenceAccess access in machine.Accesses)
        {
            Translation probed = pair.Mmu.Probe(access.Linear, access.Kind, access.Privilege, out WalkPath path, access.ThroughStack);
            ReferenceAnswer expected = pair.Expect(access, updateEntries: false);
            Assert.Null(MachinePair.Difference(expected, probed));
            AssertSameEntries(expected, in path, pair.State);
        }

        Assert.Equal(0x1234_5678_9abcUL, pair.Mmu.Cr2);
        Assert.Equal(default, pair.Mmu.Statistics);
        Assert.Empty(pair.Mmu.Tlb.Contents());
        pair.AssertMemoryEqual();
    }).Holds(100);

    /// <summary>
    /// What a path allows, each of its entries allows; and taking a right from any entry of the path gives the user nothing that was refused before.
    /// </summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void RightsOnlyShrinkDownTheWalk(MachineKind kind) => Prop.ForAll(MachineGenerator.Machines(kind, 60), machine =>
    {
        using var pair = new MachinePair(_memory, machine);
        if (!pair.Runs) return;
        Mmu mmu = pair.Mmu;
        foreach (ReferenceAccess access in machine.Accesses)
        {
            Translation whole = mmu.Probe(access.Linear, Access.Read, Privilege.Supervisor, out WalkPath path);
            if (!whole.Ok || path.Count == 0) continue;
            int entryBytes = pair.State.Mode == PagingMode.TwoLevel ? 4 : 8;
            for (int i = 0; i < path.Count; i++)
            {
                WalkStep step = path[i];
                // A PDPTE of PAE has no rights to give or to take.
                if (pair.State.Mode == PagingMode.Pae && step.Level == 3) continue;
                AssertEntryAllows(step.Raw, whole.Rights, access);
                AssertLessIsNotMore(mmu, access.Linear, step, 1UL << 1, entryBytes);
                AssertLessIsNotMore(mmu, access.Linear, step, 1UL << 2, entryBytes);
                if (entryBytes == 8 && pair.State.Efer.Nxe) AssertLessIsNotMore(mmu, access.Linear, step, 1UL << 63, entryBytes);
            }
        }
    }).Holds(60);

    private static void AssertSameEntries(ReferenceAnswer expected, in WalkPath path, in PagingState state)
    {
        // PDPTE registers are no memory: the reference does not list them.
        int skipped = path.Count > 0 && state.Mode == PagingMode.Pae && !state.Features.PdptesReadOnDemand ? 1 : 0;
        Assert.Equal(expected.Entries.Count, path.Count - skipped);
        for (int i = skipped; i < path.Count; i++)
        {
            ReferenceEntry entry = expected.Entries[i - skipped];
            Assert.Equal(new WalkStep(entry.Level, entry.Address, entry.Before), path[i]);
        }
    }

    private static void AssertEntryAllows(ulong entry, Rights rights, ReferenceAccess access)
    {
        Rights allowed = ((entry & 2) != 0 ? Rights.Write : 0) | ((entry & 4) != 0 ? Rights.User : 0) | (entry >> 63 == 0 ? Rights.Execute : 0);
        Rights given = rights & (Rights.Write | Rights.User | Rights.Execute);
        if ((given & ~allowed) != 0) Assert.Fail($"{access}: {given} through 0x{entry:x}");
    }

    private void AssertLessIsNotMore(Mmu mmu, ulong linear, WalkStep step, ulong right, int entryBytes)
    {
        const Rights ordinary = Rights.Write | Rights.User | Rights.Execute;
        // R/W and U/S give when they are set, XD when it is clear. ROM keeps what it has.
        ulong less = right >> 63 != 0 ? step.Raw | right : step.Raw & ~right;
        if (less == step.Raw || mmu.Memory.KindOf(PhysicalAddress.Truncate(step.EntryAddress)) != MemoryKind.Ram) return;
        Span<Translation> before = stackalloc Translation[3];
        for (int kind = 0; kind < 3; kind++) before[kind] = mmu.Probe(linear, (Access)kind, Privilege.User);
        Rights rightsBefore = mmu.Probe(linear).Rights & ordinary;
        Span<byte> memory = mmu.Memory.Span(PhysicalAddress.Truncate(step.EntryAddress), entryBytes);
        Span<byte> saved = stackalloc byte[8];
        memory.CopyTo(saved);
        for (int i = 0; i < entryBytes; i++) memory[i] = (byte)(less >> (8 * i));
        for (int kind = 0; kind < 3; kind++)
        {
            Translation after = mmu.Probe(linear, (Access)kind, Privilege.User);
            if (!before[kind].Ok && after.Ok) Assert.Fail($"{(Access)kind} of 0x{linear:x} became possible when {step} lost bit 0x{right:x}");
        }

        Rights rightsAfter = mmu.Probe(linear).Rights & ordinary;
        if ((rightsAfter & ~rightsBefore) != 0) Assert.Fail($"0x{linear:x} had {rightsBefore} and has {rightsAfter} since {step} lost bit 0x{right:x}");
        saved[..entryBytes].CopyTo(memory);
    }
}
