using System.Text;

namespace FastMmu.Cli.Images.Judging;

/// <summary>The nine letters in which QEMU's <c>info tlb</c> prints the flags of a leaf entry: <c>XGPDACTUW</c>, a dash where a flag is clear.</summary>
internal static class LeafFlags
{
    /// <summary>How many letters there are.</summary>
    public const int Count = 9;

    // Bit of the entry for each letter: NX, G, PS (a large page), D, A, PCD, PWT, U/S, R/W.
    private static ReadOnlySpan<byte> Bits => [63, 8, 7, 6, 5, 4, 3, 2, 1];

    private static ReadOnlySpan<byte> Letters => "XGPDACTUW"u8;

    /// <summary>Writes the letters of a leaf.</summary>
    /// <param name="raw">The entry.</param>
    /// <param name="large">Whether it maps a large page; bit 7 of other leaves is PAT and not shown.</param>
    /// <param name="destination">Receives <see cref="Count"/> letters.</param>
    public static void Format(ulong raw, bool large, Span<byte> destination)
    {
        for (int i = 0; i < Count; i++)
        {
            bool set = ((raw >> Bits[i]) & 1) != 0 && (Bits[i] != 7 || large);
            destination[i] = set ? Letters[i] : (byte)'-';
        }
    }

    /// <summary>The letters of a leaf as text.</summary>
    /// <param name="raw">The entry.</param>
    /// <param name="large">Whether it maps a large page.</param>
    public static string Format(ulong raw, bool large)
    {
        Span<byte> letters = stackalloc byte[Count];
        Format(raw, large, letters);
        return Encoding.ASCII.GetString(letters);
    }
}
