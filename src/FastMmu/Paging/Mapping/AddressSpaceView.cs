using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu.Paging.Mapping;

/// <summary>
/// Reads an address space: which pages are mapped, where and how, by the same reserved bits and rights as translation. Changes nothing.
/// </summary>
/// <remarks>
/// <para>Tables may hold anything. An entry with a reserved bit set maps nothing; a table without memory behind it reads as all ones; a table
/// may refer to itself or be shared. Every step is bounded work, but 2^45 pages can be mapped by one page of memory: passes over pages
/// stream and can be stopped, or take a limit; <see cref="Summarize"/> is always quick.</para>
/// <para>Tables are read while a pass goes on, so a view sees changes, and holds nothing.</para>
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// var frames = new BitmapFrameAllocator(memory);
/// PageMapper space = PageMapper.Create&lt;Paging4Level&gt;(memory, frames);
/// space.Map(0x40_0000, 0x20_0000, 3 * MiB, Rights.UserReadExecute);                   // a page of 2 MiB, 256 of 4 KiB
/// space.Map(0x7fff_f000, 0x1000, 4 * KiB, Rights.UserReadWrite);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// mmu.EnablePaging(space.Root);
/// var view = new AddressSpaceView(memory, mmu.State);
/// Console.WriteLine(view.Mode);                                                       // FourLevel
/// </code></example>
public sealed class AddressSpaceView
{
    private readonly TreeReader _reader;

