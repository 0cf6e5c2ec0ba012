using FastMmu.Addresses;
using FastMmu.Linux;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Kernel;

/// <summary>Processes in a machine that has its kernel's half.</summary>
public sealed class KernelMachineTests
{
    [Theory]
    [InlineData(KernelArchitecture.X8664)]
    [InlineData(KernelArchitecture.X8664La57)]
    public void Processes_ShareTheKernelAndKeepTheirOwnPages(KernelArchitecture architecture)
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(1 * GiB);
        var machine = new LinuxMachine(memory, KernelLayout.For(memory, new() { Architecture = architecture, Seed = AslrSeed.From(1) }));
        KernelSpace kernel = machine.Kernel!;
        using var mmu = new Mmu(memory, new ProcessorFeatures { La57 = architecture == KernelArchitecture.X8664La57 });
        long free = machine.Pages.FreePages;
        var spaces = new List<AddressSpace>();
        for (byte i = 0; i < 3; i++)
        {
            var mm = new AddressSpace(machine, new ProcessContext());
            long at = mm.Mmap(0, 64 * KiB, 3, 0x22, -1, 0);
            Assert.True(at > 0);
            Assert.True(mm.Write((ulong)at, [i]).IsResolved);
            KernelGuest.Enable(mmu, architecture, mm.Tables.Root);
            Assert.True(mmu.TryRead(new LinearAddress((ulong)at), out byte value, out _));
            Assert.Equal(i, value);
            // The same byte through the direct map.
            ulong physical = mmu.Probe(new LinearAddress((ulong)at)).Physical.Value;
            Assert.True(kernel.Layout.TryPhysToVirt(physical, out ulong direct));
            Assert.True(mmu.TryRead(new LinearAddress(direct), out value, out _));
            Assert.Equal(i, value);
            Assert.Equal(kernel.Layout.ImagePhysical, mmu.Probe(new LinearAddress(kernel.Layout.ImageStart), Access.Execute).Physical.Value);
            Assert.False(mmu.Probe(new LinearAddress(direct), Access.Read, Privilege.User).Ok);
            spaces.Add(mm);
        }

        foreach (AddressSpace mm in spaces) mm.Dispose();
        Assert.Equal(free, machine.Pages.FreePages);
        Assert.True(mmu.Probe(new LinearAddress(kernel.Layout.DirectMap)).Ok);
    }

    [Fact]
    public void TableCost_OfAProcess_GrowsWithWhatItTouches()
    {
        using PhysicalMemory memory = PhysicalMemory.CreatePc(256 * MiB);
        var machine = new LinuxMachine(memory, KernelLayout.For(memory));
        using var mm = new AddressSpace(machine, new ProcessContext());
        ulong at = (ulong)mm.Mmap(0x7000_0000_0000, 8 * MiB, 3, 0x32, -1, 0);
        Assert.True(mm.Write(at, [1]).IsResolved);
        TableCost one = ProcessTables.OfPages(mm).Single(c => c.Shape == TableShape.FourLevel);
        TableCost all = ProcessTables.OfAreas(mm).Single(c => c.Shape == TableShape.FourLevel);
        Assert.Equal(4, one.Tables);
        Assert.Equal((long)mm.Tables.Tables, one.Tables);
        Assert.InRange(all.Tables!.Value, 7, 8);
        // 2^36 entries of 8 bytes, however little is mapped; and no 32-bit table has such an address.
        Assert.Equal(512 * GiB, ProcessTables.OfPages(mm).Single(c => c.Shape == TableShape.OneLevel48).Bytes);
        Assert.Null(ProcessTables.OfPages(mm).Single(c => c.Shape == TableShape.TwoLevel).Tables);
    }
}
