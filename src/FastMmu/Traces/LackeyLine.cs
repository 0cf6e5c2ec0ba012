using System.Buffers.Binary;
using System.Buffers.Text;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FastMmu.Traces;

/// <summary>One line of lackey's, read.</summary>
internal static class LackeyLine
{
    private const int AddressColumn = 3;
    private const int MostDigits = 16;
    private const int MostSizeDigits = 5;

    // "I  ", " L ", " M " and " S " as little-endian numbers, in the order of TraceAccessKind.
    private static ReadOnlySpan<uint> Prefixes => [0x20_2049, 0x20_4c20, 0x20_4d20, 0x20_5320];

    // Sixteen lanes of nothing, then 0 to 15: as shuffle indices from n on, they move the first n lanes to the end.
    private static ReadOnlySpan<byte> ToTheEnd =>
    [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ];

    /// <summary>
    /// Reads a line as lackey prints almost all of them, with a size of one or two digits and a newline; any other is for <see cref="TryRead"/>.
    /// </summary>
    /// <param name="line">First byte of the line. 32 bytes from there must be readable, and none behind the end of the text be a newline.</param>
    /// <param name="access">The access.</param>
    /// <returns>Length with the newline, or 0.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int ReadUsual(ref byte line, out TraceAccess access)
    {
        uint prefix = Unsafe.ReadUnaligned<uint>(ref line) & 0xff_ffff;
        uint kind = KindOf(prefix);
        ref byte digits = ref Unsafe.Add(ref line, AddressColumn);
        Vector128<byte> text = Vector128.LoadUnsafe(ref digits);
        Vector128<byte> decimals = text - Vector128.Create((byte)'0');
        Vector128<byte> letters = (text | Vector128.Create((byte)0x20)) - Vector128.Create((byte)'a');
        Vector128<byte> isDecimal = Vector128.LessThan(decimals, Vector128.Create((byte)10));
        uint hexadecimal = (isDecimal | Vector128.LessThan(letters, Vector128.Create((byte)6))).ExtractMostSignificantBits();
        Vector128<byte> values = Vector128.ConditionalSelect(isDecimal, decimals, letters + Vector128.Create((byte)10));
        int count = BitOperations.TrailingZeroCount(~hexadecimal);
        Vector128<byte> indices = Vector128.LoadUnsafe(ref Unsafe.Add(ref MemoryMarshal.GetReference(ToTheEnd), count));
        Vector128<ushort> pairs = Vector128.Shuffle(values, indices).AsUInt16();
        pairs = ((pairs << 4) | (pairs >> 8)) & Vector128.Create((ushort)0xff);
        ulong address = BinaryPrimitives.ReverseEndianness(Vector128.Narrow(pairs, pairs).AsUInt64().ToScalar());

        ref byte comma = ref Unsafe.Add(ref digits, count);
        uint size = Unsafe.Add(ref comma, 1) - (uint)'0';
        uint next = Unsafe.Add(ref comma, 2);
        int length = AddressColumn + count + 3;
        bool wrong = prefix != Unsafe.Add(ref MemoryMarshal.GetReference(Prefixes), (nint)kind) | comma != (byte)',' | count == 0 | size > 9;
        if (next != '\n')
        {
            wrong |= next - '0' > 9;
            size = (size * 10) + next - '0';
            next = Unsafe.Add(ref comma, 3);
            length++;
        }

        access = new(address, (ushort)size, (TraceAccessKind)kind);
        return wrong | next != '\n' | size == 0 ? 0 : length;
    }

    /// <summary>Reads any line.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="access">The access.</param>
    internal static bool TryRead(ReadOnlySpan<byte> line, out TraceAccess access)
    {
        access = default;
        int comma = line.IndexOf((byte)',');
        int digits = comma - AddressColumn;
        if (digits is < 1 or > MostDigits) return false;
        uint prefix = line[0] | ((uint)line[1] << 8) | ((uint)line[2] << 16);
        uint kind = KindOf(prefix);
        if (prefix != Prefixes[(int)kind]) return false;
        if (!Utf8Parser.TryParse(line.Slice(AddressColumn, digits), out ulong address, out int used, 'x') || used != digits) return false;
        ReadOnlySpan<byte> decimals = line[(comma + 1)..];
        if (decimals.Length is 0 or > MostSizeDigits || decimals.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return false;
        if (!Utf8Parser.TryParse(decimals, out ushort size, out used) || used != decimals.Length || size == 0) return false;
        access = new(address, size, (TraceAccessKind)kind);
        return true;
    }

    /// <summary>Whether a line is one of valgrind's own: <c>==123== text</c>, <c>--123-- text</c> or <c>**123** text</c>.</summary>
    /// <param name="line">The line without its end.</param>
    internal static bool IsRemark(ReadOnlySpan<byte> line)
    {
        if (line.Length < 5 || line[0] is not ((byte)'=' or (byte)'-' or (byte)'*') || line[1] != line[0]) return false;
        int digits = line[2..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return digits > 0 && line[(2 + digits)..] is [var first, var second, ..] && first == line[0] && second == line[0];
    }

    // The second characters, space, L, M and S, told apart by their bits 7:6 and 1:0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint KindOf(uint prefix)
    {
        uint second = (prefix >> 8) & 0xff;
        uint kind = (second >> 6) + (second & 3);
        return (kind - (kind >> 2)) & 3;
    }
}
