using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Pages;

namespace FastMmu.Linux.Mm;

/// <summary>The user's half of one address space (mm_struct): its areas, its page tables, its counters, and the system calls that change them.</summary>
/// <remarks>
/// Each system call is a method that returns what the kernel would return in the register: a value, or an error number negated
/// (<see cref="Errno"/>). No guest mistake throws. One thread at a time may use the address spaces of a machine.
/// </remarks>
public sealed partial class AddressSpace : IDisposable
{
    internal const ulong PageSize = 4096;
    internal const int PageShift = 12;
    private readonly ulong _word = ulong.MaxValue;

    /// <summary>An empty address space.</summary>
    /// <param name="machine">The machine it lives on.</param>
    /// <param name="context">The process that owns it.</param>
    public AddressSpace(LinuxMachine machine, ProcessContext context)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(context);
        Machine = machine;
        Context = context;
        UserEnd = machine.UserEnd;
        if (machine.Is32Bit)
        {
            _word = uint.MaxValue;
            Is32Bit = true;
            TaskSize = UserEnd;
        }

        Areas = new VmaTree();
        Tables = UserPages.Create(this);
    }

    /// <summary>The machine it lives on.</summary>
    public LinuxMachine Machine { get; }

    /// <summary>The process that owns it.</summary>
    public ProcessContext Context { get; }

    /// <summary>The areas.</summary>
    public VmaTree Areas { get; }

    /// <summary>The page tables and what is in them.</summary>
    public UserPages Tables { get; }

    /// <summary>The first address that is not the user's (task_size): by default what a 64-bit task has, or all that a 32-bit kernel leaves.</summary>
    public ulong TaskSize { get; set; } = 0x7fff_ffff_f000;

    /// <summary>Where the search for room starts: from here downwards, or upwards with <see cref="BottomUp"/>.</summary>
    public ulong MmapBase { get; set; }

    /// <summary>Where an upward search starts (mmap_legacy_base); used when the downward one finds nothing.</summary>
    public ulong MmapLegacyBase { get; set; }

    /// <summary>Whether room is searched upwards (the legacy layout).</summary>
    public bool BottomUp { get; set; }

    /// <summary>What MAP_32BIT begins its search with: 1 GiB, or random pages above where the layout is randomised.</summary>
    public ulong Bit32Base { get; set; } = 0x4000_0000;

    /// <summary>The first byte of code.</summary>
    public ulong StartCode { get; set; }

    /// <summary>The byte behind the code.</summary>
    public ulong EndCode { get; set; }

    /// <summary>The first byte of data.</summary>
    public ulong StartData { get; set; }

    /// <summary>The byte behind the data.</summary>
    public ulong EndData { get; set; }

    /// <summary>Where the heap starts (start_brk).</summary>
    public ulong StartBrk { get; set; }

    /// <summary>Where the heap ends (brk).</summary>
    public ulong CurrentBrk { get; set; }

    /// <summary>The stack pointer at the start of the program.</summary>
    public ulong StartStack { get; set; }

    /// <summary>The first byte of the arguments.</summary>
    public ulong ArgStart { get; set; }

    /// <summary>The byte behind the arguments.</summary>
    public ulong ArgEnd { get; set; }

    /// <summary>The first byte of the environment.</summary>
    public ulong EnvStart { get; set; }

    /// <summary>The byte behind the environment.</summary>
    public ulong EnvEnd { get; set; }

    /// <summary>Pages of all areas (total_vm).</summary>
    public ulong TotalVm { get; private set; }

    /// <summary>Pages of private writable areas that are not stacks (data_vm).</summary>
    public ulong DataVm { get; private set; }

    /// <summary>Pages of executable areas that are neither writable nor stacks (exec_vm).</summary>
    public ulong ExecVm { get; private set; }

    /// <summary>Pages of growing areas (stack_vm).</summary>
    public ulong StackVm { get; private set; }

    /// <summary>Pages of locked areas, and what the kernel forgot to take off (locked_vm).</summary>
    public ulong LockedVm { get; private set; }

    /// <summary>Pages pinned by drivers (pinned_vm).</summary>
    public ulong PinnedVm { get; set; }

    /// <summary>The highest <see cref="TotalVm"/> that the kernel noted (hiwater_vm); what is shown is the greater of both.</summary>
    public ulong HiwaterVm { get; private set; }

    /// <summary>Flags that new areas get: <see cref="VmFlags.Locked"/> and <see cref="VmFlags.LockOnFault"/> after mlockall.</summary>
    public VmFlags DefFlags { get; internal set; }

    /// <summary>Whether a program without PT_GNU_STACK has made readable memory executable.</summary>
    public bool ReadImpliesExec => (Context.Personality & Personality.ReadImpliesExec) != 0;

    /// <summary>Adds an area as it is: no merging, no limits; it is counted.</summary>
    /// <param name="vma">The area; its <see cref="Vma.AnonVma"/> is none or prepared by <see cref="AnonVmaTable.Prepare"/>.</param>
    /// <param name="file">The description that it maps, or none.</param>
    /// <exception cref="ArgumentException">It is empty, not of whole pages, or overlaps another.</exception>
    public void AddArea(Vma vma, OpenFile? file = null)
    {
        if (((vma.Start | vma.End) & (PageSize - 1)) != 0)
        {
            throw new ArgumentException("An area is of whole pages.", nameof(vma));
        }

        vma.File = file is null ? 0 : Machine.Files.Attach(file);
        Areas.Insert(vma);
        Account(vma.Flags, (long)vma.Pages);
        if ((vma.Flags & VmFlags.Locked) != 0)
        {
            LockedVm += vma.Pages;
        }

        if ((vma.Flags & VmFlags.Account) != 0)
        {
            Machine.CommittedPages += vma.Pages;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Release();

    /// <summary>Counts pages of an area in or out (vm_stat_account).</summary>
    internal void Account(VmFlags flags, long pages)
    {
        TotalVm += (ulong)pages;
        if ((flags & (VmFlags.Exec | VmFlags.Write | VmFlags.GrowsDown)) == VmFlags.Exec)
        {
            ExecVm += (ulong)pages;
        }
        else if ((flags & VmFlags.GrowsDown) != 0)
        {
            StackVm += (ulong)pages;
        }
        else if ((flags & (VmFlags.Write | VmFlags.Shared)) == VmFlags.Write)
        {
            DataVm += (ulong)pages;
        }
    }
}
