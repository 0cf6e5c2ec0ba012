using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>The pair of an MMU and an address space: what the TLB holds is what the tables say, after every change.</summary>
public class TranslationTests
{
    private const ulong Pages = 96;

    private static readonly ProcessorFeatures Features = new() { La57 = true };

    private static void AssertNothingStale(Mmu mmu)
    {
        for (ulong at = Base; at < Base + (Pages * Page); at += Page)
        {
            foreach (Access access in new[] { Access.Read, Access.Write, Access.Execute })
            {
                Translation walked = mmu.Probe(at, access, Privilege.User);
                Translation cached = mmu.Translate(at, access, Privilege.User);
                Assert.Equal((walked.Ok, walked.Ok ? walked.Physical : default), (cached.Ok, cached.Ok ? cached.Physical : default));
            }
        }
    }

    private static void Fill(ProcessFixture process, Mmu mmu)
    {
        for (ulong at = Base; at < Base + (Pages * Page); at += Page)
        {
            Access access = (at >> 12) % 3 == 0 ? Access.Read : Access.Write;
            process.Mm.TryTranslate(mmu, at, access, out _, out _);
        }
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void TryTranslate_FaultsAndTranslates(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 2);
        using var mmu = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        Assert.True(process.Mm.TryTranslate(mmu, Base + 0x10, Access.Write, out Translation translation, out FaultOutcome outcome));
        Assert.True(outcome.IsResolved);
        Assert.Equal((process.Tables.Peek(Base).Frame << 12) + 0x10, translation.Physical.Value);
        Assert.False(process.Mm.TryTranslate(mmu, Base + (2 * Page), Access.Read, out _, out outcome));
        Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, Base + (2 * Page)), outcome);
        Assert.False(process.Mm.TryTranslate(mmu, 1UL << 60, Access.Read, out _, out outcome));
        Assert.Equal(process.Machine.Is32Bit ? FaultOutcome.MapError : FaultOutcome.Kernel, outcome.Code);
        Assert.Equal(paging == PagingMode.TwoLevel, process.Mm.TryTranslate(mmu, Base, Access.Execute, out _, out outcome));
        Assert.Equal(paging == PagingMode.TwoLevel ? 0 : FaultOutcome.AccessError, outcome.Code);
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void WriteAndRead_AcrossPages_ArriveThroughFaults(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        using var mmu = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        byte[] sent = new byte[6000], received = new byte[6000];
        new Random(1).NextBytes(sent);
        Assert.True(process.Mm.TryWrite(mmu, Base + 3000, sent, out _));
        Assert.True(process.Mm.TryRead(mmu, Base + 3000, received, out _));
        Assert.Equal(sent, received);
        Assert.False(process.Mm.TryRead(mmu, Base + (4 * Page) - 1, received, out FaultOutcome outcome));
        Assert.Equal(Base + (4 * Page), outcome.Address);
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void EveryChange_LeavesNothingStaleInTheTlb(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 64);
        OpenFile file = File(InodeKind.SharedMemory, 32 * Page);
        process.Map(Base + (64 * Page), 32, SharedFile, file);
        process.Mm.Context.Files.Set(3, file);
        using var mmu = new Mmu(process.Memory, Features);
        using var other = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        process.Mm.Attach(other);
        var tables = process.Tables;

        void After(Action change)
        {
            Fill(process, mmu);
            Fill(process, other);
            change();
            AssertNothingStale(mmu);
            AssertNothingStale(other);
        }

        After(() => tables.Advise(process.At(Base), Base + Page, Base + (3 * Page), Advice.DontNeed));
        After(() => tables.Advise(process.At(Base), Base, Base + (64 * Page), Advice.DontNeed));
        After(() => tables.Advise(process.At(Base), Base, Base + (4 * Page), Advice.Free));
        After(() => tables.Advise(process.At(Base), Base, Base + (40 * Page), Advice.GuardInstall));
        After(() => tables.Advise(process.At(Base), Base, Base + (40 * Page), Advice.GuardRemove));
        After(() => tables.Advise(process.At(Base + (64 * Page)), Base + (64 * Page), Base + (70 * Page), Advice.Remove));
        After(() => process.Mm.Ftruncate(3, 8 * Page));
        After(() => process.Mm.Ftruncate(3, 32 * Page));
        AddressSpace? child = null;
        After(() => process.Mm.Fork(process.Mm.Context.Copy(), out child));
        After(() => process.WriteAt(Base, 1));
        After(() => child!.Write(Base, new byte[64 * Page]));
        After(child!.Dispose);
        After(() => process.Mm.Mprotect(Base, 8 * Page, Protection.Read));
        After(() => process.Mm.Mprotect(Base, 64 * Page, Protection.None));
        After(() => process.Mm.Mprotect(Base, 64 * Page, Protection.Read | Protection.Write));
        After(() => process.Mm.Mremap(Base, 4 * Page, 4 * Page, (uint)(MremapFlags.MayMove | MremapFlags.Fixed), 0x8000_0000));
        After(() => process.Mm.Munmap(Base + (10 * Page), 50 * Page));
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void Attach_AnotherAddressSpace_SwitchesTheMmu(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        process.WriteAt(Base, 0x91);
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        using var mmu = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        process.Mm.TryTranslate(mmu, Base, Access.Write, out Translation parent, out _);
        child!.Attach(mmu);
        child.TryTranslate(mmu, Base, Access.Write, out Translation own, out _);
        Assert.NotEqual(parent.Physical, own.Physical);
        process.Mm.Attach(mmu);
        Assert.Equal(parent.Physical, mmu.Translate(Base, Access.Read, Privilege.User).Physical);
        child.Dispose();
    }

    [Fact]
    public void Memory_BehindAPcsHoleAndBeyondATebibyte_ServesProcesses()
    {
        const ulong gib = 1UL << 30;
        MemoryRange[] ranges =
        [
            new MemoryRange(0UL, 16UL << 20), new MemoryRange(32UL << 20, 4UL << 20), new MemoryRange(4 * gib, 8UL << 20), new MemoryRange(1024 * gib, 8UL << 20),
        ];
        using var process = new ProcessFixture(new PhysicalMemory(ranges, hugePages: false));
        process.Map(Base, 1 << 14);
        HashSet<ulong> where = [];
        ulong pages = 0;
        while (process.WriteAt(Base + (pages * Page), (byte)pages).IsResolved)
        {
            ulong physical = process.Tables.Peek(Base + (pages * Page)).Frame << 12;
            where.Add(ranges.Last(range => range.Start.Value <= physical).Start.Value);
            pages++;
        }

        Assert.True(where.Count >= 3);
        for (ulong i = 0; i < pages; i++)
        {
            Assert.Equal((byte)i, process.ByteAt(Base + (i * Page)));
        }
    }

    [Theory]
    [EveryPagingMode(Walked = true)]
    public void Attach_AnotherMachinesMemory_IsRefused(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        using var other = new ProcessFixture(paging);
        using var mmu = new Mmu(other.Memory, Features);
        Assert.Throws<ArgumentException>(() => process.Mm.Attach(mmu));
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel, 4, 0x301)]
    [InlineData(PagingMode.Pae, 8, 3)]
    [InlineData(PagingMode.FourLevel, 8, 273)]
    [InlineData(PagingMode.FiveLevel, 8, 273)]
    public void KernelHalf_IsTheSameInEveryProcess(PagingMode paging, ulong entryBytes, ulong entry)
    {
        using var process = new ProcessFixture(paging);
        Assert.True(process.Machine.Pages.TryAllocatePage(out ulong template));
        process.Memory.Span(template << 12, 4096).Clear();
        process.Memory.Write((template << 12) + (entryBytes * entry), 0x1234_5001u);
        process.Memory.Write((template << 12) + (entryBytes * 2), 0x5555_5001u);
        process.Machine.KernelRoot = template << 12;
        process.Map(Base, 1);
        Assert.Equal(0x1234_5001u, process.Memory.Read<uint>(process.Tables.Root + (entryBytes * entry)));
        Assert.NotEqual(0x5555_5001u, process.Memory.Read<uint>(process.Tables.Root + (entryBytes * 2)));
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel, 4)]
    [InlineData(PagingMode.FourLevel, 8)]
    public void Write_ThatTheTopTableForbids_IsKilledForFaultingForEver(PagingMode paging, int entryBytes)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        process.WriteAt(Base, 1);
        using var mmu = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        // Somebody took the right to write from the entry above all of the process's first addresses; the kernel looks at the page's own.
        ulong entry = process.Tables.Root.Value + ((paging == PagingMode.TwoLevel ? Base >> 22 : 0) * (ulong)entryBytes);
        process.Memory.Write(entry, process.Memory.Read<uint>(entry) & ~2u);
        Assert.False(process.Mm.TryTranslate(mmu, Base, Access.Write, out _, out FaultOutcome outcome));
        Assert.Equal(new FaultOutcome(FaultOutcome.Kill, FaultOutcome.Endless, Base), outcome);
        Assert.Equal($"SIGKILL, faults for ever at {Base:x}", outcome.ToString());
        Assert.True(process.Mm.TryTranslate(mmu, Base, Access.Read, out _, out _));
    }

    [Fact]
    public void TryTranslate_ByAnMmuOfAnotherAddressSpace_IsRefused()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 1);
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        using var mmu = new Mmu(process.Memory, Features);
        child!.Attach(mmu);
        Assert.Throws<ArgumentException>(() => process.Mm.TryTranslate(mmu, Base, Access.Write, out _, out _));
        child.Dispose();
    }

    [Fact]
    public void PaesTopTable_IsReadAgainWhereItsEntriesChange()
    {
        using var process = new ProcessFixture(PagingMode.Pae);
        const ulong second = 0x4000_0000;
        using var mmu = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        for (byte round = 1; round < 4; round++)
        {
            // What the processor keeps of the top table outlives INVLPG.
            process.Map(second, 2);
            Assert.True(process.Mm.TryWrite(mmu, second + Page, [round], out _));
            Assert.Equal(4UL + 1, process.Tables.Tables);
            Assert.Equal(0, process.Mm.Munmap(second, 2 * Page));
            Assert.Equal(3UL, process.Tables.Tables);
            Assert.False(mmu.Probe(second + Page, Access.Read, Privilege.User).Ok);
        }
    }
}
