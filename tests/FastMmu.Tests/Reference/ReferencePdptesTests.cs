using FastMmu.Processor;
using FastMmu.Reference;
using Xunit;
using static FastMmu.Tests.Reference.TableFixture;

namespace FastMmu.Tests.Reference;

/// <summary>The PDPTE registers, and processors without them.</summary>
public class ReferencePdptesTests
{
    [Fact]
    public void Load_FromCr3_TakesFourEntriesAt32Bytes()
    {
        var memory = new SparseMemory();
        for (ulong i = 0; i < 4; i++) memory.WritePhysical(0x1fe0 + (8 * i), (0x1000 * (i + 1)) | (i & 1), 8);

        // CR3 bits 4:0 and 63:32 are ignored.
        var state = new PagingState(ProcessorFeatures.Everything) { Cr3 = 0xffff_0000_0000_1fff };
        Assert.True(ReferencePdptes.TryLoad(ref state, memory));
        Assert.Equal([0x1000, 0x2001, 0x3000, 0x4001], ((ReadOnlySpan<ulong>)state.Pdptes).ToArray());
    }

    [Fact]
    public void Load_EachReservedBit_FaultsOnlyInAPresentEntryAndChangesNothing()
    {
        for (int bit = 1; bit < 64; bit++)
        {
            var memory = new SparseMemory();
            var state = new PagingState(ProcessorFeatures.Everything with { PhysicalAddressBits = 36 }) { Cr3 = 0x1000 };
            state.Pdptes[0] = 0x7001;
            memory.WritePhysical(0x1018, 1UL << bit, 8);
            Assert.True(ReferencePdptes.TryLoad(ref state, memory));

            state.Pdptes[0] = 0x7001;
            memory.WritePhysical(0x1018, 1 | (1UL << bit), 8);
            bool reserved = bit is 1 or 2 or (>= 5 and <= 8) or >= 36;
            Assert.Equal(!reserved, ReferencePdptes.TryLoad(ref state, memory));
            Assert.Equal(reserved ? 0x7001UL : 0, state.Pdptes[0]);
        }
    }

    [Theory]
    [InlineData(Cr0.PgBit, true)]
    [InlineData(Cr0.CdBit, true)]
    [InlineData(Cr0.NwBit, true)]
    [InlineData(Cr0.WpBit, false)]
    [InlineData(Cr0.AmBit, false)]
    public void Cr0Write_OneBitChanged_LoadsThemOrNot(ulong changed, bool loads)
    {
        PagingState after = new TableFixture(PagingMode.Pae).State;
        PagingState before = after;
        before.Cr0 = before.Cr0.Value ^ changed;
        Assert.Equal(loads, ReferencePdptes.LoadedByCr0Write(before, after));
        after.Features = ProcessorFeatures.Everything with { PdptesReadOnDemand = true };
        Assert.False(ReferencePdptes.LoadedByCr0Write(before, after));
    }

    [Theory]
    [InlineData(Cr4.PaeBit, true)]
    [InlineData(Cr4.PgeBit, true)]
    [InlineData(Cr4.PseBit, true)]
    [InlineData(Cr4.SmepBit, true)]
    [InlineData(Cr4.SmapBit, false)]
    [InlineData(Cr4.PkeBit, false)]
    public void Cr4Write_OneBitChanged_LoadsThemOrNot(ulong changed, bool loads)
    {
        PagingState after = new TableFixture(PagingMode.Pae).State;
        PagingState before = after;
        before.Cr4 = before.Cr4.Value ^ changed;
        Assert.Equal(loads, ReferencePdptes.LoadedByCr4Write(before, after));
    }

    [Fact]
    public void Load_OutsidePaePaging_IsNeverAsked()
    {
        PagingState four = new TableFixture(PagingMode.FourLevel).State;
        PagingState two = new TableFixture(PagingMode.TwoLevel).State;
        PagingState pae = new TableFixture(PagingMode.Pae).State;
        Assert.Equal((false, false, true), (ReferencePdptes.LoadedByCr3Write(four), ReferencePdptes.LoadedByCr3Write(two), ReferencePdptes.LoadedByCr3Write(pae)));
    }

    [Fact]
    public void Registers_MemoryEditedAfterwards_KeepTheirValue()
    {
        var tables = new TableFixture(PagingMode.Pae);
        tables[3] = 0;
        Assert.True(tables.Do(Access.Write, Privilege.User).Ok);
        Assert.Equal(0UL, tables[3]);

        tables.State.Pdptes[2] = 0;
        ReferenceAnswer answer = tables.Probe(Access.Write, Privilege.User);
        Assert.Equal((0x06, 3), (answer.Fault!.ErrorCode, answer.Fault.Level));
        Assert.Empty(answer.Entries);
    }

    [Fact]
    public void ReadOnDemand_EveryWalk_SeesMemoryAndSetsNoAccessedFlag()
    {
        var tables = new TableFixture(PagingMode.Pae, ProcessorFeatures.Everything with { PdptesReadOnDemand = true });
        tables.State.Pdptes[2] = 0;
        ReferenceAnswer answer = tables.Do(Access.Write, Privilege.User);
        Assert.Equal([3, 2, 1], answer.Entries.Select(entry => entry.Level));
        Assert.Equal(0x2000 | P, tables[3]);

        tables[3] = 0x2000;
        Assert.Equal((0x06, 3), Fault(tables));
        foreach (ulong reserved in new[] { W, U, A, D, PS, G, XD, 1UL << 52 })
        {
            tables[3] = 0x2000 | P | reserved;
            Assert.Equal((0x0f, 3), Fault(tables));
        }

        static (int, int) Fault(TableFixture tables)
        {
            ReferenceFault fault = tables.Probe(Access.Write, Privilege.User).Fault!;
            return (fault.ErrorCode, fault.Level);
        }
    }
}