    /// <summary>Views the address space that a processor is in.</summary>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="state">Its registers, for example <see cref="Mmu.State"/>. In PAE the PDPTE registers count, unless they are read on demand.</param>
    /// <exception cref="ArgumentException">Paging is off.</exception>
    public AddressSpaceView(PhysicalMemory memory, in PagingState state)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _reader = TreeReader.For(memory, in state);
        Mode = state.Mode;
    }

    /// <summary>The paging mode.</summary>
    public PagingMode Mode { get; }

    /// <summary>Everything: all linear addresses there are.</summary>
    private static LinearRange Everywhere => new(0UL, 0);

    /// <summary>Views the address space of a root, on a processor with paging on and everything a kernel would switch on.</summary>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="mode">The paging mode; not <see cref="PagingMode.None"/>.</param>
    /// <param name="root">What CR3 would hold. PAE's four entries are read from memory there.</param>
    /// <param name="features">The processor; null for one with NX, 1-GiB pages, keys and 48-bit physical addresses.</param>
    /// <exception cref="ArgumentException">The processor does not have the mode.</exception>
    /// <example><code>
    /// var other = AddressSpaceView.Open(memory, PagingMode.FourLevel, space.Root);
    /// Console.WriteLine(other.Summarize().MappedBytes);       // 3149824
    /// </code></example>
    public static AddressSpaceView Open(PhysicalMemory memory, PagingMode mode, PhysicalAddress root, ProcessorFeatures? features = null)
    {
        features ??= new ProcessorFeatures { La57 = true };
        return new(memory, PagingState.WithPaging(features with { PdptesReadOnDemand = true }, mode, root));
    }

    /// <summary>The pages that are mapped, by ascending linear address.</summary>
    /// <example><code>
    /// ulong bytes = 0;
    /// foreach (MappedPage page in view.Pages())
    /// {
    ///     if (page.Rights.HasFlag(Rights.Execute)) bytes += page.Size.Bytes();
    /// }
    /// 
    /// Console.WriteLine(bytes);                               // 3145728
    /// </code></example>
    public MappedPages Pages() => new(_reader, Everywhere);

    /// <summary>The pages that touch a range, by ascending linear address.</summary>
    /// <param name="within">The range; those of its addresses that the mode does not have are passed over.</param>
    /// <example><code>
    /// foreach (MappedPage page in view.Pages(new LinearRange(0x5f_f000, 8 * KiB))) Console.WriteLine(page);   // 0000000000400000-00000000005fffff -&gt; 0x200000 2 MiB UserReadExecute
    ///                                                                                                         // 0000000000600000-0000000000600fff -&gt; 0x400000 4 KiB UserReadExecute
    /// </code></example>
    public MappedPages Pages(LinearRange within) => TryClip(ref within) ? new(_reader, within) : default;

    /// <summary>The present entries: tables, leaves and malformed ones.</summary>
    /// <example><code>
    /// foreach (TreeEntry entry in view.Entries())
    /// {
    ///     if (entry.Reading.Level &gt;= 3) Console.WriteLine($"level {entry.Reading.Level}: {entry.Reading}");   // level 4: table 0x4000, writable, user
    ///                                                                                                         // level 3: table 0x3000, writable, user
    ///                                                                                                         // level 3: table 0x6000, writable, user
    /// }
    /// </code></example>
    public TreeEntries Entries() => new(_reader, Everywhere);

    /// <summary>The present entries through which addresses of a range are translated.</summary>
    /// <param name="within">The range; those of its addresses that the mode does not have are passed over.</param>
    /// <example><code>
    /// foreach (TreeEntry entry in view.Entries(new LinearRange(0x40_1000, 1))) Console.WriteLine(entry.Reading);   // table 0x4000, writable, user
    ///                                                                                                              // table 0x3000, writable, user
    ///                                                                                                              // 2 MiB page 0x200000, read-only, user
    /// </code></example>
    public TreeEntries Entries(LinearRange within) => TryClip(ref within) ? new(_reader, within) : default;

    /// <summary>The pages, neighbours that are mapped alike put together.</summary>
    /// <param name="merge">Whether frames must adjoin too.</param>
    /// <param name="within">Only pages that touch this range; null for all.</param>
    /// <param name="pageLimit">After so many pages the last range is given and the pass ends, for tables that cannot be trusted.</param>
    /// <example><code>
    /// foreach (MappedRange range in view.Ranges()) Console.WriteLine($"{range.Range} -&gt; {range.Physical}, {range.Rights}, {range.Pages} pages");   // 0000000000400000-00000000006fffff -&gt; 0x200000, UserReadExecute, 257 pages
    ///                                                                                                                                              // 000000007ffff000-000000007fffffff -&gt; 0x1000, UserReadWrite, 1 pages
    /// </code></example>
    public IEnumerable<MappedRange> Ranges(
        RangeMerge merge = RangeMerge.ContiguousFrames, LinearRange? within = null, long pageLimit = long.MaxValue)
    {
        MappedPages.Enumerator pages = (within is { } range ? Pages(range) : Pages()).GetEnumerator();
        if (pageLimit <= 0 || !pages.MoveNext()) yield break;
        MappedRange open = new(pages.Current);
        for (long count = 1; count < pageLimit && pages.MoveNext(); count++)
        {
            MappedRange next = new(pages.Current);
            if (open.TryExtend(in next, merge, out MappedRange extended))
            {
                open = extended;
                continue;
            }

            yield return open;
            open = next;
        }

        yield return open;
    }

    /// <summary>All linear addresses of a physical one: the way back.</summary>
    /// <param name="address">The physical address.</param>
    /// <param name="pageLimit">After so many pages the pass ends, for tables that cannot be trusted.</param>
    /// <returns>The addresses, ascending. A pass over all pages: for one question. Nothing is kept that could answer more.</returns>
    /// <example><code>
    /// space.Map(0x9000_0000, 0x30_0000, 4 * KiB, Rights.UserRead);
    /// Console.WriteLine(string.Join(", ", view.LinearOf(0x30_0008)));        // 0x500008, 0x90000008
    /// </code></example>
    public IEnumerable<LinearAddress> LinearOf(PhysicalAddress address, long pageLimit = long.MaxValue)
    {
        foreach (MappedRange range in RangesOnto(new PhysicalRange(address, 1), pageLimit)) yield return range.Range.Start;
    }

    /// <summary>All linear ranges that lead into a physical one, with their rights.</summary>
    /// <param name="frames">The physical range.</param>
    /// <param name="pageLimit">After so many pages the last range is given and the pass ends, for tables that cannot be trusted.</param>
    /// <returns>
    /// Each range's part that leads there, ascending; neighbours whose frames adjoin and that are mapped alike are put together. A pass over all pages.
    /// </returns>
    /// <example><code>
    /// foreach (MappedRange range in view.RangesOnto(new PhysicalRange(0x0, 0x20_1000))) Console.WriteLine($"{range.Range} {range.Physical} {range.Rights}");   // 0000000000400000-0000000000400fff 0x200000 UserReadExecute
    ///                                                                                                                                                         // 000000007ffff000-000000007fffffff 0x1000 UserReadWrite
    /// </code></example>
    public IEnumerable<MappedRange> RangesOnto(PhysicalRange frames, long pageLimit = long.MaxValue)
    {
        MappedPages.Enumerator pages = Pages().GetEnumerator();
        MappedRange? open = null;
        for (long count = 0; count < pageLimit && pages.MoveNext(); count++)
        {
            if (!new MappedRange(pages.Current).TryClip(frames, out MappedRange next)) continue;
            if (open is { } running && running.TryExtend(in next, RangeMerge.ContiguousFrames, out MappedRange extended))
            {
                open = extended;
                continue;
            }

            if (open is { } done) yield return done;
            open = next;
        }

        if (open is { } last) yield return last;
    }

    /// <summary>
    /// Counts tables, entries and mapped bytes. Each distinct table is read once for each set of rights that reaches it, however many paths
    /// lead there; pages are counted by paths, exactly.
    /// </summary>
    /// <returns>The counts. Allocates in proportion to the number of tables.</returns>
    /// <example><code>
    /// AddressSpaceSummary summary = view.Summarize();
    /// Console.WriteLine($"{summary.Tables} tables, {summary.Pages(PageSize.Size2M)} + {summary.Pages(PageSize.Size4K)} pages");   // 6 tables, 1 + 257 pages
    /// </code></example>
    public AddressSpaceSummary Summarize() => _reader.Summarize();

    /// <summary>Compares two address spaces, which may be of different modes.</summary>
    /// <param name="before">The first space.</param>
    /// <param name="after">The second space.</param>
    /// <param name="pageLimit">The comparison ends where one side has had so many pages, for tables that cannot be trusted.</param>
    /// <returns>
    /// What differs, by ascending address, coalesced while both sides go on alike. Frames, rights, PAT index and key are compared; page sizes,
    /// A, D and available bits are not, so that splitting a page is no difference.
    /// </returns>
    /// <example><code>
    /// PageMapper copy = PageMapper.Create&lt;Paging4Level&gt;(memory, frames);
    /// copy.Map(0x40_0000, 0x20_0000, 3 * MiB, Rights.UserRead);
    /// foreach (MappingDifference d in AddressSpaceView.Diff(view, copy.View())) Console.WriteLine($"{d.Kind} {d.Range}");   // Changed 0000000000400000-00000000006fffff
    ///                                                                                                                       // Removed 000000007ffff000-000000007fffffff
    /// </code></example>
    public static IEnumerable<MappingDifference> Diff(AddressSpaceView before, AddressSpaceView after, long pageLimit = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        return SpaceComparison.Run(before.Pages(), after.Pages(), pageLimit);
    }

    // Brings the ends of a range to addresses that the mode has; false if there are none in it.
    private bool TryClip(ref LinearRange within)
    {
        if (within.Length == 0) return false;
        ulong first = within.Start.Value;
        // A range that would wrap ends with the address space.
        ulong last = within.Last.Value < first ? ulong.MaxValue : within.Last.Value;
        int width = Mode switch { PagingMode.FourLevel => 48, PagingMode.FiveLevel => 57, _ => 0 };
        if (width == 0)
        {
            if (first > uint.MaxValue) return false;
        }
        else if (!within.Start.IsCanonical(width))
        {
            first = ulong.MaxValue << (width - 1);
            if (first > last) return false;
        }

        within = new(first, unchecked(last - first + 1));
        return true;
    }
}
