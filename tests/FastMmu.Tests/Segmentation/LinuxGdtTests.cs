using System.Buffers.Binary;
using System.Globalization;
using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FastMmu.Segmentation.Linux;
using Xunit;

namespace FastMmu.Tests.Segmentation;

public sealed class LinuxGdtTests
{
    [Theory]
    [InlineData(1, "KERNEL32_CS", 0xc09b, 0x00cf9b000000ffffUL, 0x08)]
    [InlineData(2, "KERNEL_CS", 0xa09b, 0x00af9b000000ffffUL, 0x10)]
    [InlineData(3, "KERNEL_DS", 0xc093, 0x00cf93000000ffffUL, 0x18)]
    [InlineData(4, "DEFAULT_USER32_CS", 0xc0fb, 0x00cffb000000ffffUL, 0x23)]
    [InlineData(5, "DEFAULT_USER_DS", 0xc0f3, 0x00cff3000000ffffUL, 0x2b)]
    [InlineData(6, "DEFAULT_USER_CS", 0xa0fb, 0x00affb000000ffffUL, 0x33)]
    public void Amd64_FixedEntries_AreThoseOfTheKernel(int index, string name, int flags, ulong raw, int selector) =>
        AssertEntry(LinuxGdt.Amd64, index, name, flags, raw, selector);

    [Theory]
    [InlineData(12, "KERNEL_CS", 0xc09a, 0x00cf9a000000ffffUL, 0x60)]
    [InlineData(13, "KERNEL_DS", 0xc092, 0x00cf92000000ffffUL, 0x68)]
    [InlineData(14, "DEFAULT_USER_CS", 0xc0fa, 0x00cffa000000ffffUL, 0x73)]
    [InlineData(15, "DEFAULT_USER_DS", 0xc0f2, 0x00cff2000000ffffUL, 0x7b)]
    [InlineData(18, "PNPBIOS_CS32", 0x409a, 0x00409a000000ffffUL, 0x90)]
    [InlineData(19, "PNPBIOS_CS16", 0x009a, 0x00009a000000ffffUL, 0x98)]
    [InlineData(20, "PNPBIOS_DS", 0x0092, 0x000092000000ffffUL, 0xa0)]
    [InlineData(21, "PNPBIOS_TS1", 0x0092, 0x0000920000000000UL, 0xa8)]
    [InlineData(22, "PNPBIOS_TS2", 0x0092, 0x0000920000000000UL, 0xb0)]
    [InlineData(23, "APMBIOS_BASE", 0x409a, 0x00409a000000ffffUL, 0xb8)]
    [InlineData(24, "APMBIOS_BASE+1", 0x009a, 0x00009a000000ffffUL, 0xc0)]
    [InlineData(25, "APMBIOS_BASE+2", 0x4092, 0x004092000000ffffUL, 0xc8)]
    [InlineData(26, "ESPFIX_SS", 0xc092, 0x00cf92000000ffffUL, 0xd0)]
    [InlineData(27, "PERCPU", 0xc092, 0x00cf92000000ffffUL, 0xd8)]
    public void I386_FixedEntries_AreThoseOfTheKernel(int index, string name, int flags, ulong raw, int selector)
    {
        AssertEntry(LinuxGdt.I386Before6_8, index, name, flags, raw, selector);
        // From 6.8 on the accessed bits are set from the start.
        AssertEntry(LinuxGdt.I386, index, name, flags | 1, raw | (1UL << 40), selector);
    }

    [Theory]
    [InlineData("TSS", 0x40, 0x80)]
    [InlineData("LDT", 0x50, 0x88)]
    [InlineData("TLS_MIN", 0x63, 0x33)]
    [InlineData("TLS_MIN+1", 0x6b, 0x3b)]
    [InlineData("TLS_MAX", 0x73, 0x43)]
    [InlineData("CPUNODE", 0x7b, 0xe3)]
    public void DynamicEntries_HaveTheKernelsSelectors(string name, int amd64, int i386)
    {
        Assert.Equal(amd64, LinuxGdt.Amd64[name].Selector.Value);
        Assert.Equal(i386, LinuxGdt.I386[name].Selector.Value);
        Assert.Equal(0xf8, LinuxGdt.I386["DOUBLEFAULT_TSS"].Selector.Value);
    }

