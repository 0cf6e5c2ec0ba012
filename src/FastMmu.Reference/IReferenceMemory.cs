namespace FastMmu.Reference;

/// <summary>
/// Guest-physical memory as the reference model sees it. Implement it over your own memory; the model reads and writes nothing else.
/// </summary>
/// <remarks>
/// Memory that nothing backs reads as all ones and drops what is written to it, as on the bus of a real machine. Paging structures are
/// little-endian. Accesses are naturally aligned and never wider than 8 bytes.
/// </remarks>
public interface IReferenceMemory
{
    /// <summary>Reads a little-endian number.</summary>
    /// <param name="address">Physical address in bytes, a multiple of <paramref name="bytes"/>, below 2^52.</param>
    /// <param name="bytes">Width: 4 or 8.</param>
    /// <returns>The number; where nothing answers, all ones of that width.</returns>
    ulong ReadPhysical(ulong address, int bytes);

    /// <summary>Writes a little-endian number; where nothing answers, or memory is read-only, it is lost.</summary>
    /// <param name="address">Physical address in bytes, a multiple of <paramref name="bytes"/>, below 2^52.</param>
    /// <param name="value">The number; bits above the width are zero.</param>
    /// <param name="bytes">Width: 4 or 8.</param>
    void WritePhysical(ulong address, ulong value, int bytes);
}
