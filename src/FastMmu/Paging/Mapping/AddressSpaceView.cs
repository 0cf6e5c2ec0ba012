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
    public static AddressSpaceView Open(PhysicalMemory memory, PagingMode mode, PhysicalAddress root, ProcessorFeatures? features = null)
    {
        features ??= new ProcessorFeatures { La57 = true };
        return new(memory, PagingState.WithPaging(features with { PdptesReadOnDemand = true }, mode, root));
    }

    /// <summary>The pages that are mapped, by ascending linear address.</summary>
    public MappedPages Pages() => new(_reader, Everywhere);

    /// <summary>The pages that touch a range, by ascending linear address.</summary>
    /// <param name="within">The range; those of its addresses that the mode does not have are passed over.</param>
    public MappedPages Pages(LinearRange within) => TryClip(ref within) ? new(_reader, within) : default;

    /// <summary>The present entries: tables, leaves and malformed ones.</summary>
    public TreeEntries Entries() => new(_reader, Everywhere);

    /// <summary>The present entries through which addresses of a range are translated.</summary>
    /// <param name="within">The range; those of its addresses that the mode does not have are passed over.</param>
    public TreeEntries Entries(LinearRange within) => TryClip(ref within) ? new(_reader, within) : default;

    /// <summary>The pages, neighbours that are mapped alike put together.</summary>
    /// <param name="merge">Whether frames must adjoin too.</param>
    /// <param name="within">Only pages that touch this range; null for all.</param>
    /// <param name="pageLimit">After so many pages the last range is given and the pass ends, for tables that cannot be trusted.</param>
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

    /// <summary>
    /// Counts tables, entries and mapped bytes. Each distinct table is read once for each set of rights that reaches it, however many paths
    /// lead there; pages are counted by paths, exactly.
    /// </summary>
    /// <returns>The counts. Allocates in proportion to the number of tables.</returns>
    public AddressSpaceSummary Summarize() => _reader.Summarize();

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