    [Fact]
    public void Amd64_WrittenAsOnARunningMachine_IsTheTableOfThatMachine()
    {
        // Debian's 6.1 kernel, processor 0, a process with an LDT of one entry.
        var contents = new LinuxGdtContents
        {
            TssBase = 0xffff_fe00_0000_3000, LdtBase = 0xffff_8800_0000_0000, LdtEntries = 1, CpuNode = new(0, 0),
        };
        AssertTable(LinuxGdt.Amd64, contents, """
            1 00cf9b000000ffff
            2 00af9b000000ffff
            3 00cf93000000ffff
            4 00cffb000000ffff
            5 00cff3000000ffff
            6 00affb000000ffff
            8 00008b0030004087
            9 00000000fffffe00
            10 0000820000000007
            11 00000000ffff8800
            15 0040f50000000000
            """);
    }

    [Fact]
    public void I386_WrittenAsOnARunningMachine_IsTheTableOfThatMachineButForAccessedBits()
    {
        // Debian's 6.1 kernel for 686, processor 0; entries 13, 15 and 27 had been loaded there and their accessed bits are taken away here.
        var contents = new LinuxGdtContents
        {
            TssBase = 0xff40_6000, LdtBase = 0xc1b5_e000, LdtEntries = 1, PerCpuBase = 0x01f9_c000, DoubleFaultTssBase = 0xff40_5f98,
        };
        AssertTable(LinuxGdt.I386Before6_8, contents, """
            12 00cf9a000000ffff
            13 00cf92000000ffff
            14 00cffa000000ffff
            15 00cff2000000ffff
            16 ff008b406000407b
            17 c10082b5e0000007
            18 00409a000000ffff
            19 00009a000000ffff
            20 000092000000ffff
            21 0000920000000000
            22 0000920000000000
            23 00409a000000ffff
            24 00009a000000ffff
            25 004092000000ffff
            26 00cf92000000ffff
            27 018f92f9c000ffff
            31 ff0089405f98407b
            """);
    }

    [Fact]
    public void Table_WrittenAndRecognised_IsItself()
    {
        foreach (LinuxGdt gdt in LinuxGdt.All)
        {
            byte[] table = new byte[gdt.SizeInBytes];
            gdt.Write(table);
            Assert.Same(gdt, LinuxGdt.Recognise(table));
            gdt.Write(table, new LinuxGdtContents { TssBase = 0x1000, PerCpuBase = 0x1234_5000, CpuNode = new(3, 1) });
            Assert.Same(gdt, LinuxGdt.Recognise(table));
            Assert.Null(LinuxGdt.Recognise(table.AsSpan(8)));
        }
    }

    [Fact]
    public void OldI386Table_WithSomeBitsAccessed_IsStillTheOldOne()
    {
        byte[] table = new byte[LinuxGdt.I386.SizeInBytes];
        LinuxGdt.I386Before6_8.Write(table);
        foreach (int index in (int[])[12, 13, 15]) table[(8 * index) + 5] |= 1;
        Assert.Same(LinuxGdt.I386Before6_8, LinuxGdt.Recognise(table));
        table[8 * 14] ^= 1;
        Assert.Null(LinuxGdt.Recognise(table));
    }

