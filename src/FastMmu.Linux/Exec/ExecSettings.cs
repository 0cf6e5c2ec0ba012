namespace FastMmu.Linux.Exec;

/// <summary>What a machine's processor and kernel put into every new program.</summary>
public sealed class ExecSettings
{
    // Which images are in the machine's frames: set once, as the kernel does at boot, and again where an image was exchanged.
    private readonly Dictionary<int, VdsoImage> _installed = [];

    /// <summary>Where programs come from; nothing is found until this is set.</summary>
    public IProgramFiles Files { get; set; } = new ProgramSet();

    /// <summary>Whether the kernel is a 32-bit one, which runs no 64-bit programs.</summary>
    public bool Is32BitKernel { get; set; }

    /// <summary>Where a 32-bit kernel begins (PAGE_OFFSET).</summary>
    public ulong PageOffset { get; set; } = 0xc000_0000;

    /// <summary>vm.mmap_rnd_bits.</summary>
    public int MmapRandomBits64 { get; set; } = 28;

    /// <summary>vm.mmap_rnd_compat_bits.</summary>
    public int MmapRandomBits32 { get; set; } = 8;

    /// <summary>AT_HWCAP: CPUID leaf 1, EDX.</summary>
    public ulong HardwareCapabilities { get; set; } = 0x178b_fbff;

    /// <summary>AT_HWCAP2: ring 3 MONITOR, FSGSBASE.</summary>
    public ulong HardwareCapabilities2 { get; set; } = 2;

    /// <summary>AT_MINSIGSTKSZ: bytes of the largest signal frame, which the size of the vector registers decides.</summary>
    public ulong MinimumSignalStackSize { get; set; } = 3376;

    /// <summary>AT_RSEQ_FEATURE_SIZE.</summary>
    public ulong RseqFeatureSize { get; set; } = 28;

    /// <summary>AT_RSEQ_ALIGN.</summary>
    public ulong RseqAlignment { get; set; } = 32;

    /// <summary>Pages of [vvar].</summary>
    public int VvarPages { get; set; } = 4;

    /// <summary>Pages of [vvar_vclock]; 0 for kernels that have none.</summary>
    public int VvarClockPages { get; set; } = 2;

    /// <summary>The vdso of 64-bit programs; null for none.</summary>
    public VdsoImage? Vdso64 { get; set; } = new(pages: 2);

    /// <summary>The vdso of 32-bit programs; null for none.</summary>
    public VdsoImage? Vdso32 { get; set; } = new(pages: 2);

    /// <summary>Puts an image into the frames that all programs share.</summary>
    /// <returns>False when memory is used up.</returns>
    internal bool TryInstall(LinuxMachine machine, int name, VdsoImage image)
    {
        if (_installed.TryGetValue(name, out VdsoImage? installed) && installed == image)
        {
            return true;
        }

        if (!machine.TrySetSpecialImage(name, image.Content.Span))
        {
            return false;
        }

        _installed[name] = image;
        return true;
    }
}
