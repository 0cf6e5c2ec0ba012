using FastMmu.Addresses;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Kernel;

/// <summary>The kernel in memory: how long its parts are. Each part begins at a multiple of 2 MiB.</summary>
/// <param name="TextBytes">Code.</param>
/// <param name="RodataBytes">Constants.</param>
/// <param name="DataBytes">Data and zeroed data, to the end.</param>
public readonly record struct KernelImage(ulong TextBytes, ulong RodataBytes, ulong DataBytes)
{
    /// <summary>What the parts are aligned to (HPAGE_SIZE), and the distance of addresses at which a 64-bit kernel may lie (CONFIG_PHYSICAL_ALIGN).</summary>
    public const ulong Alignment = 2 * MiB;

    /// <summary>A kernel of the size that distributions ship: 18 MiB of code, 10 of constants, 13 of data.</summary>
    public static KernelImage Usual { get; } = new(0x120_a000, 0xa0_9000, 0xc5_8000);

    /// <summary>A kernel for machines of little memory: 3 MiB of code, 1 of constants, 1 of data.</summary>
    public static KernelImage Small { get; } = new(0x30_5000, 0x10_3000, 0x11_8000);

    /// <summary>The image that suits a machine.</summary>
    /// <param name="ramBytes">Its RAM.</param>
    public static KernelImage For(ulong ramBytes) => ramBytes >= 256 * MiB ? Usual : Small;

    /// <summary>Where constants begin, counted from the start.</summary>
    public ulong RodataOffset => Up(TextBytes);

    /// <summary>Where data begins, counted from the start.</summary>
    public ulong DataOffset => RodataOffset + Up(RodataBytes);

    /// <summary>From the start to the end of data.</summary>
    public ulong Bytes => DataOffset + DataBytes;

    /// <summary>The frames it takes when it is loaded somewhere.</summary>
    /// <param name="physical">Where.</param>
    public PhysicalRange At(ulong physical) => new(new PhysicalAddress(physical), Up(Bytes));

    private static ulong Up(ulong value) => (value + Alignment - 1) & ~(Alignment - 1);
}
