namespace FastMmu.Reference;

/// <summary>Bit ranges in the manual's notation: <c>20:13</c> is bits 20 down to 13, both included.</summary>
internal static class Bits
{
    /// <summary>The mask of bits <paramref name="high"/>:<paramref name="low"/>; empty if high lies below low.</summary>
    internal static ulong Range(int high, int low) => high < low ? 0 : (ulong.MaxValue >> (63 - high)) & (ulong.MaxValue << low);

    /// <summary>The number that bits <paramref name="high"/>:<paramref name="low"/> of <paramref name="value"/> hold.</summary>
    internal static ulong Field(ulong value, int high, int low) => (value & Range(high, low)) >> low;

    /// <summary>Whether bit <paramref name="bit"/> of <paramref name="value"/> is 1.</summary>
    internal static bool IsSet(ulong value, int bit) => ((value >> bit) & 1) == 1;
}
