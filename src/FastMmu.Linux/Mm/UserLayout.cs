namespace FastMmu.Linux.Mm;

/// <summary>Where the parts of a user address space go: its end, the mmap area, position-independent programs, stack and heap.</summary>
/// <remarks>
/// Made once for a process by execve, before anything is mapped; random numbers are drawn in this order: mmap base, stack top, stack pointer,
/// program, heap, and a second stack offset for the start-up tables. Source: arch/x86/mm/mmap.c, arch/x86/include/asm/elf.h,
/// fs/exec.c and fs/binfmt_elf.c of Linux 6.18.
/// </remarks>
public sealed class UserLayout
{
    /// <summary>The end of 64-bit user addresses with four levels: 2^47 less one page (DEFAULT_MAP_WINDOW).</summary>
    public const ulong TaskSize64 = (1UL << 47) - PageBytes;

    /// <summary>The same with five levels: 2^56 less one page.</summary>
    public const ulong TaskSizeLa57 = (1UL << 56) - PageBytes;

    /// <summary>The end of a 32-bit task under a 64-bit kernel.</summary>
    public const ulong TaskSizeCompat = 0xffff_e000;

    /// <summary>The same with <see cref="Personality.Limit3GB"/>.</summary>
    public const ulong TaskSize3Gb = 0xc000_0000;

    private const ulong PageBytes = 4096;
    private const ulong GapMinimum = 128UL << 20;
    private readonly AslrRandom? _random;

    /// <summary>Chooses a layout (arch_pick_mmap_layout).</summary>
    /// <param name="abi">Which kind of task.</param>
    /// <param name="personality">What personality(2) holds; <see cref="Personality.NoRandomize"/> turns randomisation off.</param>
    /// <param name="stackLimit">The soft RLIMIT_STACK in bytes; <see cref="ulong.MaxValue"/> for none.</param>
    /// <param name="random">Where random numbers come from; null for no randomisation.</param>
    /// <param name="options">What the machine decides; the defaults of x86 if not given.</param>
    public UserLayout(
        TaskAbi abi, Personality personality = Personality.None, ulong stackLimit = 8UL << 20, AslrRandom? random = null, UserLayoutOptions? options = null)
    {
        options ??= UserLayoutOptions.Default;
        Abi = abi;
        _random = (personality & Personality.NoRandomize) != 0 ? null : random;
        Options = options;
        IsLegacy = options.LegacyLayout || (personality & Personality.CompatLayout) != 0;
        StackTop = abi switch
        {
            TaskAbi.X86_64 => TaskSize64,
            TaskAbi.Compat32 => (personality & Personality.Limit3GB) != 0 ? TaskSize3Gb : TaskSizeCompat,
            _ => options.PageOffset,
        };
        TaskSize = abi == TaskAbi.X86_64 && options.FiveLevels ? TaskSizeLa57 : StackTop;
        ulong offset = MmapOffset();
        MmapLegacyBase = PageUp(StackTop / 3) + offset;
        MmapBase = IsLegacy ? MmapLegacyBase : TopDownBase(stackLimit, offset);
    }

    /// <summary>Which kind of task.</summary>
    public TaskAbi Abi { get; }

    /// <summary>What the machine decided.</summary>
    public UserLayoutOptions Options { get; }

    /// <summary>The end of user addresses (TASK_SIZE): no mapping reaches above it.</summary>
    public ulong TaskSize { get; }

    /// <summary>The highest possible end of the stack (STACK_TOP): with five levels still below 2^47.</summary>
    public ulong StackTop { get; }

    /// <summary>Where execve keeps the arguments before it knows what kind of task it makes (STACK_TOP_MAX).</summary>
    public ulong StackTopMaximum => Abi == TaskAbi.I386 ? StackTop : Options.FiveLevels ? TaskSizeLa57 : TaskSize64;

    /// <summary>Whether mmap searches from the bottom up.</summary>
    public bool IsLegacy { get; }

    /// <summary>The end of the area that mmap fills from the top down; in a legacy layout the start of the one it fills upwards.</summary>
    public ulong MmapBase { get; }

    /// <summary>Where a search from the bottom up starts (mmap_legacy_base).</summary>
    public ulong MmapLegacyBase { get; }

    /// <summary>Whether addresses are randomised (PF_RANDOMIZE).</summary>
    public bool IsRandomized => _random is not null;

    /// <summary>Whether addresses are those of a 32-bit task.</summary>
    public bool Is32Bit => Abi != TaskAbi.X86_64;

    /// <summary>Where position-independent programs with an interpreter go, before randomisation (ELF_ET_DYN_BASE): not page aligned in 64 bits.</summary>
    public ulong ProgramBase => Abi switch
    {
        TaskAbi.X86_64 => TaskSize64 / 3 * 2,
        TaskAbi.Compat32 => PageUp(TaskSize / 3) + (16UL << 20),
        _ => 0x40_0000,
    };

    private ulong StackRandomPages => Is32Bit ? 0x7ffUL : 0x3f_ffff;

    /// <summary>A random offset of the mmap area or of a program (arch_mmap_rnd): whole pages, 0 without randomisation.</summary>
    public ulong MmapOffset() =>
        _random is null ? 0 : (_random.Next() & ((1UL << (Is32Bit ? Options.MmapRandomBits32 : Options.MmapRandomBits64)) - 1)) << 12;

    /// <summary>The end of the stack: <see cref="StackTop"/>, lowered by a random count of pages and up to 8 KiB, rounded up to a page.</summary>
    public ulong RandomStackTop()
    {
        ulong top = PageUp(StackTop) - (_random is null ? 0 : (_random.Next() & StackRandomPages) << 12);
        return PageUp(AlignStack(top));
    }

    /// <summary>A stack pointer lowered by up to 8 KiB and to a multiple of 16 (arch_align_stack).</summary>
    /// <param name="pointer">The stack pointer.</param>
    public ulong AlignStack(ulong pointer) => (pointer - (_random?.Below(8192) ?? 0)) & ~15UL;

    /// <summary>The start of the heap, a random count of pages above an address (arch_randomize_brk).</summary>
    /// <param name="heap">The lowest address.</param>
    public ulong RandomBrk(ulong heap) => _random?.Page(heap, Is32Bit ? 32UL << 20 : Options.BrkRandomBytes64) ?? heap;

    /// <summary>A random page of a range, both ends included (vdso_addr); the first one without randomisation.</summary>
    /// <param name="first">The lowest address.</param>
    /// <param name="last">The highest.</param>
    public ulong RandomPage(ulong first, ulong last) => first + ((_random?.Below(((last - first) >> 12) + 1) ?? 0) << 12);

    /// <summary>Random bytes, as AT_RANDOM shows them; zeroes without randomisation.</summary>
    /// <param name="bytes">Filled.</param>
    public void Fill(Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = _random is null ? (byte)0 : (byte)_random.Next();
        }
    }

    private static ulong PageUp(ulong address) => (address + PageBytes - 1) & ~(PageBytes - 1);

    private ulong TopDownBase(ulong stackLimit, ulong offset)
    {
        // The stack may end this much lower than its highest end, and keeps its guard gap free.
        ulong pad = (_random is null ? 0 : StackRandomPages << 12) + Options.StackGuardGap;
        ulong gap = stackLimit + pad > stackLimit ? stackLimit + pad : stackLimit;
        return PageUp(StackTop - Math.Clamp(gap, GapMinimum, StackTop / 6 * 5) - offset);
    }
}
