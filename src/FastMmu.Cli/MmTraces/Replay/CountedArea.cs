namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>The resident pages that were counted in an area.</summary>
internal readonly record struct CountedArea(ulong Start, ulong End, long Rss, long Anonymous);
