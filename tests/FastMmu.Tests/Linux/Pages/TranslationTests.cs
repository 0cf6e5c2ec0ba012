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
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
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
        Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0), outcome);
        Assert.False(process.Mm.TryTranslate(mmu, Base, Access.Execute, out _, out outcome));
        Assert.Equal(FaultOutcome.AccessError, outcome.Code);
    }

    [Fact]
    public void WriteAndRead_AcrossPages_ArriveThroughFaults()
    {
        using var process = new ProcessFixture();
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

    [Fact]
    public void EveryChange_LeavesNothingStaleInTheTlb()
    {
        using var process = new ProcessFixture();
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
        After(() => process.Mm.Mremap(Base, 4 * Page, 4 * Page, (uint)(MremapFlags.MayMove | MremapFlags.Fixed), 1UL << 32));
        After(() => process.Mm.Munmap(Base + (10 * Page), 50 * Page));
    }

    [Fact]
    public void Attach_AnotherAddressSpace_SwitchesTheMmu()
    {
        using var process = new ProcessFixture();
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

    [Fact]
    public void Attach_AnotherMachinesMemory_IsRefused()
    {
        using var process = new ProcessFixture();
        using var other = new ProcessFixture();
        using var mmu = new Mmu(other.Memory, Features);
        Assert.Throws<ArgumentException>(() => process.Mm.Attach(mmu));
    }

    [Fact]
    public void KernelHalf_IsTheSameInEveryProcess()
    {
        using var process = new ProcessFixture();
        Assert.True(process.Machine.Pages.TryAllocatePage(out ulong template));
        process.Memory.Span(template << 12, 4096).Clear();
        process.Memory.Write((template << 12) + (8 * 273), 0x1234_5063UL);
        process.Memory.Write((template << 12) + 8, 0x9999_9067UL);
        process.Machine.KernelRoot = template << 12;
        process.Map(Base, 1);
        Assert.Equal(0x1234_5063UL, process.Memory.Read<ulong>(process.Tables.Root + (8 * 273)));
        Assert.Equal(0UL, process.Memory.Read<ulong>(process.Tables.Root + 8));
    }
}
