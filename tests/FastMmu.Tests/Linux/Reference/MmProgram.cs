using System.Globalization;
using FastMmu.Cli.MmTraces;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>A call of one of the processes of a program, with numbers in place of everything.</summary>
internal sealed record MmCall(int Process, TraceCall Call, IReadOnlyList<ulong> Arguments)
{
    public TraceOp ToOp(int index)
    {
        var op = new TraceOp { Index = index, Process = Process, Call = Call, ArgumentCount = Arguments.Count };
        for (int i = 0; i < Arguments.Count; i++) op.Arguments[i] = Arguments[i];
        return op;
    }

    public override string ToString() =>
        $"p{Process} {TraceCalls.Name(Call)}({string.Join(", ", Arguments.Select(value => value.ToString("x", CultureInfo.InvariantCulture)))})";
}

/// <summary>Calls of a process and its children, on the machine of a recorded trace.</summary>
internal sealed record MmProgram(TraceHeader Start, IReadOnlyList<MmCall> Calls)
{
    public override string ToString() => $"{Start.Id}: {string.Join("; ", Calls)}";
}
