using FastMmu.Cli;

using var console = ToolConsole.ForProcess();
return CommandLine.Run(args, console);
