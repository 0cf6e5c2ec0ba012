using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;

namespace FastMmu.Cli.Replay;

/// <summary>
/// A machine with four-level page tables made for a trace, page by page as it touches them. Nothing is read or written in the pages
/// themselves, so that they share a small memory and cost the host nothing.
/// </summary>
internal sealed class TraceGuest : IDisposable
{
    // Address space of the host, not memory: tables are touched as they are made.
    private const ulong TableBytes = 8 * ByteSize.GiB;
    private const ulong DataBytes = 8 * ByteSize.GiB;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(TableBytes + DataBytes);
    private readonly BumpFrameAllocator _frames;
    private readonly PageMapper _space;
    private readonly PageSize _size;
    private ulong _next;

    /// <param name="size">The size of the pages.</param>
    public TraceGuest(PageSize size)
    {
        _size = size;
        _frames = new BumpFrameAllocator(_memory, new PhysicalRange(0UL, TableBytes));
        _space = PageMapper.Create<Paging4Level>(_memory, _frames, ProcessorFeatures.Zen4);
    }

    /// <summary>Bytes of page tables.</summary>
    public long TableUse => _frames.UsedFrames * 4096;

    /// <summary>Maps the page of an address, if it has none and the address is canonical.</summary>
    /// <exception cref="InputException">There is no room for more page tables.</exception>
    public void Map(ulong linear)
    {
        ulong page = linear & ~(_size.Bytes() - 1);
        MapOutcome outcome = _space.Map(page, TableBytes + _next, _size.Bytes(), Rights.UserAll);
        if (outcome.Result == MapResult.OutOfFrames) throw new InputException($"the trace needs more than {TableBytes >> 30} GiB of page tables");
        if (outcome.Ok) _next = (_next + _size.Bytes()) % DataBytes;
    }

    /// <summary>A virtual CPU over the tables, in a user program.</summary>
    public Mmu CreateMmu(MmuOptions options)
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4, options);
        MmuFault fault = mmu.EnablePaging(_space.Root);
        if (fault.IsFault) throw new InvalidOperationException(fault.ToString());
        mmu.SetCpl(3);
        return mmu;
    }

    public void Dispose() => _memory.Dispose();
}
