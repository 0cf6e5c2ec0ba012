using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>Guest memory with one address space in it: pages from <see cref="FirstLinear"/> on, at the same distance from physical 0.</summary>
internal sealed class Guest : IDisposable
{
    /// <summary>Where the mapped pages start. Below 4 GiB, so that every mode has it.</summary>
    public const ulong FirstLinear = 0x4000_0000;

    private static readonly PageAttributes Used = new(Rights.UserAll) { Accessed = true, Dirty = true };

    /// <summary>Maps pages of one size.</summary>
    /// <param name="pages">How many.</param>
    /// <param name="size">Of which size.</param>
    /// <param name="mode">In which mode.</param>
    public Guest(ulong pages, PageSize size = PageSize.Size4K, PagingMode mode = PagingMode.FourLevel)
    {
        ulong data = (Math.Max(pages * size.Bytes(), 16 * ByteSize.MiB) + (4 * ByteSize.MiB) - 1) & ~((4 * ByteSize.MiB) - 1);
        ulong tables = 64 * ByteSize.MiB;
        Memory = PhysicalMemory.Create(data + tables);
        Frames = new BitmapFrameAllocator(Memory, new PhysicalRange(data, tables));
        Mode = mode;
        Space = CreateSpace(size);
        Map(Space, pages * size.Bytes());
    }

    public PhysicalMemory Memory { get; }

    public BitmapFrameAllocator Frames { get; }

    public PagingMode Mode { get; }

    public PageMapper Space { get; }

    /// <summary>Another address space with the same pages.</summary>
    public PageMapper CreateSpace(ulong pages)
    {
        PageMapper space = CreateSpace(PageSize.Size4K);
        Map(space, pages * PageSize.Size4K.Bytes());
        return space;
    }

    /// <summary>A virtual CPU in the address space, at CPL 3.</summary>
    public Mmu CreateMmu(MmuOptions? options = null)
    {
        var mmu = new Mmu(Memory, ProcessorFeatures.Zen4, options);
        MmuFault fault = mmu.EnablePaging(Space.Root, Mode);
        if (fault.IsFault) throw new InvalidOperationException(fault.ToString());
        mmu.SetCpl(3);
        return mmu;
    }

    /// <summary>Addresses in random pages; the same ones each time.</summary>
    public static ulong[] RandomAddresses(ulong pages, int count)
    {
        var random = new Random(1);
        var addresses = new ulong[count];
        // The last bytes of a page are left out, so that an access of up to 64 bytes stays within it.
        for (int i = 0; i < count; i++) addresses[i] = FirstLinear + ((ulong)random.NextInt64((long)pages) << 12) + (ulong)random.Next(4096 - 64);
        return addresses;
    }

    public void Dispose() => Memory.Dispose();

    private PageMapper CreateSpace(PageSize largest)
    {
        PageMapper space = PageMapper.Create(Mode, Memory, Frames, ProcessorFeatures.Zen4);
        space.LargestPage = largest;
        return space;
    }

    private static void Map(PageMapper space, ulong length)
    {
        MapOutcome outcome = space.Map(FirstLinear, 0UL, length, Used);
        if (!outcome.Ok) throw new InvalidOperationException(outcome.ToString());
    }
}
