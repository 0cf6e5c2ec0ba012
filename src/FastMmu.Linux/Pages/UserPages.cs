using FastMmu.Addresses;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu.Linux.Pages;

/// <summary>The page tables of one address space, and the pages in them.</summary>
/// <remarks>
/// They are in the guest's memory as the processor reads them; or in the host's, where <see cref="LinuxMachine.Paging"/> says so, in a form that is nobody else's.
/// Tables are made when a page is, and one page long. Only the user's part is this class's: the kernel's part of the top table is copied
/// from <see cref="LinuxMachine.KernelRoot"/>. One thread at a time changes it.
/// </remarks>
public abstract partial class UserPages : IDisposable
{
    internal const ulong PageBytes = 4096;
    internal const int PageShift = 12;

    private ulong _hiwaterRss;

    private protected UserPages(AddressSpace space)
    {
        Space = space;
        Machine = space.Machine;
        Machine.Spaces.Add(space);
    }

    /// <summary>Resident pages of anonymous memory (MM_ANONPAGES).</summary>
    public ulong RssAnon { get; private protected set; }

    /// <summary>Resident pages of files (MM_FILEPAGES).</summary>
    public ulong RssFile { get; private protected set; }

    /// <summary>Resident pages of shared memory (MM_SHMEMPAGES).</summary>
    public ulong RssShmem { get; private protected set; }

    /// <summary>Resident pages in all.</summary>
    public ulong Rss => RssAnon + RssFile + RssShmem;

    /// <summary>The most resident pages that there ever were (VmHWM).</summary>
    public ulong HiwaterRss => Math.Max(_hiwaterRss, Rss);

    /// <summary>How often resident pages have come, gone or moved: what was counted stays right as long as this stays the same.</summary>
    public ulong Changes { get; private protected set; }

    /// <summary>
    /// Bytes of page tables below the top two levels of five, or below the top one: what VmPTE shows. With PAE the page directories of the
    /// user's part are made with the top table, and counted.
    /// </summary>
    public ulong TableBytes => CountedTables << PageShift;

    /// <summary>Page tables of all levels.</summary>
    public ulong Tables { get; private protected set; }

    /// <summary>What goes into CR3: the top table. It is made when it is first asked for.</summary>
    /// <exception cref="InsufficientMemoryException">There is no frame for it.</exception>
    /// <exception cref="InvalidOperationException">The tables are not in guest memory: <see cref="Pages"/> and <see cref="Peek"/> say what is in them.</exception>
    public PhysicalAddress Root => Machine.Paging == PagingMode.None
        ? throw new InvalidOperationException("The machine keeps its page tables outside guest memory: there is none for CR3.")
        : EnsureRoot() ? new PhysicalAddress(RootAddress) : throw new InsufficientMemoryException("No frame is free for the top page table.");

    /// <summary>The address space.</summary>
    private protected AddressSpace Space { get; }

    /// <summary>Its machine.</summary>
    private protected LinuxMachine Machine { get; }

    /// <summary>Tables that VmPTE shows.</summary>
    private protected ulong CountedTables { get; set; }

    /// <summary>Where the top table is; 0 before it is made, and where it is not in guest memory.</summary>
    private protected ulong RootAddress { get; set; }

    /// <summary>What is at an address, without a trace.</summary>
    /// <param name="address">Any address of the user's part.</param>
    /// <returns>The default where nothing is.</returns>
    public abstract PageView Peek(ulong address);

    /// <summary>Lists the pages that the program reaches without a fault, whatever the paging mode.</summary>
    /// <param name="start">The first address.</param>
    /// <param name="end">The byte behind the last.</param>
    /// <returns>By address; those of PROT_NONE areas are not among them.</returns>
    public abstract IReadOnlyList<UserPage> Pages(ulong start = 0, ulong end = ulong.MaxValue);

    /// <summary>Counts the resident pages of an area, as smaps does.</summary>
    /// <param name="vma">The area.</param>
    /// <returns>All resident pages, and those that are private memory.</returns>
    public abstract (ulong Rss, ulong Anonymous) Count(in Vma vma);

    /// <summary>Adds up the pages of an area, as smaps does.</summary>
    /// <param name="vma">The area.</param>
    /// <returns>The sums; the zero page and the kernel's own data do not count.</returns>
    public abstract AreaUsage Usage(in Vma vma);

