namespace FastMmu.Reference;

/// <summary>An entry of a paging structure, as it stands in memory.</summary>
/// <param name="Address">Its physical address in bytes, a multiple of <paramref name="Bytes"/>.</param>
/// <param name="Value">The entry.</param>
/// <param name="Bytes">Its width: 4 in two-level paging, else 8.</param>
/// <param name="Level">The level at which it was made; another path may meet it at another one.</param>
public readonly record struct TableWord(ulong Address, ulong Value, int Bytes, int Level)
{
    /// <summary><c>[0x2000] = 0x3027</c>.</summary>
    public override string ToString() => $"[0x{Address:x}] = 0x{Value:x}";
}
