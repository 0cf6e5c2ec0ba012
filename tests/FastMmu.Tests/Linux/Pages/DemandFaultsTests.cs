using FastMmu.Addresses;
using FastMmu.Linux.Mm;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Tests.Linux.Pages.ProcessFixture;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>Transfers of an MMU whose faults a process takes.</summary>
public class DemandFaultsTests
{
    private static readonly ProcessorFeatures Features = new() { La57 = true };

    [Fact]
    public void Transfers_OfAnUntouchedArea_TakeItsFaults()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 8);
        using var mmu = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        TransferOptions user = Options(process, out DemandFaults faults);
        byte[] text = "a system call's argument\0"u8.ToArray();
        Assert.True(mmu.WriteBytes(Base + Page - 5, text, user).IsComplete);
        Assert.Equal(24, mmu.ReadString(Base + Page - 5, 100, out string read, user).Bytes);
        Assert.Equal("a system call's argument", read);
        Assert.Equal([Base + Page - 5], mmu.Search(new LinearRange(Base, 8 * Page), text, user).Select(a => a.Value));
        Assert.Equal(FaultOutcome.Resolved, faults.Outcome);
        TransferResult past = mmu.WriteBytes(Base + (7 * Page), new byte[2 * Page], user);
        Assert.Equal((int)Page, past.Bytes);
        Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, Base + (8 * Page)), faults.Outcome);
    }

    // The zero page is the source of one side and breaks on the other: copying a page over itself as well.
    [Fact]
    public void Copy_BetweenProcesses_ServesTheFaultsOfBoth()
    {
        using var process = new ProcessFixture();
        process.Map(Base, 8);
        Assert.True(process.Mm.Write(Base, "parent"u8).IsResolved);
        Assert.Equal(0, process.Mm.Fork(process.Mm.Context.Copy(), out AddressSpace? child));
        using AddressSpace other = child!;
        using var mmu = new Mmu(process.Memory, Features);
        using var otherMmu = new Mmu(process.Memory, Features);
        process.Mm.Attach(mmu);
        other.Attach(otherMmu);
        TransferOptions user = Options(process, out _);
        Assert.True(mmu.CopyTo(Base, otherMmu, Base + (2 * Page) + 3, 3 * (int)Page, user).IsComplete);
        byte[] read = new byte[9];
        Assert.True(other.Read(Base + (2 * Page), read).IsResolved);
        Assert.Equal("\0\0\0parent"u8.ToArray(), read);
        Assert.True(mmu.CopyTo(Base, mmu, Base, 8 * (int)Page, user).IsComplete);
        Assert.True(other.Write(Base, "child!"u8).IsResolved);
        Assert.True(process.Mm.Read(Base, read.AsSpan(0, 6)).IsResolved);
        Assert.Equal("parent"u8.ToArray(), read[..6]);
    }

    [Fact]
    public void Fault_OfAnMmuWithoutAnAddressSpace_IsTheEmbeddersMistake()
    {
        using var process = new ProcessFixture();
        using var mmu = new Mmu(process.Memory, Features);
        mmu.EnablePaging(process.Tables.Root);
        Assert.Throws<ArgumentException>(() => mmu.ReadBytes(Base, new byte[1], Options(process, out _)));
    }

    private static TransferOptions Options(ProcessFixture process, out DemandFaults faults) =>
        new(FaultHandler: faults = new DemandFaults(process.Mm.Machine), Privilege: Privilege.User);
}
