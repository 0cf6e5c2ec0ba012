using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

public sealed class SnapshotTests
{
    [Fact]
    public void EveryWayToWrite_IsUndone()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var machine = new Machine(memory);
        memory.Write(0x3000, new byte[] { 1, 2, 3 });
        using Snapshot clean = machine.TakeSnapshot();
        byte[] before = memory.BackingOf(0, (int)(16 * MiB)).ToArray();
        for (int round = 0; round < 3; round++)
        {
            memory.Write(0x1000, 1);
            memory.Write(0x2ff8, new byte[] { 9, 9, 9, 9, 9, 9, 9, 9, 9, 9 });
            memory.LoadRom(0x5000, [1]);
            memory.Span(0x6fff, 1)[0] = 1;
            memory.Write(0x1f_ffff, (short)-1);
            memory.CompareExchangeEntry64(0x7000, 0, 1);
            memory.CompareExchangeEntry32(0x8000, 0, 1);
            memory.OrByte(0x9001, 1);
            Assert.Equal(10, machine.WrittenPages);
            machine.Restore(clean);
            Assert.True(memory.BackingOf(0, (int)(16 * MiB)).SequenceEqual(before));
            Assert.Equal(0, machine.WrittenPages);
        }
    }

    [Fact]
    public void AVirtualCpu_WritesAgainAfterARestore_AndIsUndoneAgain()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        var machine = new Machine(memory, mmu);
        for (int i = 0; i < 8; i++) Assert.True(mmu.TryWrite(0x1000UL * (ulong)i, 7, out _));
        using Snapshot clean = machine.TakeSnapshot();
        for (int round = 0; round < 3; round++)
        {
            for (ulong page = 0; page < 8; page += 3) Assert.True(mmu.TryWrite(0x1000 * page, round, out _));
            mmu.ScatterWrite<int>([0x1008, 0x5008, 0x1010, 0x1018, 0x1020, 0x1028, 0x1030, 0x1038], [1, 2, 3, 4, 5, 6, 7, 8]);
            Assert.Equal(5, machine.WrittenPages);
            machine.Restore(clean);
            for (ulong page = 0; page < 8; page++) Assert.Equal(7, memory.Read<int>(0x20_0000 + (0x1000 * page)));
            Assert.Equal(0, memory.Read<int>(0x20_1008));
        }
    }

    [Fact]
    public void TablesAndCachedTranslations_GoBackTogether()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        var machine = new Machine(memory, mmu);
        using Snapshot clean = machine.TakeSnapshot();
        ulong entry = 0;
        mmu.Probe(0x3000UL, Access.Read, Privilege.Supervisor, out Paging.Walk.WalkPath path);
        entry = path[path.Count - 1].EntryAddress;
        memory.Write(entry, 0x50_0003UL);
        Assert.Equal(0x50_0000UL, mmu.Translate(0x3000UL, Access.Write).Physical.Value);
        Assert.NotEqual(0UL, memory.Read<ulong>(entry) & 0x60);
        machine.Restore(clean);
        Assert.Equal(0x20_3000UL, mmu.Translate(0x3000UL).Physical.Value);
        machine.Restore(clean);
        Assert.Equal(0UL, memory.Read<ulong>(entry) & 0x60);
    }

    [Fact]
    public void Registers_AreThoseOfTheSnapshot()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        using var other = new Mmu(memory, ProcessorFeatures.Pentium4);
        var machine = new Machine(memory, mmu, other);
        mmu.Segments.TryWriteKernelGsBase(0x1234, out _);
        mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PkeBit | Cr4.SmapBit);
        mmu.WritePkru(5);
        mmu.SetCpl(3);
        mmu.Cr2 = 0x77;
        mmu.SetRFlags(RFlags.AcBit);
        mmu.Segments[SegmentRegister.DS] = CachedSegment.FromDescriptor(0x68, GdtEntry.Init(0x4093, 0x5000, 0xfff));
        ProcessorRegisters first = mmu.CaptureRegisters(), second = other.CaptureRegisters();
        using Snapshot clean = machine.TakeSnapshot();
        mmu.LoadState(new PagingState(mmu.Features));
        mmu.Segments.Reset();
        mmu.Segments.TryWriteKernelGsBase(1, out _);
        mmu.Cr2 = 1;
        other.EnablePaging(0x8000UL, PagingMode.TwoLevel);
        other.Segments.Gdtr = new(1, 2);
        machine.Restore(clean);
        AssertSame(first, mmu.CaptureRegisters());
        AssertSame(second, other.CaptureRegisters());
        Assert.Equal(SegmentationMode.Compatibility, mmu.Segments.Mode);
        Assert.Equal(3, mmu.Segments.Cpl);
        Assert.Equal("#PF(P|U) at 0x2000: supervisor page", mmu.Translate(0x2000UL).ToString());
    }

    [Fact]
    public void TheMap_GoesBackToo()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        var machine = new Machine(memory, mmu);
        memory.SetKind(0x20_2000, 0x1000, MemoryKind.Rom);
        using Snapshot clean = machine.TakeSnapshot();
        memory.SetKind(0x20_2000, 0x1000, MemoryKind.Ram);
        memory.SetKind(0x20_0000, 0x1000, MemoryKind.Hole);
        memory.MapDevice(0x20_1000, 0x1000, new Silence());
        Assert.True(mmu.TryWrite(0x2000UL, 5, out _));
        Assert.True(mmu.TryRead(0UL, out int value, out _));
        Assert.Equal(-1, value);
        machine.Restore(clean);
        Assert.Equal("0-202000 Ram, 202000-203000 Rom, 203000-1000000 Ram", string.Join(", ", memory.Layout));
        Assert.True(mmu.TryWrite(0x2000UL, 5, out _));
        Assert.True(mmu.TryRead(0x2000UL, out value, out _));
        Assert.Equal(0, value);
        Assert.True(mmu.TryRead(0UL, out value, out _));
        Assert.Equal(0, value);
    }

    [Fact]
    public void Snapshots_InsideOneAnother_AreReachedInAnyOrder()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var machine = new Machine(memory);
        var snapshots = new List<Snapshot>();
        for (int i = 0; i < 6; i++)
        {
            memory.Write(0x1000, i);
            memory.Write(0x1000 * (ulong)(i + 2), i);
            snapshots.Add(machine.TakeSnapshot());
        }

        foreach (int i in new[] { 0, 5, 2, 2, 4, 1, 5, 0, 3 })
        {
            machine.Restore(snapshots[i]);
            Assert.Equal(i, memory.Read<int>(0x1000));
            for (int j = 0; j < 6; j++) Assert.Equal(j <= i ? j : 0, memory.Read<int>(0x1000 * (ulong)(j + 2)));
            memory.Write(0x5000, 99);
        }

        foreach (int i in new[] { 3, 0, 5 }) snapshots[i].Dispose();
        foreach (int i in new[] { 4, 1, 2, 1 })
        {
            machine.Restore(snapshots[i]);
            Assert.Equal(i, memory.Read<int>(0x1000));
        }

        Assert.Throws<ObjectDisposedException>(() => machine.Restore(snapshots[3]));
        foreach (Snapshot snapshot in snapshots) snapshot.Dispose();
        Assert.Equal(0, machine.WrittenPages);
    }

    [Fact]
    public void ARestore_IsAWriteForLogs()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var machine = new Machine(memory);
        using Snapshot first = machine.TakeSnapshot();
        memory.Write(0x1000, 1);
        using Snapshot second = machine.TakeSnapshot();
        memory.Write(0x2000, 1);
        using DirtyLog log = memory.StartDirtyLog();
        machine.Restore(second);
        Assert.Equal([0x2000UL], log.Take().Select(p => p.Value));
        machine.Restore(first);
        Assert.Equal([0x1000UL], log.Take().Select(p => p.Value));
        memory.Write(0x1000, 1);
        Assert.Equal([0x1000UL], log.Take().Select(p => p.Value));
    }

    [Fact]
    public void Misuse_IsRefused()
    {
        PhysicalMemory memory = PhysicalMemory.Create(1 * MiB);
        using PhysicalMemory another = PhysicalMemory.Create(1 * MiB);
        using var mmu = new Mmu(another, ProcessorFeatures.Zen4);
        Assert.Throws<ArgumentException>(() => new Machine(memory, mmu));
        var machine = new Machine(memory);
        Snapshot snapshot = machine.TakeSnapshot(verifiable: true);
        Assert.Throws<ArgumentException>(() => new Machine(memory).Restore(snapshot));
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => machine.Restore(snapshot));
        Assert.Throws<ObjectDisposedException>(() => machine.TakeSnapshot());
        using var file = new MemoryStream();
        Assert.Throws<ObjectDisposedException>(() => snapshot.Save(file));
        Assert.Equal(0, file.Length);
        Assert.Throws<ObjectDisposedException>(() => snapshot.Verify());
        snapshot.Dispose();
        snapshot.Dispose();
        Assert.Throws<ObjectDisposedException>(() => snapshot.Save(file));
    }

    [Fact]
    public void ManyPages_AreKeptInAsMuchMemoryAsTheyHave()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(32 * MiB);
        var machine = new Machine(memory);
        using Snapshot clean = machine.TakeSnapshot();
        for (int round = 1; round < 4; round++)
        {
            for (ulong page = 0; page < 8192; page++) memory.Write(page << 12, ((ulong)round << 32) + page);
            Assert.Equal(8192, machine.WrittenPages);
            Assert.Equal(8192, memory.VersionCopies);
            machine.Restore(clean);
            Assert.False(memory.BackingOf(0, (int)(32 * MiB)).ContainsAnyExcept((byte)0));
        }
    }

    [Fact]
    public void TheLoop_AllocatesNothing()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        var machine = new Machine(memory, mmu);
        using Snapshot clean = machine.TakeSnapshot();
        Loop(20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Loop(20);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Loop(int rounds)
        {
            for (int round = 0; round < rounds; round++)
            {
                for (ulong page = 0; page < 64; page++) mmu.TryWrite(page << 12, round, out _);
                memory.Write(0x30_0000, round);
                machine.Restore(clean);
            }
        }
    }

    [Fact]
    public void Threads_WriteAndAreParked_AndNothingIsMissed()
    {
        const int threads = 4;
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        Mmu[] mmus = [.. Enumerable.Range(0, threads).Select(_ => Mapped(memory))];
        var machine = new Machine(memory, mmus);
        var random = new Random(3);
        random.NextBytes(memory.Span(0x20_0000, 0x4_0000));
        byte[] before = memory.BackingOf(0x20_0000, 0x4_0000).ToArray();
        using Snapshot clean = machine.TakeSnapshot();
        for (int round = 0; round < 50; round++)
        {
            int seed = round * threads;
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
            {
                var own = new Random(seed + i);
                for (int n = 0; n < 200; n++)
                {
                    ulong at = (ulong)own.Next(64) << 12 | (uint)own.Next(500) << 3;
                    if ((n & 3) == 0) memory.Write(0x20_0000 + at, n);
                    else Assert.True(mmus[i].TryWrite(at, n, out _));
                }
            });
            machine.Restore(clean);
            Assert.True(memory.BackingOf(0x20_0000, 0x4_0000).SequenceEqual(before));
        }

        foreach (Mmu mmu in mmus) mmu.Dispose();
    }

    [Fact]
    public void TranslatedCode_IsToldOfWhatARestoreChanges_AndOfNothingElse()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(1 * MiB);
        var machine = new Machine(memory);
        var told = new List<string>();
        using CodeTracker code = memory.TrackCode(range => told.Add($"{range.Start.Value:x}+{range.Length:x}"));
        using Snapshot clean = machine.TakeSnapshot();
        memory.Write(0x1008, 1);
        memory.Write(0x1100, 1);
        code.Mark(0x1000, 16);
        code.Mark(0x1200, 16);
        machine.Restore(clean);
        Assert.Equal(["1000+40"], told);
        Assert.Equal(0, memory.Read<int>(0x1008));
    }

    // The port by which a guest asks for a snapshot, and says that it is done.
    [Fact]
    public void ADevice_MayTakeAndRestoreWhenItsGuestAsks()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        var machine = new Machine(memory, mmu);
        Snapshot? clean = null;
        memory.MapDevice(0x20_3ffc, 4, new Port(value =>
        {
            if (value == 1) clean = machine.TakeSnapshot();
            else machine.Restore(clean!);
        }));
        Assert.True(mmu.TryWrite(0x1000UL, 7, out _));
        Assert.True(mmu.TryWrite(0x3ffcUL, 1, out _));
        for (int round = 0; round < 3; round++)
        {
            Assert.True(mmu.TryWrite(0x1000UL, 8, out _));
            // The last byte of RAM before the port is in the same access: it is written, then undone; the byte behind lands after the restore.
            Assert.True(mmu.TryWrite(0x3ffbUL, 0x0000_0002_99UL, out _));
            Assert.Equal(7, memory.Read<int>(0x20_1000));
            Assert.Equal(0, memory.Read<byte>(0x20_3ffb));
        }

        clean!.Dispose();
    }

    [Fact]
    public void AHandlerThatThrows_LeavesTheMemoryAsItWas_AndOneThatDealsWithSnapshotsIsRefused()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(1 * MiB);
        var machine = new Machine(memory);
        using Snapshot clean = machine.TakeSnapshot();
        Action handler = () => throw new TimeoutException();
        using CodeTracker code = memory.TrackCode(_ => handler());
        memory.Write(0x1008, 1);
        memory.Write(0x2008, 2);
        code.Mark(0x2000, 16);
        Assert.Throws<TimeoutException>(() => machine.Restore(clean));
        Assert.Equal(1, memory.Read<int>(0x1008));
        Assert.Equal(2, memory.Read<int>(0x2008));
        handler = () => machine.TakeSnapshot();
        Assert.Throws<InvalidOperationException>(() => machine.Restore(clean));
        handler = () => memory.Write(0x3000, 3);
        machine.Restore(clean);
        Assert.Equal(0, memory.Read<int>(0x1008) | memory.Read<int>(0x2008) | memory.Read<int>(0x3000));
    }

    [Fact]
    public void Verify_FindsWhatWasWrittenBehindItsBack()
    {
        using var memory = new PhysicalMemory([new(0UL, 1 * MiB), new(1UL << 40, 64 * KiB)]);
        var machine = new Machine(memory);
        memory.Write(0x7ffe, 0x0102_0304);
        Span<byte> kept = memory.Span((1UL << 40) + 0x2000, 4096);
        using Snapshot sure = machine.TakeSnapshot(verifiable: true);
        using Snapshot unsure = machine.TakeSnapshot();
        for (int round = 0; round < 2; round++)
        {
            memory.Write(0x7000, new byte[8192]);
            memory.Write(0x9000, 1);
            Assert.Equal("0x7ffe: 00 instead of 04, 0x7fff: 00 instead of 03", string.Join(", ", sure.Verify(2)));
            Assert.Equal(5, sure.Verify().Length);
            machine.Restore(sure);
            Assert.Empty(sure.Verify());
        }

        kept[5] = 6;
        machine.Restore(sure);
        Assert.Equal("0x10000002005: 06 instead of 00", string.Join(", ", sure.Verify()));
        Assert.Throws<InvalidOperationException>(() => unsure.Verify());
        Assert.Throws<ArgumentOutOfRangeException>(() => sure.Verify(0));
        Assert.True(sure.IsVerifiable && !unsure.IsVerifiable);
        sure.Dispose();
        Assert.Throws<ObjectDisposedException>(() => sure.Verify());
    }

    [Fact]
    public void MembersOfAGroup_TakeARestoreAtTheirNextEntry()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        using Mmu mmu = Mapped(memory);
        var group = new MmuGroup(memory);
        using MmuMember member = group.Join(mmu);
        // Restored by a machine that does not know of the processor, so that the group alone tells it.
        var machine = new Machine(memory);
        using Snapshot clean = machine.TakeSnapshot();
        for (int round = 1; round < 4; round++)
        {
            member.Enter();
            Assert.True(mmu.TryWrite(0x1000UL, round, out _));
            member.Exit();
            Assert.InRange(machine.WrittenPages, 1, 5);
            machine.Restore(clean);
            Assert.Equal(0, memory.Read<int>(0x20_1000));
        }
    }

    [Fact]
    public void SnapshotsTakenForEver_KeepOnlyWhatTheyNeed()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var machine = new Machine(memory);
        Snapshot root = machine.TakeSnapshot(), last = machine.TakeSnapshot();
        for (int round = 0; round < 2000; round++)
        {
            memory.Write(((ulong)round % 50) << 12, round);
            Snapshot next = machine.TakeSnapshot();
            last.Dispose();
            last = next;
            if (round % 7 == 0) machine.Restore(last);
        }

        Assert.InRange(memory.VersionCopies, 50, 100);
        machine.Restore(root);
        Assert.False(memory.BackingOf(0, (int)(16 * MiB)).ContainsAnyExcept((byte)0));
        machine.Restore(last);
        Assert.Equal(1999, memory.Read<int>(49 << 12));
        root.Dispose();
        last.Dispose();
        Assert.Equal(0, memory.VersionCopies);
    }

    [Fact]
    public void ReservedCopies_AreThereBeforeTheyAreUsed_AndStayWhenTheLastSnapshotGoes()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var machine = new Machine(memory);
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.ReserveCopies(-1));
        machine.ReserveCopies(long.MaxValue);
        Assert.Equal(0, memory.VersionCopies);
        long taken = memory.CopiesRoom;
        Assert.InRange(taken, 4096, 4096 + 512);
        for (int round = 1; round <= 3; round++)
        {
            using Snapshot snapshot = machine.TakeSnapshot(verifiable: true);
            for (ulong page = 0; page < 4096; page++) memory.Write(page << 12, (page << 8) + (ulong)round);
            Assert.Equal(4096, memory.VersionCopies);
            Assert.Equal(taken, memory.CopiesRoom);
            machine.Restore(snapshot);
            Assert.Empty(snapshot.Verify());
        }

        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => machine.ReserveCopies(1));
    }

    [Fact]
    public void CopiesWithoutReservation_GoWithTheLastSnapshot()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        var machine = new Machine(memory);
        using (machine.TakeSnapshot()) Assert.InRange(memory.CopiesRoom, 1, 512);
        Assert.Equal(0, memory.CopiesRoom);
    }

    internal static void AssertSame(ProcessorRegisters expected, ProcessorRegisters actual)
    {
        Assert.Equal(expected.Segments.Segments, actual.Segments.Segments);
        Assert.Equal(expected.Segments, actual.Segments with { Segments = expected.Segments.Segments });
        Assert.Equal(expected.Cr2, actual.Cr2);
        Assert.Equal(Values(expected.State), Values(actual.State));

        static ulong[] Values(PagingState s) =>
            [s.Cr0.Value, s.Cr3.Value, s.Cr4.Value, s.Efer.Value, s.RFlags.Value, s.Pkru.Value, s.Pkrs.Value, (ulong)s.Cpl, s.Pdptes[0], s.Pdptes[1], s.Pdptes[2], s.Pdptes[3]];
    }

    // 64 pages from 0 on, at 2 MiB; a second MMU finds the tables that were made for the first one.
    private static Mmu Mapped(PhysicalMemory memory)
    {
        var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        ulong root = memory.Read<ulong>(0xf_f000);
        if (root == 0)
        {
            PageMapper mapper = PageMapper.Create<Paging4Level>(memory, new BumpFrameAllocator(memory, new PhysicalRange(0x10_0000, 1 * MiB)));
            mapper.Map(0, 0x20_0000, 64 * 4096, Rights.SupervisorReadWrite);
            memory.Write(0xf_f000, mapper.Root.Value);
            root = mapper.Root.Value;
        }

        mmu.EnablePaging(root);
        return mmu;
    }

    private sealed class Port(Action<ulong> written) : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => 0;

        public void Write(in DeviceAccess access, ulong value) => written(value);
    }

    private sealed class Silence : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => 0;

        public void Write(in DeviceAccess access, ulong value)
        {
        }
    }
}
