using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using FastMmu.Cli.Commands;
using FastMmu.Cli.Text;

namespace FastMmu.Cli;

/// <summary>The tool's command tree, and the one place where failures become a line on stderr and an exit code.</summary>
internal static class CommandLine
{
    // Messages quote what a file holds, which may be anything.
    private const int LongestRefusal = 1000;

    /// <summary>Parses and runs one command line.</summary>
    /// <returns>An <see cref="ExitCode"/>.</returns>
    public static int Run(IReadOnlyList<string> args, ToolConsole console)
    {
        try
        {
            ParseResult parsed = CreateRoot(console).Parse(args);
            // Errors are reported here and not by the library: its exit code is 1, which this tool keeps for mismatches.
            int code = parsed.Errors.Count > 0
                ? RefuseUsage(parsed, console)
                : parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = console.Output, Error = console.Error });
            console.Flush();
            return code;
        }
        catch (InputException refused)
        {
            return Refuse(console, refused.Message);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException or OutOfMemoryException)
        {
            return Refuse(console, failure.Message);
        }
        catch (Exception failure)
        {
            return Refuse(console, $"internal error: {failure.GetType().Name}: {failure.Message}");
        }
    }

    private static Command CreateRoot(ToolConsole console)
    {
        // Not a RootCommand: that one is named after the assembly, and the tool is called fastmmu.
        var root = new Command("fastmmu", "x86 address translation, from a logical address to a byte.") { new HelpOption(), new VersionOption() };
        root.Subcommands.Add(ExecCommand.Create(console));
        root.Subcommands.Add(ImageCommand.Create(console));
        root.Subcommands.Add(TranslateCommand.Create(console));
        root.Subcommands.Add(ExplainCommand.Create(console));
        root.Subcommands.Add(GdtCommand.Create(console));
        root.Subcommands.Add(LayoutCommand.Create(console));
        root.Subcommands.Add(ReplayCommand.Create(console));
        root.Subcommands.Add(RecordCommand.Create(console));
        root.Subcommands.Add(MmCommand.Create(console));
        root.Subcommands.Add(VerifyCommand.Create(console));
        return root;
    }

    private static int RefuseUsage(ParseResult parsed, ToolConsole console)
    {
        var path = new Stack<string>();
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult command; at = at.Parent) path.Push(command.Command.Name);
        // A mistyped command is also a command not given; what was typed says more.
        string reason = parsed.UnmatchedTokens.Count > 0 ? $"Unrecognized command or argument '{parsed.UnmatchedTokens[0]}'." : parsed.Errors[0].Message;
        return Refuse(console, $"{reason} Try '{string.Join(' ', path)} --help'.");
    }

    private static int Refuse(ToolConsole console, string message)
    {
        try
        {
            // What was printed before the failure stays in front of the line about it.
            console.Flush();
            string line = Printable.Of(string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
            console.Error.WriteLine("fastmmu: " + (line.Length > LongestRefusal ? line[..LongestRefusal] + "..." : line));
            console.Error.Flush();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Nobody can be told; the exit code still says it.
        }

        return ExitCode.Unusable;
    }
}
