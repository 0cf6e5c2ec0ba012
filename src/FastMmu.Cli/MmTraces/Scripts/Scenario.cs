namespace FastMmu.Cli.MmTraces.Scripts;

/// <summary>Calls that a fresh process makes one after the other.</summary>
/// <param name="Name">What the script calls it; empty for calls before the first <c>scenario</c>.</param>
/// <param name="Line">Where it starts.</param>
/// <param name="Header">The process it starts with.</param>
/// <param name="Commands">The calls.</param>
internal sealed record Scenario(string Name, long Line, TraceHeader Header, IReadOnlyList<ScriptCommand> Commands);
