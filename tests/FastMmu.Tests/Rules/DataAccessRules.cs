using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>Accesses that cross pages, and alignment checks.</summary>
public sealed class DataAccessRules
{
    private const ulong Crossing = 0x7ffc;

    public static TheoryData<string> Caches => TableMachine.Caches;

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule38_WriteWhoseSecondPageRefuses_ChangesNoByteAndReportsThatPage(string caches)
    {
        using TableMachine machine = TwoPages(caches);
        machine[1, 8] = 0x2_0000 | Bit.P;
        for (int round = 0; round < 2; round++)
        {
            Assert.False(machine.Mmu.TryWrite(Crossing, ulong.MaxValue, out MmuFault fault));
            Assert.Equal(0x8000UL, fault.Address);
            Assert.Equal(0x8000UL, machine.Mmu.Cr2);
            Assert.Equal(Pf.P | Pf.W, fault.ErrorCode);
            Assert.Equal(0u, machine.Memory.Read<uint>(0x1_0ffc));
            Assert.Equal(0u, machine.Memory.Read<uint>(0x2_0000));
            Assert.Equal(0UL, machine[1, 8] & (Bit.A | Bit.D));
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule38_WriteWhoseFirstPageRefuses_ReportsItsOwnFirstByte(string caches)
    {
        using TableMachine machine = TwoPages(caches);
        machine[1, 7] = 0x1_0000 | Bit.P;
        Assert.False(machine.Mmu.TryWrite(0x7ffdUL, ulong.MaxValue, out MmuFault fault));
        Assert.Equal(0x7ffdUL, fault.Address);
        Assert.Equal(0x7ffdUL, machine.Mmu.Cr2);
        Assert.Equal(0UL, machine.Memory.Read<ulong>(0x2_0000));

        // When both refuse, the first is reported.
        machine[1, 7] = 0;
        machine[1, 8] = 0;
        machine.Mmu.InvalidateAll();
        Assert.False(machine.Mmu.TryRead(0x7ffdUL, out ulong _, out fault));
        Assert.Equal("#PF(0) at 0x7ffd: not present at level 1", fault.ToString());
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule38_SpanOverManyPages_IsWrittenWholeOrNotAtAll(string caches)
    {
        using TableMachine machine = TwoPages(caches);
        for (int page = 7; page < 12; page++) machine[1, page] = 0x10_0000 | ((ulong)(20 - page) << 12) | Bit.Pw;
        byte[] bytes = [.. Enumerable.Range(0, 4 * 4096).Select(i => (byte)(i * 7))];
        Assert.True(machine.Mmu.TryWrite(0x7800UL, bytes, out _));
        byte[] back = new byte[bytes.Length];
        Assert.True(machine.Mmu.TryRead(0x7800UL, back, out _));
        Assert.Equal(bytes, back);
        Assert.Equal(bytes[0x800], machine.Memory.Read<byte>(0x10_0000 + (12 << 12)));

        machine[1, 10] = 0;
        machine.Mmu.InvalidatePage(0xa000UL);
        Assert.False(machine.Mmu.TryWrite(0x7800UL, new byte[bytes.Length], out MmuFault fault));
        Assert.Equal(0xa000UL, fault.Address);
        Assert.Equal(bytes[0], machine.Memory.Read<byte>(0x10_0000 + (13 << 12) + 0x800));
        byte[] untouched = [1, 2, 3];
        Assert.False(machine.Mmu.TryRead(0x9fffUL, untouched, out _));
        Assert.Equal([1, 2, 3], untouched);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule38_CrossingReadForUpdate_NeedsBothPagesWritable(string caches)
    {
        using TableMachine machine = TwoPages(caches);
        machine[1, 8] = 0x2_0000 | Bit.P;
        Assert.False(machine.Mmu.TryReadForUpdate(Crossing, out ulong _, out MmuFault fault));
        Assert.Equal("#PF(P|W) at 0x8000: write-protected page", fault.ToString());
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule38_CrossingAccessAfterTheSecondPageMoved_GoesToTheNewPage(string caches)
    {
        using TableMachine machine = TwoPages(caches);
        machine.Memory.Write(0x1_0ffc, 0x1111_1111u);
        machine.Memory.Write(0x2_0000, 0x2222_2222u);
        machine.Memory.Write(0x3_0000, 0x3333_3333u);
        byte[] code = new byte[8];
        Read(0x2222_2222_1111_1111);
        machine[1, 8] = 0x3_0000 | Bit.Pw;
        machine.Mmu.InvalidatePage(0x8000UL);
        Read(0x3333_3333_1111_1111);
        Assert.True(machine.Mmu.TryWrite(Crossing, 0x5555_5555_4444_4444UL, out _));
        Assert.Equal(0x5555_5555u, machine.Memory.Read<uint>(0x3_0000));
        Assert.Equal(0x2222_2222u, machine.Memory.Read<uint>(0x2_0000));

        void Read(ulong expected)
        {
            Assert.True(machine.Mmu.TryRead(Crossing, out ulong value, out _));
            Assert.Equal(expected, value);
            Assert.Equal(8, machine.Mmu.Fetch(Crossing, code, out _));
            Assert.Equal(expected, BitConverter.ToUInt64(code));
        }
    }

    [Fact]
    public void Rule38_CrossingFetch_GivesTheBytesBeforeTheFaultAndItsAddress()
    {
        using TableMachine machine = TwoPages("Zen 4");
        machine[1, 8] = 0x2_0000 | Bit.Pw | Bit.Xd;
        Assert.Equal(4, machine.Mmu.Fetch(Crossing, new byte[15], out MmuFault fault));
        Assert.Equal("#PF(P|I) at 0x8000: execute-disabled page", fault.ToString());

        // Bytes that the instruction does not need raise nothing.
        Assert.Equal(TableMachine.OldCr2, machine.Mmu.Cr2);
        machine.Mmu.RaiseFetchFault(fault);
        Assert.Equal(0x8000UL, machine.Mmu.Cr2);
    }

    [Fact]
    public void Rule38_CrossingBetweenPageSizes_TranslatesBothHalves()
    {
        using var machine = new TableMachine();
        machine[1, 511] = 0x1_0000 | Bit.Pw;
        machine[2, 1] = 0x60_0000 | Bit.Ps | Bit.Pw;
        Assert.True(machine.Mmu.TryWrite(0x1f_fffeUL, 0x4433_2211u, out _));
        Assert.Equal(0x2211, machine.Memory.Read<ushort>(0x1_0ffe));

        // 60_0000 lies beyond this machine's first pages but inside its memory.
        Assert.Equal(0x4433, machine.Memory.Read<ushort>(0x60_0000));
    }

    [Theory]
    [InlineData(3, true, true, true)]
    [InlineData(3, false, true, false)]
    [InlineData(3, true, false, false)]
    [InlineData(0, true, true, false)]
    [InlineData(1, true, true, false)]
    [InlineData(2, true, true, false)]
    public void Rule48_AlignmentCheck_NeedsCpl3AndAmAndAc(int cpl, bool am, bool ac, bool faults)
    {
        using TableMachine machine = AlignmentMachine(am, ac, cpl);
        foreach (ulong linear in (ulong[])[0x7001, 0x7002, 0x7004, Crossing])
        {
            bool aligned8 = linear % 8 == 0;
            Check<ulong>(linear, faults && !aligned8);
            Check<uint>(linear, faults && linear % 4 != 0);
            Check<ushort>(linear, faults && linear % 2 != 0);
            Check<byte>(linear, false);
        }

        void Check<T>(ulong linear, bool refused) where T : unmanaged
        {
            ulong cr2 = machine.Mmu.Cr2;
            bool read = machine.Mmu.TryRead(linear, out T _, out MmuFault onRead);
            bool write = machine.Mmu.TryWrite(linear, default(T), out MmuFault onWrite);
            Assert.Equal(!refused, read);
            Assert.Equal(!refused, write);
            if (!refused) return;
            Assert.Equal("#AC(0): misaligned access", onRead.ToString());
            Assert.Equal("#AC(0): misaligned access", onWrite.ToString());
            Assert.Equal(linear, onWrite.Address);
            Assert.Equal(cr2, machine.Mmu.Cr2);
        }
    }

    [Fact]
    public void Rule48_MisalignedAccessToAnAbsentPage_IsAPageFault()
    {
        using TableMachine machine = AlignmentMachine(am: true, ac: true, cpl: 3);
        machine[1, 8] = 0;
        Assert.False(machine.Mmu.TryRead(0x8001UL, out uint _, out MmuFault first));
        Assert.Equal("#PF(U) at 0x8001: not present at level 1", first.ToString());

        // Also when only the second half is absent.
        Assert.False(machine.Mmu.TryWrite(0x7ffeUL, 0u, out MmuFault second));
        Assert.Equal("#PF(W|U) at 0x8000: not present at level 1", second.ToString());
        Assert.Equal(0x8000UL, machine.Mmu.Cr2);
    }

    [Fact]
    public void Rule48_MisalignedAccessToANonCanonicalAddress_IsGeneralProtection()
    {
        using TableMachine machine = AlignmentMachine(am: true, ac: true, cpl: 3);
        Assert.False(machine.Mmu.TryRead(0x8000_0000_0000_0001UL, out uint _, out MmuFault fault));
        Assert.Equal(ExceptionVector.GeneralProtection, fault.Vector);
    }

    [Fact]
    public void Rule48_MisalignedWrite_ChangesNoByteAndSetsNoDirtyBit()
    {
        using TableMachine machine = AlignmentMachine(am: true, ac: true, cpl: 3);
        Assert.False(machine.Mmu.TryWrite(0x7001UL, uint.MaxValue, out _));
        Assert.Equal(0UL, machine.Memory.Read<ulong>(0x1_0000));
        Assert.Equal(0UL, machine[1, 7] & Bit.D);
    }

    [Fact]
    public void Rule48_FetchesAndTheProcessorsOwnAccesses_AreNotChecked()
    {
        using TableMachine machine = AlignmentMachine(am: true, ac: true, cpl: 3);
        Assert.Equal(4, machine.Mmu.Fetch(0x7001UL, new byte[4], out _));

        // A descriptor table at an odd address: the load is the processor's, not the program's.
        machine.Memory.Write(0x1_0009, 0x00cf_f300_0000_ffffUL);
        machine.Mmu.Segments.Gdtr = new(0x7001, 0xf);
        Assert.True(machine.Mmu.Segments.TryLoad(SegmentRegister.DS, 0xb, out MmuFault fault), fault.ToString());
    }

    [Fact]
    public void Rule48_AlignmentOfALogicalAccess_IsThatOfItsLinearAddress()
    {
        using TableMachine machine = AlignmentMachine(am: true, ac: true, cpl: 3);
        machine.Mmu.Segments[SegmentRegister.DS] = CachedSegment.FromUpperDoubleword(0xb, 0x7002, 0xffff_ffff, 0x00cf_f300);
        Assert.True(machine.Mmu.TryRead(SegmentRegister.DS, 2, out uint _, out MmuFault fault), fault.ToString());
        Assert.False(machine.Mmu.TryRead(SegmentRegister.DS, 4, out uint _, out fault));
        Assert.Equal(ExceptionVector.AlignmentCheck, fault.Vector);
    }

    private static TableMachine TwoPages(string caches)
    {
        var machine = new TableMachine(options: TableMachine.CachedBy(caches));
        machine[1, 7] = 0x1_0000 | Bit.Pw;
        machine[1, 8] = 0x2_0000 | Bit.Pw;
        return machine;
    }

    private static TableMachine AlignmentMachine(bool am, bool ac, int cpl)
    {
        var machine = new TableMachine();
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine[1, 8] = 0x2_0000 | Bit.Pwu;
        ulong cr0 = machine.Mmu.State.Cr0.Value;
        Assert.Equal(MmuFault.None, machine.Mmu.WriteCr0(am ? cr0 | Cr0.AmBit : cr0 & ~Cr0.AmBit));
        machine.Mmu.SetRFlags(ac ? RFlags.AcBit : 0);
        machine.Mmu.SetCpl(cpl);
        return machine;
    }
}
