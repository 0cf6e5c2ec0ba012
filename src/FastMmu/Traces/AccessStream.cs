using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Traces;

/// <summary>The format of recorded accesses.</summary>
/// <remarks>
/// <code>
/// file:     magic (8 bytes) | version, 4 bytes | block | ... | last block          all numbers little-endian
///
/// block:    +----------+---------------+--------------+--------+-----------------+
///           | accesses | encoded bytes | stored bytes | CRC32C | stored bytes ... |
///           +----------+---------------+--------------+--------+-----------------+
///            4 bytes each; the sum covers the version, the three numbers in front of it and the bytes behind it. Stored is encoded, through deflate.
///            The last block has no access; its bytes, encoded as they are, are the number of accesses in the file. Nothing follows it.
///
/// access:   7      5 4     2 1    0
///          +--------+-------+------+----------------+------------------+
///          | deltas | size  | kind | size, 2 bytes  | difference       |
///          +--------+-------+------+----------------+------------------+
///            size: 0 to 5 for 1 &lt;&lt; size, 6 for that of the last access of the kind, 7 for what follows.
///            deltas: the difference has 0, 1, 2, 3, 4, 5, 6 or 8 bytes; its sign is its lowest bit. It is the distance from the last access of the kind: from its
///            end for a fetch, else from its first byte. Every block begins at 0, with sizes of 0.
/// </code>
/// </remarks>
internal static class AccessStream
{
    internal const uint Version = 1;

    /// <summary>Accesses of a block at most, and the bytes of one.</summary>
    internal const int BlockAccesses = 1 << 16;
    internal const int LongestAccess = 1 + sizeof(ushort) + sizeof(ulong);
    internal const int HeaderBytes = 12;
    internal const int BlockHeaderBytes = 16;

    private const uint LastSize = 6;
    private const uint ExplicitSize = 7;

    /// <summary>As PNG's: a byte that is no text, a name, both ends of line, and the end of a DOS text, so that transfers which change these are seen.</summary>
    internal static ReadOnlySpan<byte> Magic => [0x89, (byte)'F', (byte)'M', (byte)'A', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n'];

    private static ReadOnlySpan<byte> DeltaBytes => [0, 1, 2, 3, 4, 5, 6, 8];

    // From how many bytes a difference needs to its code.
    private static ReadOnlySpan<byte> DeltaCodes => [0, 1, 2, 3, 4, 5, 6, 7, 7];

    /// <summary>CRC-32C.</summary>
    internal static uint Sum(uint sum, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes) sum = BitOperations.Crc32C(sum, value);
        return sum;
    }

    /// <summary>The sum of a block.</summary>
    /// <param name="header">Its header; the sum's own place does not count.</param>
    /// <param name="stored">Its bytes.</param>
    internal static uint Sum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> stored) => ~Sum(Sum(BitOperations.Crc32C(uint.MaxValue, Version), header[..12]), stored);

    /// <summary>What is predicted of the next access of each kind.</summary>
    internal struct Last
    {
        [InlineArray(4)]
        private struct Four<T>
        {
            private T _first;
        }

        private Four<ulong> _addresses;
        private Four<ushort> _sizes;

        /// <summary>Encodes an access.</summary>
        /// <returns>How many bytes.</returns>
        internal int Encode(in TraceAccess access, Span<byte> destination)
        {
            int kind = (int)access.Kind;
            ulong address = access.Linear.Value;
            long difference = (long)(address - Predicted(kind));
            ulong folded = ((ulong)difference << 1) ^ (ulong)(difference >> 63);
            int bytes = (71 - BitOperations.LeadingZeroCount(folded)) >> 3;
            uint size = access.Size == _sizes[kind] ? LastSize : BitOperations.IsPow2(access.Size) && access.Size <= 32 ? (uint)BitOperations.Log2(access.Size) : ExplicitSize;
            uint code = DeltaCodes[bytes];
            destination[0] = (byte)((code << 5) | (size << 2) | (uint)kind);
            int at = 1;
            if (size == ExplicitSize)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(destination[at..], access.Size);
                at += sizeof(ushort);
            }

            BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], folded);
            Note(kind, address, access.Size);
            return at + DeltaBytes[(int)code];
        }

        /// <summary>Decodes an access.</summary>
        /// <param name="source">First byte; <see cref="LongestAccess"/> must be readable.</param>
        /// <param name="access">The access; of size 0 if what is there is none.</param>
        /// <returns>How many bytes.</returns>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal int Decode(ref byte source, out TraceAccess access)
        {
            uint control = source;
            int kind = (int)control & 3, at = 1;
            uint size = (control >> 2) & 7;
            int bytes = DeltaBytes[(int)(control >> 5)];
            ushort length = size < LastSize ? (ushort)(1u << (int)size) : _sizes[kind];
            if (size == ExplicitSize)
            {
                length = Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref source, at));
                at += sizeof(ushort);
            }

            ulong folded = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, at)) & (bytes == 8 ? ulong.MaxValue : (1UL << (8 * bytes)) - 1);
            ulong address = Predicted(kind) + ((folded >> 1) ^ (0 - (folded & 1)));
            Note(kind, address, length);
            access = new(address, length, (TraceAccessKind)kind);
            return at + bytes;
        }

        private readonly ulong Predicted(int kind) => kind == (int)TraceAccessKind.Fetch ? _addresses[0] + _sizes[0] : _addresses[kind];

        private void Note(int kind, ulong address, ushort size)
        {
            _addresses[kind] = address;
            _sizes[kind] = size;
        }
    }
}
