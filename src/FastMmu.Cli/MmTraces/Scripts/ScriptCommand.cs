namespace FastMmu.Cli.MmTraces.Scripts;

/// <summary>One call of a script; its arguments become numbers when it is made, because they may name what earlier calls did.</summary>
/// <param name="Line">Its line.</param>
/// <param name="Process">The process that makes it.</param>
/// <param name="Call">The call.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Text">The call as the script has it.</param>
internal sealed record ScriptCommand(long Line, int Process, TraceCall Call, IReadOnlyList<ScriptExpression> Arguments, string Text);
