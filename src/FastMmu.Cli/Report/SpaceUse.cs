namespace FastMmu.Cli.Report;

/// <summary>One of the address spaces of a guest, in brief.</summary>
/// <param name="Cr3">What CR3 holds there.</param>
/// <param name="Name">Whose it is.</param>
/// <param name="Tables">Distinct tables.</param>
/// <param name="Mapped">Bytes mapped.</param>
/// <param name="User">Bytes mapped for user mode.</param>
/// <param name="Refusal">Why no processor would enter it; empty if one would.</param>
internal sealed record SpaceUse(ulong Cr3, string Name, long Tables, ulong Mapped, ulong User, string Refusal);
