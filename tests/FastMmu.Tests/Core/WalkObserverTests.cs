using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Tests.Generators;
using FastMmu.Tests.Properties;
using FastMmu.Tlb;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

/// <summary>Those who look inside: they see what happens, and nothing happens otherwise because of them.</summary>
public sealed class WalkObserverTests : IDisposable
{
    private readonly TwinMemory _memory = new(MachineGenerator.Layout);

    public static TheoryData<MachineKind> Kinds => [.. Enum.GetValues<MachineKind>()];

    // A PDPTE that lies in its own path has a reserved bit set once it is marked accessed: what was permitted just now is not any more.
    public static TheoryData<MachineKind> KindsThatStay => [.. Enum.GetValues<MachineKind>().Where(k => k != MachineKind.PaeWithPdptesOnDemand)];

    public void Dispose() => _memory.Dispose();

    /// <summary>Without caches every access that paging decides is one walk, and reads what a probe reads.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void ObserverSeesEveryEntryThatAWalkReads(MachineKind kind) => Prop.ForAll(MachineGenerator.Machines(kind, 30), machine =>
    {
        using var pair = new MachinePair(_memory, machine);
        if (!pair.Runs) return;
        var log = new Log();
        pair.Mmu.WalkObserver = log;
        foreach (ReferenceAccess access in machine.Accesses)
        {
            Translation expected = pair.Mmu.Probe(access.Linear, access.Kind, access.Privilege, out FastMmu.Paging.Walk.WalkPath path, access.ThroughStack);
            log.Walks.Clear();
            Translation answer = pair.Mmu.Translate(access.Linear, access.Kind, access.Privilege, access.ThroughStack);
            Assert.Equal(expected, answer);
            if (path.Count == 0)
            {
                Assert.Empty(log.Walks);
                continue;
            }

            PageWalk walk = Assert.Single(log.Walks);
            Assert.Equal((access.Kind, access.Privilege, expected.Fault), (walk.Access, walk.Privilege, walk.Fault));
            Assert.Equal(path.Count, walk.Path.Count);
            for (int i = 0; i < path.Count; i++) Assert.Equal(path[i], walk.Path[i]);
        }
    }).Holds(60);

    /// <summary>What the fast table is said to hold is what the tables permit, and what was just used without a fault is in it.</summary>
    [Theory]
    [MemberData(nameof(KindsThatStay))]
    public void FastEntriesAreWhatTheTablesPermit(MachineKind kind) => Prop.ForAll(MachineGenerator.Machines(kind, 12), machine =>
    {
        using var pair = new MachinePair(_memory, machine, MmuOptions.Default);
        if (!pair.Runs) return;
        Mmu mmu = pair.Mmu;
        ulong[] physical = new ulong[1];
        foreach (ReferenceAccess access in machine.Accesses)
        {
            if (access.Linear % 3 == 0) mmu.TranslateBatch([access.Linear], physical, access.Kind, access.Privilege);
            Translation used = mmu.Translate(access.Linear, access.Kind, access.Privilege);
            IReadOnlyList<FastEntry> entries = mmu.FastEntries();
            Assert.Equal(entries.Count, entries.Distinct().Count());
            foreach (FastEntry entry in entries)
            {
                Translation probed = mmu.Probe(entry.Linear, entry.Access, entry.Privilege);
                Assert.Equal((true, entry.Physical, entry.PageSize, entry.Rights, entry.PatIndex), (probed.Ok, probed.Physical, probed.PageSize, probed.Rights, probed.PatIndex));
                Assert.True(entry.InForce);
                Assert.Equal(mmu.State.Pcid, entry.Pcid);
            }

            bool plain = mmu.State.Cr4 is { Lass: false, LamSup: false } && (mmu.State.Cr3.Value & (Cr3.LamU48Bit | Cr3.LamU57Bit)) == 0;
            if (!used.Ok || !plain || mmu.Memory.KindOf(used.Physical) != MemoryKind.Ram || used.Physical.Value >> 40 != 0) continue;
            ulong linear = mmu.State.Efer.Lma ? access.Linear : (uint)access.Linear;
            Assert.Contains(entries, e => e.Linear.Value == (linear & ~0xfffUL) && e.Access == access.Kind && e.Privilege == access.Privilege);
        }
    }).Holds(30);

    [Fact]
    public void FastEntries_OfSeveralContexts_AreToldApart()
    {
        using var memory = PhysicalMemory.Create(64 * MiB);
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BitmapFrameAllocator(memory));
        space.Map(0x40_0000, 0x80_0000, 2 * MiB, Rights.UserReadWrite);
        space.Map(0xffff_8000_0000_0000, 0x10_0000, 16 * KiB, Rights.UserRead);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PcideBit);
        ulong[] physical = new ulong[1];
        for (ulong pcid = 1; pcid < 4; pcid++)
        {
            mmu.WriteCr3(space.Root.Value | pcid);
            Assert.True(mmu.Translate(0x40_3008 + (pcid << 12)).Ok);
            Assert.Equal(1, mmu.TranslateBatch([0xffff_8000_0000_0010 + (pcid << 12)], physical, Access.Read, Privilege.User).Translated);
        }

        IReadOnlyList<FastEntry> entries = mmu.FastEntries();
        Assert.Equal([1, 1, 2, 2, 3, 3], entries.Select(e => e.Pcid).Order());
        Assert.Equal(2, entries.Count(e => e.InForce));
        Assert.All(entries, e => Assert.Equal((e.Linear.Value >> 63 == 0 ? 0x80_3000UL : 0x10_0000) + ((ulong)e.Pcid << 12), e.Physical.Value));
        Assert.Equal(3, entries.Count(e => e is { PageSize: PageSize.Size2M, Rights: Rights.UserReadWrite, Access: Access.Read, Privilege: Privilege.Supervisor }));
        mmu.InvalidatePcid((ulong)InvpcidType.SingleContext, 2);
        Assert.Equal([1, 1, 3, 3], mmu.FastEntries().Select(e => e.Pcid).Order());
        mmu.WalkObserver = new Log();
        Assert.Empty(mmu.FastEntries());
        Assert.True(mmu.Translate(0x40_3008).Ok);
        Assert.Empty(mmu.FastEntries());
    }

    [Fact]
    public void Batches_WhileSomebodyObserves_WalkAsSingleAccesses()
    {
        using var memory = PhysicalMemory.Create(64 * MiB);
        PageMapper space = PageMapper.Create<Paging4Level>(memory, new BitmapFrameAllocator(memory));
        space.Map(0x40_0000, 0x80_0000, 256 * KiB, Rights.UserReadWrite);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        ulong[] linear = [.. Enumerable.Range(0, 65).Select(i => 0x40_0000 + (4096UL * (ulong)i))], physical = new ulong[65], observed = new ulong[65];
        BatchResult expected = mmu.TranslateBatch(linear, physical, Access.Read, Privilege.User);
        mmu.InvalidateAll();
        var log = new Log();
        mmu.WalkObserver = log;
        Assert.Equal(expected, mmu.TranslateBatch(linear, observed, Access.Read, Privilege.User));
        Assert.Equal(physical, observed);
        // The one that faults walks from the remembered table, then from the root.
        Assert.Equal(66, log.Walks.Count);
        Assert.Equal(4, log.Walks[0].Path.Count);
        Assert.Equal(1, log.Walks[1].Path.Count);
        Assert.True(log.Walks[^1].Fault.IsFault);
    }

    private sealed class Log : IWalkObserver
    {
        public List<PageWalk> Walks { get; } = [];

        public void OnWalk(Mmu mmu, in PageWalk walk) => Walks.Add(walk);
    }
}
