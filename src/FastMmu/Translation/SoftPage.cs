using FastMmu.Addresses;
using FastMmu.Paging;

namespace FastMmu;

/// <summary>An answer of an <see cref="ILinearTranslator"/>.</summary>
/// <param name="Physical">Where the address is that was asked for, not its page; the offset in 4 KiB is the same.</param>
/// <param name="Shift">Base-two logarithm of the page's bytes, 12 to 63: what an invalidation of any address in it drops.</param>
/// <param name="Rights">What may be done there; kept for <see cref="SoftTlb.Entries"/>. With <see cref="Rights.Global"/> the page is invalidated in every address space with its address.</param>
/// <param name="Cached">Whether the answer may be used again. Without, each access asks.</param>
public readonly record struct SoftPage(PhysicalAddress Physical, int Shift = 12, Rights Rights = Rights.UserAll, bool Cached = true);
