using FastMmu.Addresses;
using FastMmu.Tlb;

namespace FastMmu.Cli.Replay;

/// <summary>How a trace is replayed.</summary>
/// <param name="Tlb">Whose TLB counts hits and misses.</param>
/// <param name="PageSize">The size of the pages that are made for the trace.</param>
internal sealed record ReplayOptions(TlbPreset Tlb, PageSize PageSize);