    /// <summary>Gives all pages and tables back. An MMU that still works with them must be given another address space before its next access.</summary>
    public void Dispose()
    {
        if (Machine.Spaces.Remove(Space))
        {
            MmuGroup[] groups = [.. _loaded.Select(m => m.JoinedGroup).OfType<MmuGroup>().Distinct()];
            foreach (Mmu mmu in _loaded.ToArray())
            {
                Space.Detach(mmu);
            }

            Clear();
            foreach (MmuGroup group in groups)
            {
                group.ShootDown(Invalidation.OfPcid(0));
            }
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Empty page tables, of the machine's paging mode.</summary>
    /// <param name="space">Whose they are.</param>
    internal static UserPages Create(AddressSpace space) => space.Machine.Paging switch
    {
        PagingMode.TwoLevel => new ModePages<Entry32>(space, topShift: 22),
        PagingMode.Pae => new ModePages<EntryPae>(space, topShift: 30),
        PagingMode.FourLevel => new ModePages<Entry64>(space, topShift: 39),
        PagingMode.FiveLevel => new ModePages<Entry64>(space, topShift: 48),
        PagingMode.None => new ModePages<HostEntry>(space, topShift: 39),
        PagingMode mode => throw new ArgumentException($"No process has page tables of mode {mode}.", nameof(space)),
    };

    /// <summary>Takes the top table; the kernel's part of it is everybody's.</summary>
    /// <returns>False when memory is used up.</returns>
    internal abstract bool EnsureRoot();

    /// <summary>Brings a page in, or makes it writable (handle_mm_fault). The caller has checked that the area allows the access.</summary>
    /// <param name="vma">The area that contains the address; gets an anon_vma if it needs one.</param>
    /// <param name="address">Any address in the page.</param>
    /// <param name="write">Whether the access is a write.</param>
    internal abstract FaultStatus Fault(Vma vma, ulong address, bool write);

    /// <summary>Does what the processor does for an access of the program: checks rights, sets accessed and dirty.</summary>
    /// <param name="address">Where.</param>
    /// <param name="access">What.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="present">Whether the page was there, for the error code.</param>
    internal abstract bool TryAccess(ulong address, Access access, out ulong frame, out bool present);

    /// <summary>The entry of a page as in <see cref="Pte"/>, 0 without one.</summary>
    internal abstract ulong EntryOf(ulong address);

    /// <summary>Drops the pages of a range of an area that goes (unmap_vmas); guard markers too. Tables stay.</summary>
    /// <param name="vma">The area.</param>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    internal abstract void Zap(in Vma vma, ulong start, ulong end);

    /// <summary>Drops the pages of a range because its file lost them (unmap_mapping_range).</summary>
    internal abstract void Unmap(in Vma vma, ulong start, ulong end, bool copiesToo);

    /// <summary>Frees the tables of a range that no area between floor and ceiling can need (free_pgtables).</summary>
    /// <param name="start">The first page that was unmapped.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="floor">Where the area before ends.</param>
    /// <param name="ceiling">Where the next area starts; 0 for none.</param>
    internal abstract void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling);

    /// <summary>Puts an area's flags, which it already carries, into its entries (change_protection).</summary>
    /// <param name="vma">The area.</param>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <remarks>
    /// What a private area may write stays read-only in the entry until a fault has seen that nobody shares the page, except where it is known
    /// already; what a file wants to hear of stays read-only except where it has heard.
    /// </remarks>
    internal abstract void Protect(in Vma vma, ulong start, ulong end);

    /// <summary>Moves the entries of a range from one area to another (move_page_tables). Whole tables are moved where both sides allow it.</summary>
    /// <param name="from">The area they are in.</param>
    /// <param name="oldStart">Their first page.</param>
    /// <param name="to">The area they come to; contains the new range.</param>
    /// <param name="newStart">Their first page there.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>Bytes moved: fewer when memory for tables is used up.</returns>
    internal abstract ulong Move(in Vma from, ulong oldStart, in Vma to, ulong newStart, ulong length);

    /// <summary>Gives a forked child the pages of an area (copy_page_range): both sides lose the right to write what is private.</summary>
    /// <param name="child">The child's tables, empty in the area's range.</param>
    /// <param name="vma">The area, as the parent has it.</param>
    /// <returns>False when memory for tables is used up.</returns>
    /// <remarks>
    /// What a fault can bring back from a file is not copied; an area without private pages is therefore left out altogether. The caller
    /// flushes. Two or three loads and stores a page: the entry here, the entry there, the page's counts.
    /// </remarks>
    internal abstract bool CopyTo(UserPages child, in Vma vma);

    /// <summary>Faults a range in, as mlock and MAP_POPULATE do (__mm_populate).</summary>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="ignoreErrors">Whether an area that fails is only left at the page that failed (mmap), not the end of the call (mlock).</param>
    /// <returns>0, -EFAULT where a page cannot be had, or -ENOMEM; 0 always with <paramref name="ignoreErrors"/>.</returns>
    /// <remarks>
    /// Private writable areas get their own pages, all others what a read gets. Rights do not matter as long as there are some, and areas
    /// locked on fault are left alone.
    /// </remarks>
    internal abstract long Populate(ulong start, ulong end, bool ignoreErrors);

    /// <summary>Faults a range in, as MADV_POPULATE_READ and MADV_POPULATE_WRITE do: rights matter, and so do holes.</summary>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="write">Whether the pages are to be written.</param>
    /// <returns>0, -ENOMEM for a hole or without memory, -EINVAL for an area without the right, -EFAULT where a page cannot be had; what came before stays.</returns>
    internal abstract long Prefault(ulong start, ulong end, bool write);

    /// <summary>The page side of an advice over a part of one area: DONTNEED, FREE, REMOVE, COLD, PAGEOUT, WILLNEED, COLLAPSE, guards.</summary>
    /// <param name="vma">The area; whether it is sealed was checked.</param>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="advice">One of <see cref="Advice"/>.</param>
    /// <returns>0 or -errno.</returns>
    internal abstract long Advise(in Vma vma, ulong start, ulong end, int advice);

    /// <summary>Drops all pages and tables of the user's part, and the top table.</summary>
    private protected abstract void Clear();

    // Before pages go.
    private protected void NoteHiwater() => _hiwaterRss = HiwaterRss;
}
