using System.Text;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.MmTraces.Scripts;

/// <summary>Reads scripts: lines of <c>call argument...</c> under <c>scenario</c> lines, or the lines of recorded traces.</summary>
internal static class ScriptParser
{
    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>Reads a script.</summary>
    /// <param name="path">The file.</param>
    /// <param name="is32Bit">Whether the processes that scenarios start with are those of a 32-bit kernel.</param>
    /// <returns>Its scenarios; calls before the first <c>scenario</c> line are one without a name.</returns>
    /// <exception cref="InputException">A line cannot be understood; the message names it.</exception>
    public static IReadOnlyList<Scenario> Read(string path, bool is32Bit = false)
    {
        using LineReader lines = LineReader.Open(path, longest: 1 << 24);
        var scenarios = new List<Scenario>();
        var recorded = new TraceOpParser(resultsRequired: false);
        List<ScriptCommand> commands = Begin(scenarios, "", 1, StandardProcess.Header(StandardProcess.TopDown, root: false, is32Bit));
        while (lines.MoveNext())
        {
            try
            {
                if (lines.Line.TrimStart((byte)' ') is [(byte)'{', ..])
                {
                    if (RecordedLine(lines, recorded, scenarios, commands) is { } header) commands = Begin(scenarios, header.Id, lines.LineNumber, header);
                    continue;
                }

                string line = Encoding.UTF8.GetString(lines.Line);
                string[] words = line.Split('#')[0].Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
                if (words.Length == 0) continue;
                if (words[0] == "scenario") commands = Begin(scenarios, Name(words), lines.LineNumber, StandardProcess.Header(Option(words, 2), Option(words, 3) != 0, is32Bit));
                else commands.Add(Command(words, lines.LineNumber));
            }
            catch (FormatException failure)
            {
                throw new InputException($"{path}:{lines.LineNumber}: {failure.Message}", failure);
            }
            catch (System.Text.Json.JsonException failure)
            {
                throw new InputException($"{path}:{lines.LineNumber}: not a line of a trace: {failure.Message}", failure);
            }
        }

        scenarios.RemoveAll(s => s.Commands.Count == 0);
        return scenarios.Count > 0 ? scenarios : throw new InputException($"{path}: the script makes no call");
    }

    private static List<ScriptCommand> Begin(List<Scenario> scenarios, string name, long line, TraceHeader header)
    {
        var commands = new List<ScriptCommand>();
        scenarios.Add(new(name, line, header, commands));
        return commands;
    }

    // A header starts a scenario with the process it describes; what a trace answered is not asked for here.
    private static TraceHeader? RecordedLine(LineReader lines, TraceOpParser parser, List<Scenario> scenarios, List<ScriptCommand> commands)
    {
        switch (TraceReader.LineKind(lines.Line))
        {
            case 't':
                return TraceHeaderParser.Parse(lines.Line);
            case 'o':
                var trace = new MmTrace(lines.LineNumber, scenarios[^1].Header);
                parser.ParseOp(lines.Line, lines.LineNumber, trace);
                TraceOp op = trace.Ops[0];
                var arguments = new List<ScriptExpression>();
                for (int i = 0; i < op.ArgumentCount; i++) arguments.Add(ScriptExpression.Of(op.Arguments[i]));
                commands.Add(new(lines.LineNumber, op.Process, op.Call, arguments, CallText.Of(op)));
                return null;
            default:
                return null;
        }
    }

    private static string Name(string[] words) => words.Length is 2 or 3 or 4 ? words[1] : throw new FormatException("a scenario has a name, and may have a layout and whether it is root's: scenario NAME [0|2 [0|1]]");

    private static int Option(string[] words, int position) => words.Length <= position ? 0
        : int.TryParse(words[position], out int number) ? number : throw new FormatException($"'{words[position]}' is no number");

    private static ScriptCommand Command(string[] words, long line)
    {
        int process = 0, at = 0;
        if (words[0] is ['@', .. var digits])
        {
            if (!int.TryParse(digits, out process) || process < 0) throw new FormatException($"'{words[0]}' names no process");
            at++;
        }

        if (at == words.Length) throw new FormatException("a process is named and no call");
        string name = words[at];
        var arguments = words.Skip(at + 1).Select(ScriptExpression.Parse).ToList();
        string text = string.Join(' ', words);
        if (name is "r" or "w" or "x")
        {
            // Reads, writes and fetches are short here: `w ADDRESS VALUE` writes one of eight harmless one-byte instructions.
            int least = name == "w" ? 2 : 1;
            if (arguments.Count != least) throw new FormatException($"{name} takes {least} argument{(least == 1 ? "" : "s")}, not {arguments.Count}");
            ScriptExpression[] touch = name == "w"
                ? [arguments[0], ScriptExpression.Of(name[0]), ScriptExpression.Of(0x90 | (arguments[1].Evaluate(_ => throw new FormatException("the byte that w writes is a number")) & 7))]
                : [arguments[0], ScriptExpression.Of(name[0])];
            return new(line, process, TraceCall.Touch, touch, text);
        }

        if (name == "touch" || !TraceCalls.TryParse(Encoding.UTF8.GetBytes(name), out TraceCall call)) throw new FormatException($"unknown call '{name}'");
        (int fewest, int most) = TraceCalls.Arguments(call);
        if (arguments.Count < fewest || arguments.Count > most) throw new FormatException($"{name} takes {fewest} arguments, not {arguments.Count}");
        return new(line, process, call, arguments, text);
    }
}
