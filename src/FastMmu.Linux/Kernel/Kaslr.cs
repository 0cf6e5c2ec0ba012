using FastMmu.Linux.Mm;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Linux.Kernel;

/// <summary>Where a randomised 64-bit kernel puts its three large regions and itself.</summary>
/// <remarks>
/// <para>The three regions keep their order. Each gets a random share of the addresses that are still to spare: of the rest divided by the
/// regions to come, in steps of 1 GiB (kernel_randomize_memory). The kernel draws its first number from the hardware and the rest from the
/// combined Tausworthe generator of 113 bits that it seeds with it (L'Ecuyer, "Tables of maximally equidistributed combined LFSR generators", 1999).</para>
/// <para>The image lies at a random multiple of 2 MiB in its own 1 GiB of addresses, and of physical memory (choose_random_location).</para>
/// <para>Source: arch/x86/mm/kaslr.c, arch/x86/boot/compressed/kaslr.c, lib/random32.c of Linux 6.18.</para>
/// </remarks>
internal static class Kaslr
{
    private const ulong Step = GiB;

    /// <summary>Places regions one behind the other.</summary>
    /// <param name="start">The first address.</param>
    /// <param name="end">The address behind the last.</param>
    /// <param name="tebibytes">How large each region is.</param>
    /// <param name="seed">The number that the hardware gave.</param>
    /// <returns>Their first addresses.</returns>
    internal static ulong[] Place(ulong start, ulong end, ReadOnlySpan<ulong> tebibytes, ulong seed)
    {
        var generator = new Taus113(seed);
        ulong spare = end - start;
        foreach (ulong size in tebibytes) spare -= size * TiB;
        var bases = new ulong[tebibytes.Length];
        ulong at = start;
        for (int i = 0; i < bases.Length; i++)
        {
            ulong share = spare / (ulong)(bases.Length - i);
            ulong offset = generator.Next64() % (share + 1) & ~(Step - 1);
            at += offset;
            bases[i] = at;
            at = (at + (tebibytes[i] * TiB) + Step) & ~(Step - 1);
            spare -= offset;
        }

        return bases;
    }

    /// <summary>A random place for something of a size between two addresses, a multiple of 2 MiB.</summary>
    internal static ulong Slot(ulong lowest, ulong end, ulong size, AslrRandom random)
    {
        ulong room = end - lowest;
        return size > room ? lowest : lowest + (random.Below(1 + ((room - size) / KernelImage.Alignment)) * KernelImage.Alignment);
    }
}
