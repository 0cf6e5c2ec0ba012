using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Tests.Reference;

/// <summary>
/// One path through the paging structures of a mode, from CR3 to a 4-KiB page at 0x9000, every entry present, writable and user, A and D
/// clear; a test changes what it is about.
/// </summary>
internal sealed class TableFixture
{
    public const ulong P = 1, W = 2, U = 4, A = 1 << 5, D = 1 << 6, PS = 1 << 7, G = 1 << 8, XD = 1UL << 63;
    public const ulong Offset = 0xabc;
    public const ulong Frame = 0x9000;

    private readonly int _bytes;
    private readonly Dictionary<int, ulong> _address = [];

    private PagingState _state;

    public TableFixture(PagingMode mode, ProcessorFeatures? features = null)
    {
        Mode = mode;
        _state = new PagingState(features ?? ProcessorFeatures.Everything) { Cr0 = Cr0.PgBit | Cr0.PeBit | Cr0.WpBit };
        _bytes = mode == PagingMode.TwoLevel ? 4 : 8;
        switch (mode)
        {
            case PagingMode.TwoLevel:
                // 31:22 = 0x281, 21:12 = 0x145
                Linear = (0x281UL << 22) | (0x145UL << 12) | Offset;
                _state.Cr3 = 0x2000;
                Put(2, 0x2000 + (4 * 0x281), 0x3000 | P | W | U);
                Put(1, 0x3000 + (4 * 0x145), Frame | P | W | U);
                break;
            case PagingMode.Pae:
                // 31:30 = 2, 29:21 = 0x81, 20:12 = 0x145
                Linear = (2UL << 30) | (0x81UL << 21) | (0x145UL << 12) | Offset;
                _state.Cr3 = 0x1fe0;
                _state.Cr4 = Cr4.PaeBit;
                _state.Pdptes[2] = 0x2000 | P;
                Put(3, 0x1fe0 + (8 * 2), 0x2000 | P);
                Put(2, 0x2000 + (8 * 0x81), 0x3000 | P | W | U);
                Put(1, 0x3000 + (8 * 0x145), Frame | P | W | U);
                break;
            case PagingMode.FourLevel:
            case PagingMode.FiveLevel:
                // 56:48 = 0x33, 47:39 = 0x72, 38:30 = 0x102, 29:21 = 0x81, 20:12 = 0x145
                Linear = (0x72UL << 39) | (0x102UL << 30) | (0x81UL << 21) | (0x145UL << 12) | Offset;
                _state.Cr3 = 0x6000;
                _state.Cr4 = Cr4.PaeBit;
                _state.Efer = Efer.LmeBit | Efer.LmaBit | Efer.NxeBit;
                if (mode == PagingMode.FiveLevel)
                {
                    Linear |= 0x33UL << 48;
                    _state.Cr3 = 0x7000;
                    _state.Cr4 = Cr4.PaeBit | Cr4.La57Bit;
                    Put(5, 0x7000 + (8 * 0x33), 0x6000 | P | W | U);
                }

                Put(4, 0x6000 + (8 * 0x72), 0x5000 | P | W | U);
                Put(3, 0x5000 + (8 * 0x102), 0x2000 | P | W | U);
                Put(2, 0x2000 + (8 * 0x81), 0x3000 | P | W | U);
                Put(1, 0x3000 + (8 * 0x145), Frame | P | W | U);
                break;
            default:
                Linear = 0x1234_5678;
                _state.Cr0 = Cr0.PeBit;
                break;
        }
    }

    public PagingMode Mode { get; }

    public SparseMemory Memory { get; init; } = new();

    public ulong Linear { get; }

    /// <summary>The registers, to be changed in place.</summary>
    public ref PagingState State => ref _state;

    /// <summary>The entry at a level of the path.</summary>
    public ulong this[int level]
    {
        get => Memory.ReadPhysical(_address[level], _bytes);
        set => Memory.WritePhysical(_address[level], value, _bytes);
    }

    public ulong AddressOf(int level) => _address[level];

    public ReferenceAnswer Probe(Access kind, Privilege privilege, bool throughStack = false) => Probe(Linear, kind, privilege, throughStack);

    public ReferenceAnswer Probe(ulong linear, Access kind, Privilege privilege, bool throughStack = false) =>
        ReferenceWalker.Translate(_state, Memory, new ReferenceAccess(linear, kind, privilege, throughStack), updateEntries: false);

    public ReferenceAnswer Do(Access kind, Privilege privilege) =>
        ReferenceWalker.Translate(_state, Memory, new ReferenceAccess(Linear, kind, privilege), updateEntries: true);

    private void Put(int level, ulong address, ulong entry)
    {
        _address[level] = address;
        this[level] = entry;
    }
}
