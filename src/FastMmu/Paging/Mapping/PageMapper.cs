using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Modes;
using FastMmu.Processor;

namespace FastMmu.Paging.Mapping;

/// <summary>
/// Builds and changes the page tables of one address space in guest memory: what an operating system's mapping layer does.
/// </summary>
/// <remarks>
/// <para>Every operation is all or nothing: it looks first, takes the frames it needs, and only then writes. Ranges are multiples of
/// 4 KiB; a range of no bytes is <see cref="MapResult.Done"/>. Misaligned numbers are the caller's mistake and throw; whatever depends on
/// the tables or the processor is a <see cref="MapResult"/>.</para>
/// <para>Entries above a leaf are made permissive (W, and U once a user page lies below), so that the leaf decides. Where tables made by
/// somebody else are narrower, the restriction is moved down to the entries below first: no other page changes its rights.</para>
/// <para>Entries that are not present belong to software (swap entries and the like): mapping overwrites those it needs, unmapping leaves
/// them, and only a table of zeros is freed.</para>
/// <para>Not thread-safe. Virtual CPUs may translate meanwhile: entries change atomically and the A and D bits they set are kept; a table
/// that <see cref="Unmap"/> freed must not be reused before they have invalidated. Mapping writes whole tables in one loop and allocates
/// nothing on the host.</para>
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// var frames = new BitmapFrameAllocator(memory);
/// PageMapper space = PageMapper.Create&lt;Paging4Level&gt;(memory, frames);
/// space.Map(linear: 0x7f00_0000_0000, physical: 0x20_0000, length: 4 * MiB, Rights.UserReadWrite);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// mmu.EnablePaging(space.Root);
/// Console.WriteLine(mmu.Probe(0x7f00_0000_1234));                                     // 0x201234 (2 MiB page, user, writable)
/// </code></example>
public abstract class PageMapper
{
    private protected PageMapper(PhysicalMemory memory, IFrameAllocator frames, ProcessorFeatures features)
    {
        Memory = memory;
        Frames = frames;
        Features = features;
    }

    /// <summary>Where the tables are.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>Where tables come from and go to.</summary>
    public IFrameAllocator Frames { get; }

    /// <summary>The processor for which entries are made.</summary>
    public ProcessorFeatures Features { get; }

    /// <summary>The paging mode of the tables.</summary>
    public abstract PagingMode Mode { get; }

    /// <summary>What goes into CR3: the top table, or PAE's page-directory-pointer table.</summary>
    public PhysicalAddress Root { get; private protected init; }

    /// <summary>The largest page that <see cref="Map"/> may use; alignment and processor limit it further. 1 GiB unless changed.</summary>
    public PageSize LargestPage { get; set; } = PageSize.Size1G;

    /// <summary>Makes an empty address space.</summary>
    /// <typeparam name="TMode">The paging mode.</typeparam>
    /// <param name="memory">Where the tables will be.</param>
    /// <param name="frames">Where they come from; must hand out RAM of <paramref name="memory"/>.</param>
    /// <param name="features">The processor for which entries are made; null for one with NX, 1-GiB pages, keys and 48-bit physical addresses.</param>
    /// <exception cref="ArgumentException">The processor does not have the mode.</exception>
    /// <exception cref="InsufficientMemoryException">There is no frame for the root, which in 32-bit modes must lie below 4 GiB.</exception>
    /// <remarks>PAE gets all four page directories at once, since a processor reads the four entries above them only with CR3.</remarks>
    /// <example><code>
    /// PageMapper other = PageMapper.Create&lt;PagingPae&gt;(memory, frames, ProcessorFeatures.Pentium4);
    /// Console.WriteLine(other.Mode);                                                      // Pae
    /// </code></example>
    public static PageMapper Create<TMode>(PhysicalMemory memory, IFrameAllocator frames, ProcessorFeatures? features = null)
        where TMode : struct, IPagingMode => ModeMapper<TMode>.Create(memory, frames, Checked(TMode.Mode, features));

    /// <summary>Makes an empty address space of a mode known at run time.</summary>
    /// <param name="mode">The paging mode; not <see cref="PagingMode.None"/>.</param>
    /// <param name="memory">Where the tables will be.</param>
    /// <param name="frames">Where they come from; must hand out RAM of <paramref name="memory"/>.</param>
    /// <param name="features">The processor for which entries are made; null for a modern one.</param>
    /// <exception cref="ArgumentException">The processor does not have the mode.</exception>
    /// <exception cref="InsufficientMemoryException">There is no frame for the root.</exception>
    /// <example><code>
    /// PageMapper other = PageMapper.Create(mmu.Mode, memory, frames, mmu.Features);
    /// Console.WriteLine(other.View().Pages().GetEnumerator().MoveNext());                 // False
    /// </code></example>
    public static PageMapper Create(PagingMode mode, PhysicalMemory memory, IFrameAllocator frames, ProcessorFeatures? features = null) => mode switch
    {
        PagingMode.TwoLevel => Create<Paging2Level>(memory, frames, features),
        PagingMode.Pae => Create<PagingPae>(memory, frames, features),
        PagingMode.FourLevel => Create<Paging4Level>(memory, frames, features),
        PagingMode.FiveLevel => Create<Paging5Level>(memory, frames, features),
        _ => throw new ArgumentException("Without paging there are no tables.", nameof(mode)),
    };

