using FastMmu.Processor;

namespace FastMmu.Cli.Explain;

/// <summary>What one kind of access to an address would do.</summary>
/// <param name="Who">On whose behalf: <c>CPL 0</c>, <c>CPL 0, AC=1</c>, <c>CPL 3</c>.</param>
/// <param name="Access">What it does.</param>
/// <param name="Translation">Where it goes, or its fault.</param>
internal sealed record AccessOutcome(string Who, Access Access, Translation Translation);
