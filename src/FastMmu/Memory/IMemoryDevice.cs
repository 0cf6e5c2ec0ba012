using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Memory;

/// <summary>A device whose registers are read and written as memory. Mapped by <see cref="PhysicalMemory.MapDevice"/>.</summary>
/// <remarks>
/// <para>An access is handed over in pieces that do not cross a multiple of eight bytes, as a 64-bit bus transfers them, by ascending address:
/// an aligned one of 1, 2, 4 or 8 bytes is one piece, one of 16 bytes two, and one that straddles may make pieces of 3, 5, 6 or 7 bytes. The
/// bytes of an access that lie outside the device go where they belong.</para>
/// <para>A handler may read and write memory, translate, map and unmap devices, itself among them: no lock is held while it runs and nothing
/// of the access in progress is kept from before, so the next piece meets what the handler left. What it throws comes out of the call that made the access:
/// the pieces before have happened, accessed and dirty bits are set, and MMU and memory can be used further.</para>
/// <para>Called on the thread of whoever makes the access: with several virtual CPUs, on several at once.</para>
/// </remarks>
public interface IMemoryDevice
{
    /// <summary>Answers a read, or an instruction fetch.</summary>
    /// <param name="access">Where, how many bytes, and of which kind.</param>
    /// <returns>The bytes, little-endian; those above <see cref="DeviceAccess.Size"/> are ignored.</returns>
    ulong Read(in DeviceAccess access);

    /// <summary>Takes a write.</summary>
    /// <param name="access">Where and how many bytes.</param>
    /// <param name="value">The bytes, little-endian; those above <see cref="DeviceAccess.Size"/> are zero.</param>
    void Write(in DeviceAccess access, ulong value);
}

/// <summary>One piece of an access to a device.</summary>
/// <param name="Address">Physical address of the first byte.</param>
/// <param name="Offset">The same, from the beginning of the device.</param>
/// <param name="Size">Bytes, from 1 to 8; they do not cross a multiple of eight.</param>
/// <param name="Kind"><see cref="Access.Read"/>, <see cref="Access.Write"/> or <see cref="Access.Execute"/>.</param>
public readonly record struct DeviceAccess(PhysicalAddress Address, ulong Offset, int Size, Access Kind);
