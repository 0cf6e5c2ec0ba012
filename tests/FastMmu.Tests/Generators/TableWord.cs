namespace FastMmu.Tests.Generators;

/// <summary>An entry of a paging structure, as it stands in memory.</summary>
/// <param name="Address">Its physical address.</param>
/// <param name="Value">The entry.</param>
/// <param name="Bytes">4 or 8.</param>
/// <param name="Level">The level at which it was made; another path may meet it at another one.</param>
internal readonly record struct TableWord(ulong Address, ulong Value, int Bytes, int Level)
{
    public override string ToString() => $"[0x{Address:x}] = 0x{Value:x}";
}
