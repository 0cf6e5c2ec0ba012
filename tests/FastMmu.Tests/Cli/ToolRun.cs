using FastMmu.Cli;

namespace FastMmu.Tests.Cli;

/// <summary>One run of the tool, in this process.</summary>
/// <param name="Code">Exit code.</param>
/// <param name="Output">What it wrote to standard output.</param>
/// <param name="Error">What it wrote to standard error.</param>
internal sealed record ToolRun(int Code, string Output, string Error)
{
    public string LastLine => Output.TrimEnd('\n').Split('\n')[^1];

    public static ToolRun Of(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        using var console = new ToolConsole(output, error);
        int code = CommandLine.Run(args, console);
        return new(code, output.ToString(), error.ToString());
    }
}
