using System.CommandLine;

namespace FastMmu.Cli.Commands;

/// <summary><c>fastmmu verify</c>: compares the engine and the Linux layer with answers recorded elsewhere.</summary>
internal static class VerifyCommand
{
    public static Command Create(ToolConsole console)
    {
        var command = new Command("verify", "Compare the engine with recorded answers.");
        command.Subcommands.Add(VerifyVectorsCommand.Create(console));
        command.Subcommands.Add(VerifyImageCommand.Create(console));
        command.Subcommands.Add(VerifyMmCommand.Create(console));
        command.Subcommands.Add(VerifyExecCommand.Create(console));
        return command;
    }
}
