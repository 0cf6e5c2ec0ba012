using System.Buffers.Binary;
using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Recorded;

/// <summary>A GDT and an LDT at fixed linear addresses, all zero but for the descriptor of the row. Reading them never faults.</summary>
internal sealed class DescriptorTables : IDescriptorMemory
{
    /// <summary>Linear address of the GDT.</summary>
    public const ulong GdtBase = 0x10_0000;

    /// <summary>Linear address of the LDT.</summary>
    public const ulong LdtBase = 0x20_0000;

    // The largest limit, and room for a read at the last byte.
    private const int TableBytes = 0x1_0000 + 8;
    private readonly byte[] _gdt = new byte[TableBytes];
    private readonly byte[] _ldt = new byte[TableBytes];

    /// <summary>The descriptor that a selector names, whether or not it lies inside the table's limit.</summary>
    /// <param name="selector">The selector.</param>
    public ulong this[Selector selector]
    {
        get => BinaryPrimitives.ReadUInt64LittleEndian(At(selector));
        set => BinaryPrimitives.WriteUInt64LittleEndian(At(selector), value);
    }

    public bool TryRead64(LinearAddress address, out ulong value, out MmuFault fault)
    {
        fault = MmuFault.None;
        value = BinaryPrimitives.ReadUInt64LittleEndian(At(address.Value));
        return true;
    }

    public bool TrySetBits(LinearAddress address, byte bits, out MmuFault fault)
    {
        fault = MmuFault.None;
        At(address.Value)[0] |= bits;
        return true;
    }

    private Span<byte> At(Selector selector) => (selector.Local ? _ldt : _gdt).AsSpan((int)selector.TableOffset);

    private Span<byte> At(ulong address) => address >= LdtBase ? _ldt.AsSpan((int)(address - LdtBase)) : _gdt.AsSpan((int)(address - GdtBase));
}
