using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Pages;

/// <summary>A place where a page of physical memory is mapped.</summary>
/// <param name="Space">The address space.</param>
/// <param name="Address">The first byte of the page in it.</param>
public readonly record struct PageMapping(AddressSpace Space, ulong Address);
