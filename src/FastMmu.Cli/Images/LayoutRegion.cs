namespace FastMmu.Cli.Images;

/// <summary>A named part of an address space.</summary>
/// <param name="First">First address.</param>
/// <param name="Last">Last address: a region may end where the address space does.</param>
/// <param name="Name">What it is for.</param>
internal readonly record struct LayoutRegion(ulong First, ulong Last, string Name);
