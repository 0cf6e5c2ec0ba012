namespace FastMmu.Linux.Exec;

/// <summary>An entry of the auxiliary vector.</summary>
/// <param name="Type">What it says.</param>
/// <param name="Value">The number or address, as wide as the program's words.</param>
public readonly record struct AuxiliaryEntry(AuxiliaryType Type, ulong Value);
