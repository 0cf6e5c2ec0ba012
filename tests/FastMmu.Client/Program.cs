using System.Runtime.InteropServices;
using FastMmu.Client;
using FastMmu.Client.Processes;
using FastMmu.Client.Processors;

const int CannotExecute = 126, NotFound = 127, Failed = 125, FirstSignal = 128;

string? report = null;
bool trace = false;
List<string> environment = [];
int first = 0;
for (; first < args.Length && args[first].StartsWith("--", StringComparison.Ordinal); first++)
{
    if (args[first] == "--report" && first + 1 < args.Length)
    {
        report = args[++first];
    }
    else if (args[first] == "--env" && first + 1 < args.Length)
    {
        environment.Add(args[++first]);
    }
    else if (args[first] == "--trace")
    {
        trace = true;
    }
    else
    {
        break;
    }
}

if (first >= args.Length || args[first].StartsWith("--", StringComparison.Ordinal))
{
    Console.Error.WriteLine("usage: FastMmu.Client [--trace] [--report FILE] [--env NAME=VALUE]... PROGRAM [ARGUMENT...]");
    return 2;
}

if (!Unicorn.TryLoad(out Unicorn? unicorn, out string? why))
{
    Console.Error.WriteLine($"FastMmu.Client: {why}");
    return 2;
}

string[] arguments = args[first..];
string? path = Find(arguments[0]);
if (path is null)
{
    Console.Error.WriteLine($"FastMmu.Client: {arguments[0]}: not found");
    return NotFound;
}

using var kernel = new GuestKernel(unicorn) { Trace = trace ? Console.Error : null };
try
{
    if (environment.Count == 0)
    {
        // In the order in which this process got them.
        environment.AddRange(File.ReadAllText("/proc/self/environ").Split('\0', StringSplitOptions.RemoveEmptyEntries));
    }

    long error = kernel.Start(path, arguments, environment);
    if (error != 0)
    {
        Console.Error.WriteLine($"FastMmu.Client: {path}: {Marshal.GetPInvokeErrorMessage((int)-error)}");
        return CannotExecute;
    }

    int status = kernel.Run();
    if (report is not null)
    {
        Report.Write(report, kernel);
    }

    if ((status & 0x7f) == 0)
    {
        return status >> 8;
    }

    Console.Error.WriteLine(Report.SignalText(status & 0x7f));
    return FirstSignal + (status & 0x7f);
}
catch (InvalidOperationException failure)
{
    Console.Error.WriteLine($"FastMmu.Client: {failure.Message}");
    return Failed;
}
catch (InsufficientMemoryException)
{
    Console.Error.WriteLine("FastMmu.Client: the programs' memory is used up");
    return Failed;
}
catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"FastMmu.Client: {failure.Message}");
    return 2;
}

static string? Find(string name) => name.Contains('/', StringComparison.Ordinal)
    ? name
    : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
