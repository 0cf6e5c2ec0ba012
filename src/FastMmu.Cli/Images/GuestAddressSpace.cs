namespace FastMmu.Cli.Images;

/// <summary>A top-level page table that the guest had besides the running one.</summary>
/// <param name="Cr3">What CR3 would hold.</param>
/// <param name="Pids">The processes that use it; none for the kernel's own.</param>
/// <param name="Names">What is known about it: command names, or where it was found.</param>
internal sealed record GuestAddressSpace(ulong Cr3, IReadOnlyList<int> Pids, IReadOnlyList<string> Names);
