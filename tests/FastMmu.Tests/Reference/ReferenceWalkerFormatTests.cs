using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;
using FastMmu.Reference;
using Xunit;
using static FastMmu.Tests.Reference.TableFixture;

namespace FastMmu.Tests.Reference;

/// <summary>Indices, page sizes, reserved bits and frames, per mode and level.</summary>
public class ReferenceWalkerFormatTests
{
    public static TheoryData<PagingMode> Modes => [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel];

    [Fact]
    public void NoPaging_LinearAddress_IsTruncatedTo32Bits()
    {
        var tables = new TableFixture(PagingMode.None);
        ReferenceAnswer answer = tables.Probe(0xdead_beef_8000_1234, Access.Write, Privilege.User);
        Assert.Equal(0x8000_1234UL, answer.Physical);
        Assert.Equal(PageSize.None, answer.PageSize);
        Assert.Empty(answer.Entries);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void SmallPage_EveryMode_IsFoundThroughTheIndicesOfTheAddress(PagingMode mode)
    {
        var tables = new TableFixture(mode);
        ReferenceAnswer answer = tables.Probe(Access.Read, Privilege.User);
        Assert.Equal(Frame + Offset, answer.Physical);
        Assert.Equal(PageSize.Size4K, answer.PageSize);
        Assert.Equal(Rights.UserAll, answer.Rights);

        // The PDPTE registers are no memory.
        int[] levels = mode switch
        {
            PagingMode.TwoLevel or PagingMode.Pae => [2, 1],
            PagingMode.FourLevel => [4, 3, 2, 1],
            _ => [5, 4, 3, 2, 1],
        };
        Assert.Equal(levels, answer.Entries.Select(entry => entry.Level));
        Assert.All(answer.Entries, entry => Assert.Equal(tables.AddressOf(entry.Level), entry.Address));
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    public void LinearAddress_OutsideLongMode_IsTruncatedTo32Bits(PagingMode mode)
    {
        var tables = new TableFixture(mode);
        Assert.Equal(Frame + Offset, tables.Probe(tables.Linear | 0xffff_0001_0000_0000, Access.Read, Privilege.User).Physical);
        tables[1] = 0;
        Assert.Equal(tables.Linear, tables.Probe(tables.Linear | 0xffff_0001_0000_0000, Access.Read, Privilege.User).Fault?.Cr2);
    }

    [Fact]
    public void LmeWithoutLma_PaeSet_IsPaePaging()
    {
        var tables = new TableFixture(PagingMode.Pae);
        tables.State.Efer = Efer.LmeBit;
        Assert.Equal(Frame + Offset, tables.Probe(Access.Read, Privilege.User).Physical);
    }

    // Every level and bit on its own: which bits of an entry stop the walk. M is 40.
    public static TheoryData<string, PagingMode, int, ulong, ulong> ReservedBits => new()
    {
        { "2-level PDE", PagingMode.TwoLevel, 2, 0x3007, 0 },
        { "2-level PTE", PagingMode.TwoLevel, 1, 0x9007, 0 },
        { "2-level 4-MiB page", PagingMode.TwoLevel, 2, 0x0087, 1UL << 21 },
        { "PAE PDE", PagingMode.Pae, 2, 0x3007, 0xffff_ff00_0000_0000 },
        { "PAE 2-MiB page", PagingMode.Pae, 2, 0x0087, 0xffff_ff00_001f_e000 },
        { "PAE PTE", PagingMode.Pae, 1, 0x9007, 0xffff_ff00_0000_0000 },
        { "PML5E", PagingMode.FiveLevel, 5, 0x6007, 0x800f_ff00_0000_0080 },
        { "PML4E", PagingMode.FourLevel, 4, 0x5007, 0x800f_ff00_0000_0080 },
        { "PDPTE", PagingMode.FourLevel, 3, 0x2007, 0x800f_ff00_0000_0000 },
        { "1-GiB page", PagingMode.FourLevel, 3, 0x0087, 0x800f_ff00_3fff_e000 },
        { "PDE", PagingMode.FourLevel, 2, 0x3007, 0x800f_ff00_0000_0000 },
        { "2-MiB page", PagingMode.FiveLevel, 2, 0x0087, 0x800f_ff00_001f_e000 },
        { "PTE", PagingMode.FourLevel, 1, 0x9007, 0x800f_ff00_0000_0000 },
    };

    [Theory]
    [MemberData(nameof(ReservedBits))]
    public void ReservedBit_EachBitOfEachEntry_FaultsExactlyWhereTheManualSaysSo(string name, PagingMode mode, int level, ulong entry, ulong reserved)
    {
        var tables = new TableFixture(mode, ProcessorFeatures.Everything with { PhysicalAddressBits = 40 });
        tables.State.Efer = tables.State.Efer.Value & ~Efer.NxeBit;
        if (mode == PagingMode.TwoLevel) tables.State.Cr4 = Cr4.PseBit;
        for (int bit = 1; bit < (mode == PagingMode.TwoLevel ? 32 : 64); bit++)
        {
            // PS makes another entry of it, and has its own row.
            if (bit == 7 && (reserved & PS) == 0) continue;
            tables[level] = entry ^ (1UL << bit);
            ReferenceFault? fault = tables.Probe(Access.Read, Privilege.Supervisor).Fault;
            bool expected = ((reserved >> bit) & 1) != 0;
            Assert.True(expected == (fault?.Reason == FaultReason.ReservedBit), $"{name}: bit {bit}");
            if (expected) Assert.Equal((0b1001, level), (fault!.ErrorCode, fault.Level));
        }
    }

    [Theory]
    [InlineData(32, true, 0x003f_e000)] // no address bits above 31
    [InlineData(36, true, 0x003e_0000)]
    [InlineData(39, true, 0x0030_0000)]
    [InlineData(40, true, 0x0020_0000)]
    [InlineData(52, true, 0x0020_0000)] // PSE-36 ends at 40 bits
    [InlineData(52, false, 0x003f_e000)]
    public void FourMegabytePage_HighAddressBits_AreReservedAboveTheSmallerOf40AndMaxPhyAddr(int width, bool pse36, ulong reserved)
    {
        var tables = new TableFixture(PagingMode.TwoLevel, ProcessorFeatures.Everything with { PhysicalAddressBits = width, Pse36 = pse36 });
        tables.State.Cr4 = Cr4.PseBit;
        for (int bit = 13; bit <= 21; bit++)
        {
            tables[2] = 0x0040_0087 | (1UL << bit);
            ReferenceAnswer answer = tables.Probe(Access.Read, Privilege.User);
            if (((reserved >> bit) & 1) != 0)
            {
                Assert.Equal(0b1101, answer.Fault?.ErrorCode);
            }
            else
            {
                Assert.Equal((1UL << (bit - 13 + 32)) + 0x0040_0000 + (tables.Linear & 0x3f_ffff), answer.Physical);
                Assert.Equal(PageSize.Size4M, answer.PageSize);
            }
        }
    }

    [Fact]
    public void PsInPde_PseClear_IsIgnoredInTwoLevelPagingOnly()
    {
        var tables = new TableFixture(PagingMode.TwoLevel);
        tables[2] |= PS;
        Assert.Equal(PageSize.Size4K, tables.Probe(Access.Read, Privilege.User).PageSize);

        foreach (PagingMode mode in new[] { PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel })
        {
            tables = new TableFixture(mode);
            tables[2] = 0x4020_0087;
            ReferenceAnswer answer = tables.Probe(Access.Read, Privilege.User);
            Assert.Equal(PageSize.Size2M, answer.PageSize);
            Assert.Equal(0x4020_0000 + (tables.Linear & 0x1f_ffff), answer.Physical);
        }
    }

    [Fact]
    public void OneGigabytePage_Absent_PsIsReserved()
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables[3] = 0x4000_0087;
        Assert.Equal(0x4000_0000 + (tables.Linear & 0x3fff_ffff), tables.Probe(Access.Read, Privilege.User).Physical);

        tables.State.Features = ProcessorFeatures.Everything with { OneGigabytePages = false };
        Assert.Equal((0b1101, 3), Fault(tables.Probe(Access.Read, Privilege.User)));
    }

    [Theory]
    [InlineData(NonLeafBit8.Ignored, false, false, false)]
    [InlineData(NonLeafBit8.ReservedInPml4, true, true, false)]
    [InlineData(NonLeafBit8.ReservedInPml4AndPdpt, true, true, true)]
    public void Bit8_AboveTheLeaf_IsReservedAsTheVendorSays(NonLeafBit8 rule, bool inPml5, bool inPml4, bool inPdpt)
    {
        bool[] expected = [false, inPdpt, inPml4, inPml5];
        for (int level = 2; level <= 5; level++)
        {
            var tables = new TableFixture(PagingMode.FiveLevel, ProcessorFeatures.Everything with { NonLeafBit8 = rule });
            tables[level] |= G;
            Assert.Equal(expected[level - 2], !tables.Probe(Access.Read, Privilege.User).Ok);
        }

        // In a leaf it is G.
        var leaf = new TableFixture(PagingMode.FiveLevel, ProcessorFeatures.Everything with { NonLeafBit8 = rule });
        leaf[3] = 0x87 | G;
        Assert.True(leaf.Probe(Access.Read, Privilege.User).Ok);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void PatIndex_SmallAndLargePage_TakesPatFromBit7AndBit12(PagingMode mode)
    {
        var tables = new TableFixture(mode);
        if (mode == PagingMode.TwoLevel) tables.State.Cr4 = Cr4.PseBit;
        for (ulong index = 0; index < 8; index++)
        {
            // PWT is bit 3, PCD bit 4.
            tables[1] = Frame | P | ((index & 3) << 3) | ((index >> 2) << 7);
            Assert.Equal((int)index, tables.Probe(Access.Read, Privilege.Supervisor).PatIndex);
        }

        for (ulong index = 0; index < 8; index++)
        {
            tables[2] = P | PS | ((index & 3) << 3) | ((index >> 2) << 12);
            Assert.Equal((int)index, tables.Probe(Access.Read, Privilege.Supervisor).PatIndex);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Global_GInTheLeaf_CountsOnlyWithPge(PagingMode mode)
    {
        var tables = new TableFixture(mode);
        tables[2] |= G;
        Assert.False(tables.Probe(Access.Read, Privilege.User).IsGlobal);
        tables[1] |= G;
        Assert.False(tables.Probe(Access.Read, Privilege.User).IsGlobal);
        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.PgeBit;
        ReferenceAnswer answer = tables.Probe(Access.Read, Privilege.User);
        Assert.True(answer.IsGlobal && answer.Rights.HasFlag(Rights.Global));
        tables[1] &= ~G;
        Assert.False(tables.Probe(Access.Read, Privilege.User).IsGlobal);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Order_NotPresentAboveReservedBelow_TheHigherEntryDecides(PagingMode mode)
    {
        var tables = new TableFixture(mode, ProcessorFeatures.Everything with { PhysicalAddressBits = 32 });
        tables[2] = 0x3006;
        tables[1] |= mode == PagingMode.TwoLevel ? 0 : 1UL << 51;
        Assert.Equal((0b0110, 2), Fault(tables.Probe(Access.Write, Privilege.User)));

        if (mode == PagingMode.TwoLevel) return;
        tables[2] = 0x3007 | (1UL << 51);
        tables[1] = 0;
        Assert.Equal((0b1111, 2), Fault(tables.Probe(Access.Write, Privilege.User)));

        // Reserved wins over rights in the same entry.
        tables[2] = 0x3007;
        tables[1] = Frame | P | (1UL << 51);
        Assert.Equal((0b1111, 1), Fault(tables.Probe(Access.Write, Privilege.User)));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void TableWithoutMemory_ReadsAllOnes_AndIsJudgedLikeAnyOther(PagingMode mode)
    {
        var tables = new TableFixture(mode) { Memory = new SparseMemory { Top = 0 } };
        ReferenceAnswer answer = tables.Do(Access.Write, Privilege.User);
        if (mode == PagingMode.TwoLevel)
        {
            // All ones is a PDE for a table at 4 GiB − 4 KiB, whose entry maps that very page.
            Assert.Equal(0xffff_f000 + Offset, answer.Physical);
        }
        else
        {
            Assert.Equal(FaultReason.ReservedBit, answer.Fault?.Reason);
        }
    }

    private static (int ErrorCode, int Level) Fault(ReferenceAnswer answer) => (answer.Fault?.ErrorCode ?? -1, answer.Fault?.Level ?? -1);
}
