using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.NativeCompare;

/// <summary>Page tables in guest memory and the addresses to translate through them; the same bytes for every side.</summary>
internal sealed unsafe class Workload : IDisposable
{
    private const ulong FrameBytes = 4096;
    private const int ExtentsAtMost = 1 << 16;

    // A and D are set from the start, so that no side has anything to write into the tables.
    private static readonly PageAttributes Leaf = new(Rights.UserAll) { Accessed = true, Dirty = true };

    private readonly PhysicalMemory _memory;

    /// <summary>Consecutive pages from <see cref="FirstLinear"/> on, in physical memory in another order.</summary>
    /// <param name="name">The name in the table.</param>
    /// <param name="pages">How many; a power of two.</param>
    /// <param name="size">Of which size.</param>
    /// <param name="unmappedOneIn">Every so manieth page is not mapped; 0 for none.</param>
    /// <param name="addresses">What to translate.</param>
    public Workload(string name, ulong pages, PageSize size, ulong unmappedOneIn, ulong[] addresses)
        : this(name, addresses, size, pages * size.Bytes())
    {
        LinearRanges = [(FirstLinear, pages * size.Bytes())];
        HasFaults = unmappedOneIn != 0;
        // Large spaces are mapped in pieces of several pages: with one call a page, building them would take longer than measuring.
        ulong perPiece = Math.Max(1, pages / ExtentsAtMost);
        ulong pieces = pages / perPiece;
        ulong pieceBytes = perPiece * size.Bytes();
        for (ulong piece = 0; piece < pieces; piece++)
        {
            if (HasFaults && piece % unmappedOneIn == unmappedOneIn / 2) continue;
            // An odd multiplier permutes the numbers below a power of two.
            ulong place = (piece * 0x9e37_79b1) & (pieces - 1);
            Map(FirstLinear + (piece * pieceBytes), place * pieceBytes, pieceBytes);
        }

        Finish();
    }

    /// <summary>Exactly the pages that the addresses touch, in the order in which they touch them.</summary>
    /// <param name="name">The name in the table.</param>
    /// <param name="addresses">What to translate.</param>
    public Workload(string name, ulong[] addresses)
        : this(name, addresses, PageSize.Size4K, 16 * ByteSize.MiB)
    {
        var touched = new HashSet<ulong>();
        foreach (ulong address in addresses)
        {
            ulong page = address & ~(FrameBytes - 1);
            if (touched.Add(page)) Map(page, (ulong)touched.Count * FrameBytes, FrameBytes);
        }

        LinearRanges = [.. touched.Order().Select(page => (page, FrameBytes))];

        Finish();
    }

    private Workload(string name, ulong[] addresses, PageSize size, ulong dataBytes)
    {
        Name = name;
        Addresses = addresses;
        PageShift = size.Shift();
        // Tables behind the data: 8 bytes a page, their upper levels and room for a sparse trace.
        ulong tables = (dataBytes / size.Bytes() * 9) + (16 * ByteSize.MiB);
        tables = (tables + (2 * ByteSize.MiB) - 1) & ~((2 * ByteSize.MiB) - 1);
        _memory = PhysicalMemory.Create(dataBytes + tables);
        Space = PageMapper.Create<Paging4Level>(_memory, new BumpFrameAllocator(_memory, new PhysicalRange(dataBytes, tables)), ProcessorFeatures.Zen4);
        Space.LargestPage = size;
        LeafEntryBytes = dataBytes / size.Bytes() * 8;
    }

    public static ulong FirstLinear => 64 * ByteSize.GiB;

    /// <summary>The name in the table.</summary>
    public string Name { get; }

    /// <summary>What to translate. Every side sees all of it in this order, in batches.</summary>
    public ulong[] Addresses { get; }

    /// <summary>Base-two logarithm of the size of the pages.</summary>
    public int PageShift { get; }

    /// <summary>How many bytes all leaf entries have together.</summary>
    public ulong LeafEntryBytes { get; }

    /// <summary>The leaf entries of consecutive pages from <see cref="FirstLinear"/> on; a few tables of upper levels lie between them.</summary>
    public ulong* LeafEntries { get; private set; }

    /// <summary>The addresses that may be translated: start and bytes of each stretch, in multiples of 4 KiB.</summary>
    public IReadOnlyList<(ulong Start, ulong Length)> LinearRanges { get; private set; } = [];

    /// <summary>Whether some of the addresses are not mapped.</summary>
    public bool HasFaults { get; }

    /// <summary>The tables.</summary>
    public PageMapper Space { get; }

    /// <summary>Guest memory as the C++ sides see it.</summary>
    public NativeMachine Machine => new() { Memory = HostAddress(0), Bytes = _memory.End, Root = Space.Root.Value };

    /// <summary>A virtual CPU on the tables, as a fresh one would start.</summary>
    public Mmu CreateMmu()
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        MmuFault fault = mmu.EnablePaging(Space.Root);
        return fault.IsFault ? throw new InvalidOperationException($"Paging cannot be enabled: {fault}.") : mmu;
    }

    /// <summary>Maps a stretch for a side's own use, beside what is translated. RAM need not be there.</summary>
    public void Map(ulong linear, ulong physical, ulong length)
    {
        MapOutcome outcome = Space.Map(linear, physical, length, Leaf);
        if (!outcome.Ok) throw new InvalidOperationException($"{Name}: 0x{linear:x} cannot be mapped: {outcome}.");
    }

    public void Dispose() => _memory.Dispose();

    private void Finish()
    {
        using Mmu mmu = CreateMmu();
        mmu.Probe(Addresses.Min(), Access.Read, Privilege.User, out WalkPath path);
        LeafEntries = (ulong*)HostAddress(path[path.Count - 1].EntryAddress & ~(FrameBytes - 1));
    }

    // Memory below 1 TiB lies at one host address plus the physical address.
    private byte* HostAddress(ulong physical) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_memory.Span(physical, 1)));
}
