using System.Numerics;
using System.Runtime.InteropServices;

namespace FastMmu.Snapshots;

/// <summary>How a snapshot is written to a file.</summary>
/// <remarks>
/// <code>
/// file:     "FastMmuS" | version, 4 bytes | record 0: header | records of pages ... | record of the end
/// record:   length of what follows, 4 bytes | kind, 1 byte | contents | CRC-32C, 4 bytes, of the record's number, its length, its kind and its contents
/// header:   ranges as created | layout | for each processor: features, registers
/// pages:    method, 1 byte (0 as they are, 1 Brotli) | count, 4 bytes | addresses, 8 bytes each, ascending | 4096 bytes for each
/// end:      how many pages there were, 8 bytes
/// </code>
/// All numbers are little-endian. Pages of zeros are left out. The number in the checksum keeps records in their order.
/// </remarks>
internal static class SnapshotFormat
{
    internal const uint Version = 1;
    internal const byte HeaderRecord = 1;
    internal const byte PagesRecord = 2;
    internal const byte EndRecord = 3;
    internal const byte Stored = 0;
    internal const byte Brotli = 1;
    internal const int PageBytes = 4096;

    /// <summary>Pages in a record: what is lost to a reader that finds a wrong bit, and what the compressor sees at once.</summary>
    internal const int PagesAtOnce = 64;

    /// <summary>No record is longer, so that a length with a wrong bit asks for no memory.</summary>
    internal const int LongestRecord = 1 << 20;

    internal static ReadOnlySpan<byte> Magic => "FastMmuS"u8;

    /// <summary>The checksum of a record.</summary>
    /// <param name="number">Its number in the file.</param>
    /// <param name="body">Kind and contents.</param>
    internal static uint Checksum(ulong number, ReadOnlySpan<byte> body)
    {
        uint crc = BitOperations.Crc32C(uint.MaxValue, number);
        crc = BitOperations.Crc32C(crc, (uint)body.Length);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(body);
        foreach (ulong word in words) crc = BitOperations.Crc32C(crc, word);
        foreach (byte rest in body[(words.Length * sizeof(ulong))..]) crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }
}
