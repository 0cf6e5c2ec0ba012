using FastMmu.Addresses;
using FastMmu.Paging;

namespace FastMmu.Linux.Pages;

/// <summary>A page of a process that its accesses reach.</summary>
/// <param name="Address">Its first address.</param>
/// <param name="Physical">Where it is.</param>
/// <param name="Rights">What the program may do there without a fault.</param>
public readonly record struct UserPage(ulong Address, PhysicalAddress Physical, Rights Rights);