    /// <summary>Works on tables that exist.</summary>
    /// <typeparam name="TMode">The paging mode.</typeparam>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="frames">Where new tables come from. Tables that it does not own are never freed.</param>
    /// <param name="root">The top table: a multiple of 4 KiB, in PAE of 32 bytes.</param>
    /// <param name="features">The processor for which entries are made and read; null for a modern one.</param>
    /// <exception cref="ArgumentException">The processor does not have the mode, or the root is misaligned.</exception>
    /// <remarks>
    /// Tables are taken as a tree: one that is reached by two paths changes for both. In PAE a page-directory-pointer-table entry that
    /// <see cref="Map"/> has to make takes effect when CR3 is next written.
    /// </remarks>
    /// <example><code>
    /// PageMapper same = PageMapper.Open&lt;Paging4Level&gt;(memory, frames, mmu.State.Cr3.LongModeRoot);
    /// Console.WriteLine(same.Map(0x7f00_0020_0000, 0x1000, 4 * KiB, Rights.UserRead));    // AlreadyMapped
    /// </code></example>
    public static PageMapper Open<TMode>(PhysicalMemory memory, IFrameAllocator frames, PhysicalAddress root, ProcessorFeatures? features = null)
        where TMode : struct, IPagingMode => ModeMapper<TMode>.Open(memory, frames, root, Checked(TMode.Mode, features));

    /// <summary>Maps a range to consecutive physical addresses, with the largest pages that fit.</summary>
    /// <param name="linear">First address; a multiple of 4 KiB.</param>
    /// <param name="physical">Where it goes; a multiple of 4 KiB. RAM need not be there.</param>
    /// <param name="length">Bytes; a multiple of 4 KiB.</param>
    /// <param name="attributes">Rights, or rights with memory type, key and preset A and D.</param>
    /// <returns>
    /// <see cref="MapResult.AlreadyMapped"/>, <see cref="MapResult.OutOfFrames"/>, <see cref="MapResult.NotCanonical"/>,
    /// <see cref="MapResult.PhysicalTooHigh"/> or <see cref="MapResult.MalformedTable"/> if nothing was done. There is nothing to invalidate.
    /// </returns>
    /// <exception cref="ArgumentException">A number is not a multiple of 4 KiB.</exception>
    /// <example><code>
    /// Console.WriteLine(space.Map(0x40_0000, 0x80_0000, 12 * KiB, Rights.UserReadExecute));          // Done, 12288 bytes
    /// Console.WriteLine(mmu.Probe(0x40_2010));                                                       // 0x802010 (4 KiB page, user, read-only, executable)
    /// var device = new PageAttributes(Rights.SupervisorReadWrite) { PatIndex = 3 };
    /// Console.WriteLine(space.Map(0xffff_8000_0000_0000, 0xfee0_0000, 4 * KiB, device));             // Done, 4096 bytes
    /// Console.WriteLine(space.Map(0x8000_0000_0000, 0, 4 * KiB, Rights.UserRead));                   // NotCanonical
    /// </code></example>
    public abstract MapOutcome Map(LinearAddress linear, PhysicalAddress physical, ulong length, PageAttributes attributes);

    /// <summary>Removes whatever is mapped in a range; large pages that reach beyond it are split. Tables left without an entry are freed.</summary>
    /// <param name="linear">First address; a multiple of 4 KiB.</param>
    /// <param name="length">Bytes; a multiple of 4 KiB.</param>
    /// <returns>Any result but <see cref="MapResult.AlreadyMapped"/>; frames may be needed for splits.</returns>
    /// <exception cref="ArgumentException">A number is not a multiple of 4 KiB.</exception>
    /// <example><code>
    /// MapOutcome outcome = space.Unmap(0x7f00_0010_0000, 8 * KiB);
    /// Console.WriteLine(outcome.Invalidate);              // 00007f0000100000-00007f0000101fff
    /// for (ulong at = 0; at &lt; outcome.Invalidate.Length; at += 4096) mmu.InvalidatePage(outcome.Invalidate.Start + at);
    /// Console.WriteLine(mmu.Probe(0x7f00_0010_0000));     // #PF(0) at 0x7f0000100000: not present at level 1
    /// Console.WriteLine(mmu.Probe(0x7f00_0010_2000));     // 0x302000 (4 KiB page, user, writable)
    /// </code></example>
    public abstract MapOutcome Unmap(LinearAddress linear, ulong length);

