using System.Buffers.Binary;
using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Tests.Segmentation;

/// <summary>A segmentation unit with a GDT at 1000h, an LDT at 2000h and a TSS at 3000h in a small memory of its own.</summary>
internal sealed class TestProcessor : IDescriptorMemory
{
    internal const ulong GdtBase = 0x1000;
    internal const ulong LdtBase = 0x2000;
    internal const ulong TssBase = 0x3000;

    private readonly byte[] _memory = new byte[0x5000];

    internal TestProcessor(ProcessorFeatures? features = null) => Unit = new(this, features ?? ProcessorFeatures.Zen4);

    internal SegmentationUnit Unit { get; }

    /// <summary>Writes to addresses from here to the end of its page fault.</summary>
    internal ulong? ReadOnlyPage { get; set; }

    internal ulong? AbsentPage { get; set; }

    internal bool Rom { get; set; }

    internal int BitsSet { get; private set; }

    /// <summary>32-bit protected mode with flat segments.</summary>
    internal static TestProcessor Protected(int cpl = 0, ProcessorFeatures? features = null)
    {
        var processor = new TestProcessor(features);
        processor.Enter(Flags(0xc09b, cpl), new PagingState(processor.Unit.Features) { Cr0 = Cr0.PeBit, Cpl = cpl });
        return processor;
    }

    internal static TestProcessor Compatibility(int cpl = 0) => Long(Flags(0xc09b, cpl), cpl, fiveLevel: false);

    internal static TestProcessor SixtyFourBit(int cpl = 0, bool fiveLevel = false) => Long(Flags(0xa09b, cpl), cpl, fiveLevel);

    internal static TestProcessor Virtual8086()
    {
        var processor = new TestProcessor();
        processor.Unit.Update(new PagingState(processor.Unit.Features) { Cr0 = Cr0.PeBit, RFlags = RFlags.VmBit, Cpl = 3 });
        return processor;
    }

    internal static PagingState LongState(ProcessorFeatures features, int cpl, bool fiveLevel) => new(features)
    {
        Cr0 = Cr0.PeBit | Cr0.PgBit,
        Cr4 = Cr4.PaeBit | (fiveLevel ? Cr4.La57Bit : 0),
        Efer = Efer.LmeBit | Efer.LmaBit,
        Cpl = cpl,
    };

    /// <summary>Puts a descriptor into the table that the selector names.</summary>
    internal Selector Put(Selector selector, ulong descriptor)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan(At(selector)), descriptor);
        return selector;
    }

    internal Selector Put(Selector selector, SegmentDescriptor descriptor) => Put(selector, descriptor.Value);

    internal Selector Put(Selector selector, ushort flags, uint segmentBase, uint limit) =>
        Put(selector, GdtEntry.Init(flags, segmentBase, limit));

    internal Selector Put(Selector selector, ulong low, ulong high)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan(At(selector) + 8), high);
        return Put(selector, low);
    }

    internal SegmentDescriptor Get(Selector selector) => BinaryPrimitives.ReadUInt64LittleEndian(_memory.AsSpan(At(selector)));

    internal void Poke(ulong address, ulong value, int bytes)
    {
        for (int i = 0; i < bytes; i++) _memory[(int)address + i] = (byte)(value >> (8 * i));
    }

    internal MmuFault Load(SegmentRegister register, Selector selector)
    {
        bool loaded = Unit.TryLoad(register, selector, out MmuFault fault);
        Xunit.Assert.Equal(loaded, !fault.IsFault);
        return fault;
    }

    internal MmuFault Access(
        SegmentRegister register, ulong offset, int size = 1, Access access = FastMmu.Processor.Access.Read)
    {
        bool allowed = Unit.TryToLinear(register, offset, size, access, out _, out MmuFault fault);
        Xunit.Assert.Equal(allowed, !fault.IsFault);
        return fault;
    }

    internal ulong Linear(SegmentRegister register, ulong offset, int size = 1, Access access = FastMmu.Processor.Access.Read)
    {
        Xunit.Assert.True(Unit.TryToLinear(register, offset, size, access, out ulong linear, out MmuFault fault), fault.ToString());
        return linear;
    }

    internal MmuFault Jump(Selector selector, ulong offset = 0)
    {
        Unit.TryFarJump(selector, offset, out _, out MmuFault fault);
        return fault;
    }

    public bool TryRead64(LinearAddress address, out ulong value, out MmuFault fault)
    {
        value = 0;
        if (Faults(address, AbsentPage, PageFaultError.None, out fault)) return false;
        value = BinaryPrimitives.ReadUInt64LittleEndian(_memory.AsSpan((int)address.Value));
        return true;
    }

    public bool TrySetBits(LinearAddress address, byte bits, out MmuFault fault)
    {
        if (Faults(address, AbsentPage, PageFaultError.Write, out fault)) return false;
        if (Faults(address, ReadOnlyPage, PageFaultError.Write | PageFaultError.Present, out fault)) return false;
        BitsSet++;
        if (!Rom) _memory[(int)address.Value] |= bits;
        return true;
    }

    private static bool Faults(LinearAddress address, ulong? page, PageFaultError error, out MmuFault fault)
    {
        bool hit = page == address.Value >> 12 << 12;
        fault = hit ? MmuFault.PageFault(error, address.Value, FaultReason.NotPresent) : default;
        return hit;
    }

    private static ushort Flags(ushort flags, int dpl) => (ushort)(flags | (dpl << SegmentAttributes.DplShift));

    private static TestProcessor Long(ushort code, int cpl, bool fiveLevel)
    {
        var processor = new TestProcessor();
        processor.Enter(code, LongState(processor.Unit.Features, cpl, fiveLevel));
        return processor;
    }

    private void Enter(ushort code, in PagingState state)
    {
        Unit.Gdtr = new(GdtBase, 0x1ff);
        Unit.Ldtr = new(0x50, LdtBase, 0xff, 0x82);
        Unit.Tr = new(0x40, TssBase, 0x67, 0x8b);
        ushort data = (ushort)((code & 0x60) | 0xc093);
        Selector selector = Selector.Create(1, state.Cpl);
        foreach (SegmentRegister register in Enum.GetValues<SegmentRegister>()) Unit[register] = new(selector, 0, uint.MaxValue, data);
        Unit[SegmentRegister.CS] = new(selector, 0, uint.MaxValue, code);
        Unit.Update(state);
    }

    private static int At(Selector selector) => (int)((selector.Local ? LdtBase : GdtBase) + selector.TableOffset);
}
