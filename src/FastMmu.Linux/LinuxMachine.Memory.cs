using FastMmu.Linux.Files;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Linux.Physical;
using FastMmu.Processor;

namespace FastMmu.Linux;

/// <content>What the page tables of all processes share.</content>
public sealed partial class LinuxMachine
{
    private readonly List<Inode?> _inodes = [null];
    private readonly Stack<int> _freeInodes = new();
    private readonly Dictionary<int, ulong[]> _specialFrames = [];
    private FrameMemory? _frames;
    private HostTables? _hostTables;
    private ulong _zeroFrame = ulong.MaxValue;

    /// <summary>
    /// The paging mode of the page tables: four levels unless chosen otherwise. With two levels or PAE the kernel is a 32-bit one. With <see cref="PagingMode.None"/> guest
    /// memory holds nothing but what programs and files put there: what the kernel notes of pages is in the host's memory, where no processor walks it.
    /// </summary>
    /// <remarks>
    /// Without page tables in the guest, calls, faults and counters are those of a 64-bit kernel with four levels, VmPTE included; what reads such tables has none to read
    /// (<see cref="UserPages.Root"/>, <see cref="AddressSpace.Attach"/>).
    /// </remarks>
    /// <exception cref="ArgumentException">The machine was started with the kernel's half, which is of another mode.</exception>
    public PagingMode Paging
    {
        get;
        init
        {
            if (Kernel is not null && value != Kernel.Layout.Architecture.Mode())
            {
                throw new ArgumentException($"The kernel's half is made for {Kernel.Layout.Architecture.Mode()}, not {value}.", nameof(value));
            }

            field = value;
            ExecSettings.Is32BitKernel = Is32Bit;
        }
    } = PagingMode.FourLevel;

    /// <summary>Whether the page tables are those of a 32-bit kernel, so that all processes are 32-bit ones.</summary>
    public bool Is32Bit => Paging is PagingMode.TwoLevel or PagingMode.Pae;

    /// <summary>
    /// The first address that no process can have (TASK_SIZE_MAX): one page below the middle of the canonical addresses, or where a 32-bit
    /// kernel begins. Without page tables in the guest it is that of four levels.
    /// </summary>
    public ulong UserEnd => Paging switch
    {
        PagingMode.FiveLevel => UserLayout.TaskSizeLa57,
        PagingMode.TwoLevel or PagingMode.Pae => ExecSettings.PageOffset,
        _ => UserLayout.TaskSize64,
    };

    /// <summary>
    /// With <see cref="PagingMode.None"/>, how many page tables of 4 KiB all processes may have at once, so that no program makes the host's memory grow without end: as many
    /// as guest memory has pages, unless chosen otherwise. When they are used up, calls and faults answer as where a kernel finds no page for a table.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is 0.</exception>
    public ulong MostHostTables
    {
        get => field != 0 ? field : Memory.Ranges.Aggregate(0UL, (pages, range) => pages + (range.Length >> 12));
        init
        {
            ArgumentOutOfRangeException.ThrowIfZero(value);
            field = value;
        }
    }

    /// <summary>
    /// With <see cref="PagingMode.None"/>, bytes of the host's memory that page tables take. They go back when the last address space is disposed; a machine that nobody refers
    /// to leaves none either.
    /// </summary>
    public ulong HostTableBytes => _hostTables?.Bytes ?? 0;

    /// <summary>
    /// The top table whose kernel part every process shares: its entries are copied into each new one. 0 without the kernel's half.
    /// </summary>
    public ulong KernelRoot { get; internal set; }

    /// <summary>Pages that a read fault maps around the faulting one (fault_around_bytes / 4096): a power of two; 1 switches it off.</summary>
    public int FaultAroundPages { get; init; } = 16;

    /// <summary>The address spaces that exist.</summary>
    internal List<AddressSpace> Spaces { get; } = [];

    /// <summary>The names of anonymous memory.</summary>
    internal AreaNameTable AreaNames => field ??= new AreaNameTable(this);

    /// <summary>The address space that each MMU works in.</summary>
    internal Dictionary<Mmu, AddressSpace> LoadedSpaces { get; } = [];

    /// <summary>Host addresses of frames.</summary>
    internal FrameMemory Frames => _frames ??= FrameMemory.Of(Memory);

    /// <summary>Page tables that are not in guest memory.</summary>
    internal HostTables HostTables => _hostTables ??= new HostTables(MostHostTables);

    /// <summary>Finds the frame of zeros that reads of untouched memory show; it is taken once and never given back.</summary>
    /// <returns>False when memory is used up.</returns>
    internal bool TryGetZeroFrame(out ulong frame)
    {
        if (_zeroFrame == ulong.MaxValue)
        {
            // The kernel's own, so that a 32-bit one has an address for it.
            if (!Pages.TryAllocate(GfpFlags.Kernel | GfpFlags.Zero, 0, out frame))
            {
                return false;
            }

            _zeroFrame = frame;
        }

        frame = _zeroFrame;
        return true;
    }

    /// <summary>Puts bytes into a page of one of the kernel's own mappings ([vdso], [vvar]), the same for all processes.</summary>
    /// <param name="name">Which mapping: <see cref="SpecialMapping"/>.</param>
    /// <param name="image">Its bytes; what is missing of its pages is zero.</param>
    /// <returns>False when memory is used up.</returns>
    internal bool TrySetSpecialImage(int name, ReadOnlySpan<byte> image)
    {
        for (int page = 0; page << 12 < image.Length; page++)
        {
            if (!TryGetSpecialFrame(name, (ulong)page, out ulong frame))
            {
                return false;
            }

            ReadOnlySpan<byte> bytes = image[(page << 12)..];
            bytes[..Math.Min(bytes.Length, 4096)].CopyTo(Frames.Bytes(frame));
        }

        return true;
    }

    /// <summary>Finds the frame of a page of one of the kernel's own mappings.</summary>
    /// <returns>False when memory is used up.</returns>
    internal bool TryGetSpecialFrame(int name, ulong page, out ulong frame)
    {
        if (!_specialFrames.TryGetValue(name, out ulong[]? frames))
        {
            frames = new ulong[16];
            _specialFrames.Add(name, frames);
        }

        frame = frames[page & 15];
        if (frame == 0)
        {
            if (!Pages.TryAllocate(GfpFlags.Kernel | GfpFlags.Zero, 0, out frame))
            {
                return false;
            }

            frames[page & 15] = frame + 1;
            return true;
        }

        frame--;
        return true;
    }

    /// <summary>Gives an inode a number that page descriptors hold.</summary>
    internal int NumberInode(Inode inode)
    {
        if (_freeInodes.TryPop(out int number))
        {
            _inodes[number] = inode;
            return number;
        }

        _inodes.Add(inode);
        return _inodes.Count - 1;
    }

    /// <summary>Takes an inode's number back.</summary>
    internal void ForgetInode(int number)
    {
        _inodes[number] = null;
        _freeInodes.Push(number);
    }
}