    [Fact]
    public void Table_InImage_HasNothingDynamic()
    {
        byte[] table = new byte[128];
        table.AsSpan().Fill(0xcc);
        LinuxGdt.Amd64.Write(table);
        Assert.All(Enumerable.Range(7, 9), index => Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan(8 * index))));
        Assert.Throws<ArgumentException>(() => LinuxGdt.Amd64.Write(new byte[127]));
    }

    [Fact]
    public void ThreadSegments_AreWrittenInOrder()
    {
        SegmentDescriptor Segment(uint at) => GdtEntry.Init(0xc0f3, at, 0xfffff);
        byte[] table = new byte[256];
        LinuxGdt.I386.Write(table, new LinuxGdtContents { Tls = (Segment(0x1000), Segment(0x2000), Segment(0x3000)) });
        IEnumerable<ulong> bases = DescriptorTableEntry.Decode(table, longMode: false).Where(entry => entry.Index is >= 6 and <= 8).Select(entry => entry.Base);
        Assert.Equal([0x1000UL, 0x2000UL, 0x3000UL], bases);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(4095, 255)]
    [InlineData(17, 3)]
    public void CpuNode_ReadWithLsl_IsWhatTheKernelWrote(int cpu, int node)
    {
        var cpuNode = new CpuNode(cpu, node);
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3);
        Selector selector = LinuxGdt.Amd64["CPUNODE"].Selector;
        processor.Put(selector, cpuNode.Descriptor);
        Assert.True(processor.Unit.TryLoadLimit(selector, out uint? limit, out MmuFault fault), fault.ToString());
        Assert.Equal(cpuNode, CpuNode.FromLimit(limit!.Value));
    }

    [Fact]
    public void Amd64_LoadedByAProcessor_RunsUserCode()
    {
        TestProcessor processor = TestProcessor.SixtyFourBit();
        byte[] table = new byte[128];
        LinuxGdt.Amd64.Write(table);
        for (int i = 0; i < 16; i++) processor.Put(Selector.Create(i), BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan(8 * i)));

        Selector code = LinuxGdt.Amd64["DEFAULT_USER_CS"].Selector, data = LinuxGdt.Amd64["DEFAULT_USER_DS"].Selector;
        Assert.True(processor.Unit.TryFarReturn(code, 0x40_1000, data, alwaysLoadsStack: true, out _, out MmuFault fault), fault.ToString());
        Assert.Equal((SegmentationMode.SixtyFourBit, 3), (processor.Unit.Mode, processor.Unit.Cpl));

        Assert.False(processor.Jump(LinuxGdt.Amd64["DEFAULT_USER32_CS"].Selector, 0x40_1000).IsFault);
        Assert.Equal(SegmentationMode.Compatibility, processor.Unit.Mode);
        Assert.False(processor.Load(SegmentRegister.DS, data).IsFault);
        Assert.Equal(FaultReason.SegmentPrivilege, processor.Jump(LinuxGdt.Amd64["KERNEL_CS"].Selector).Reason);
    }

    [Fact]
    public void Entry_UnknownName_Throws() => Assert.Throws<ArgumentException>(() => LinuxGdt.Amd64["STACK_CANARY"]);

    private static void AssertEntry(LinuxGdt gdt, int index, string name, int flags, ulong raw, int selector)
    {
        LinuxGdtEntry entry = gdt[name];
        Assert.Equal(entry, gdt.Entries[index]);
        Assert.Equal((index, (ushort)flags, raw, (ushort)selector), (entry.Index, entry.Flags, entry.Descriptor.Value, entry.Selector.Value));
        Assert.Equal(((ushort)flags, 0u, entry.Limit), GdtEntry.Arguments(raw));
    }

    private static void AssertTable(LinuxGdt gdt, LinuxGdtContents contents, string expected)
    {
        byte[] table = new byte[gdt.SizeInBytes];
        gdt.Write(table, contents);
        IEnumerable<string> slots = Enumerable.Range(0, table.Length / 8)
            .Select(index => (Index: index, Raw: BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan(8 * index))))
            .Where(slot => slot.Raw != 0)
            .Select(slot => string.Create(CultureInfo.InvariantCulture, $"{slot.Index} {slot.Raw:x16}"));
        Assert.Equal(expected.ReplaceLineEndings("\n").Split('\n'), slots);
    }
}
