using FastMmu.Addresses;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>Programs without an MMU: what the TLB holds is what the address space says, after every change.</summary>
public class UserTranslatorTests
{
    private const ulong Pages = 96;

    [Theory]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.None)]
    public void Accesses_OfAProgram_TakeItsFaults(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 4);
        using var user = new UserTranslator(process.Mm);
        byte[] sent = new byte[6000], received = new byte[6000];
        new Random(1).NextBytes(sent);
        Assert.True(user.Tlb.TryWrite(Base + 3000, sent));
        Assert.True(user.Tlb.TryRead(Base + 3000, received));
        Assert.Equal(sent, received);
        Assert.True(process.Mm.Read(Base + 3000, received).IsResolved);
        Assert.Equal(sent, received);
        ulong asked = user.Tlb.Misses;
        for (ulong at = Base + 3000; at < Base + 9000; at += 8) Assert.True(user.Tlb.TryRead(at, out long _));
        Assert.Equal(asked, user.Tlb.Misses);
        Assert.False(user.Tlb.TryWrite(Base + (4 * Page) - 2, 1));
        Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, Base + (4 * Page)), user.Outcome);
        Assert.False(user.Tlb.TryFetch(Base, received));
        Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.AccessError, Base), user.Outcome);
        Assert.False(user.Tlb.TryRead(1UL << 60, out int _));
        Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0), user.Outcome);
    }

    [Theory]
    [EveryPagingMode]
    public void EveryChange_LeavesNothingStale(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 64);
        OpenFile file = File(InodeKind.SharedMemory, 32 * Page);
        process.Map(Base + (64 * Page), 32, SharedFile, file);
        process.Mm.Context.Files.Set(3, file);
        using var user = new UserTranslator(process.Mm);
        var tables = process.Tables;

        void After(Action change)
        {
            Compare(process.Mm, user);
            change();
            Compare(process.Mm, user);
        }

        After(() => tables.Advise(process.At(Base), Base + Page, Base + (3 * Page), Advice.DontNeed));
        After(() => tables.Advise(process.At(Base), Base, Base + (64 * Page), Advice.DontNeed));
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
        After(() => process.Mm.Mmap(Base + (10 * Page), 2 * Page, 7, 0x32, -1, 0));
    }

    [Theory]
    [EveryPagingMode]
    public void Fork_CopiesWhatAWriteThroughTheTlbNeeds(PagingMode paging)
    {
        using var process = new ProcessFixture(paging);
        process.Map(Base, 1);
        using var user = new UserTranslator(process.Mm);
        Assert.True(user.Tlb.TryWrite(Base, 1));
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        using AddressSpace other = child!;
        using var otherUser = new UserTranslator(other);
        Assert.True(user.Tlb.TryWrite(Base, 2));
        Assert.True(otherUser.Tlb.TryRead(Base, out int value));
        Assert.Equal(1, value);
        Assert.True(otherUser.Tlb.TryWrite(Base, 3));
        Assert.True(user.Tlb.TryRead(Base, out value));
        Assert.Equal(2, value);
    }

    // What the TLB says first, then the address space itself: a page that only the former knows is stale.
    private static void Compare(AddressSpace mm, UserTranslator user)
    {
        for (ulong at = Base; at < Base + (Pages * Page); at += Page)
        {
            foreach (Access access in new[] { Access.Read, (at >> 12) % 3 == 0 ? Access.Read : Access.Write, Access.Execute, Access.Read })
            {
                bool allowed = user.Tlb.TryTranslate(at + 8, access, Privilege.User, out PhysicalAddress physical);
                FaultOutcome expected = mm.Touch(at + 8, access, out PhysicalAddress there);
                Assert.Equal((expected.IsResolved, expected.IsResolved ? there : default), (allowed, allowed ? physical : default));
                if (!allowed) Assert.Equal(expected, user.Outcome);
            }
        }
    }
}