    /// <summary>
    /// Gives whatever is mapped in a range other rights (and G). Memory type, key, A, D and available bits stay; large pages that reach
    /// beyond the range are split.
    /// </summary>
    /// <param name="linear">First address; a multiple of 4 KiB.</param>
    /// <param name="length">Bytes; a multiple of 4 KiB.</param>
    /// <param name="rights">The new rights. With CR4.CET=1 a dirty page made read-only is a shadow-stack page; <see cref="SetAttributes"/> clears D.</param>
    /// <returns>Any result but <see cref="MapResult.AlreadyMapped"/>; frames may be needed for splits.</returns>
    /// <exception cref="ArgumentException">A number is not a multiple of 4 KiB, or no entry can say these rights.</exception>
    /// <example><code>
    /// Console.WriteLine(space.Protect(0x7f00_0000_0000, 2 * MiB, Rights.UserRead));       // Done, 2097152 bytes
    /// Console.WriteLine(mmu.Probe(0x7f00_0000_1234));                                     // 0x201234 (2 MiB page, user, read-only)
    /// </code></example>
    public abstract MapOutcome Protect(LinearAddress linear, ulong length, Rights rights);

    /// <summary>
    /// Gives whatever is mapped in a range other attributes, all of them, A and D included. Available bits stay; large pages that reach
    /// beyond the range are split.
    /// </summary>
    /// <param name="linear">First address; a multiple of 4 KiB.</param>
    /// <param name="length">Bytes; a multiple of 4 KiB.</param>
    /// <param name="attributes">The new attributes.</param>
    /// <returns>Any result but <see cref="MapResult.AlreadyMapped"/>; frames may be needed for splits.</returns>
    /// <exception cref="ArgumentException">A number is not a multiple of 4 KiB.</exception>
    /// <example><code>
    /// space.SetAttributes(0x7f00_0000_0000, 2 * MiB, new PageAttributes(Rights.UserRead) { PatIndex = 5, ProtectionKey = 2 });
    /// Console.WriteLine(mmu.Probe(0x7f00_0000_1234).PatIndex);                            // 5
    /// </code></example>
    public abstract MapOutcome SetAttributes(LinearAddress linear, ulong length, PageAttributes attributes);

    /// <summary>
    /// Makes the pages that touch a range no larger than a size. Every address translates as before, with the same rights, memory type,
    /// key, A and D. Of a 1-GiB page only the 2-MiB parts that touch the range are split further.
    /// </summary>
    /// <param name="linear">First address; a multiple of 4 KiB.</param>
    /// <param name="length">Bytes; a multiple of 4 KiB.</param>
    /// <param name="largest">The largest size that may remain.</param>
    /// <returns>Any result but <see cref="MapResult.AlreadyMapped"/>. Bytes and range of the outcome are those of the pages split.</returns>
    /// <exception cref="ArgumentException">A number is not a multiple of 4 KiB, or the size is <see cref="PageSize.None"/>.</exception>
    /// <example><code>
    /// Console.WriteLine(space.Split(0x7f00_0000_0000, 4 * KiB));                          // Done, 2097152 bytes
    /// Console.WriteLine(mmu.Probe(0x7f00_0000_1234));                                     // 0x201234 (4 KiB page, user, writable)
    /// Console.WriteLine(mmu.Probe(0x7f00_0020_1234));                                     // 0x401234 (2 MiB page, user, writable)
    /// </code></example>
    public abstract MapOutcome Split(LinearAddress linear, ulong length, PageSize largest = PageSize.Size4K);

    /// <summary>
    /// Frees every table of the space that the allocator owns, the root as well. Mapped frames are not freed. Use neither the space nor
    /// its root afterwards.
    /// </summary>
    /// <example><code>
    /// mmu.WriteCr0(mmu.State.Cr0.Value &amp; ~Cr0.PgBit);
    /// space.Release();
    /// Console.WriteLine(frames.UsedFrames);                                               // 0
    /// </code></example>
    public abstract void Release();

    /// <summary>A view of the space as it is in memory.</summary>
    /// <example><code>
    /// foreach (MappedPage page in space.View().Pages()) Console.WriteLine(page);          // 00007f0000000000-00007f00001fffff -&gt; 0x200000 2 MiB UserReadWrite
    ///                                                                                     // 00007f0000200000-00007f00003fffff -&gt; 0x400000 2 MiB UserReadWrite
    /// </code></example>
    public AddressSpaceView View() => AddressSpaceView.Open(Memory, Mode, Root, Features);

    private static ProcessorFeatures Checked(PagingMode mode, ProcessorFeatures? features)
    {
        features ??= new ProcessorFeatures { La57 = true };
        return features.Has(mode) ? features : throw new ArgumentException($"This processor has no paging mode {mode}.", nameof(features));
    }
}
