using System.Collections;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace FastMmu.Tests.Packages;

/// <summary>Runs the SDK, and what it has made, as a user's shell would: nothing of this process's build and test run reaches it.</summary>
/// <param name="folder">Where caches, settings and temporary files go.</param>
internal sealed class DotnetCommand(string folder)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    /// <summary>The SDK's command: the one that runs these tests, if an SDK runs them.</summary>
    public static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>Runs a command.</summary>
    /// <param name="workingFolder">The current folder of the command.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>Its exit code and what it printed, errors behind results.</returns>
    public async Task<(int ExitCode, string Printed)> Run(string workingFolder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = workingFolder, RedirectStandardOutput = true, RedirectStandardError = true };
        Prepare(start.Environment);
        using Process child = Process.Start(start)!;
        Task<string> output = child.StandardOutput.ReadToEndAsync(), errors = child.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            await child.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            child.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)}: not done after {s_patience}");
        }

        return (child.ExitCode, await output + await errors);
    }

    /// <summary>Runs the SDK; anything but success fails the test.</summary>
    public async Task<string> Dotnet(string workingFolder, params string[] arguments)
    {
        (int exitCode, string printed) = await Run(workingFolder, Host, arguments);
        Assert.True(exitCode == 0, $"dotnet {string.Join(' ', arguments)}: exit code {exitCode}\n{printed}");
        return printed;
    }

    private void Prepare(IDictionary<string, string?> environment)
    {
        string[] inherited =
            [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => (string)variable.Key).Where(BelongsToThisRun)];
        foreach (string variable in inherited) environment.Remove(variable);
        // Where a launcher that was installed finds the runtime, if it is in no place that launchers know.
        environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        environment["NUGET_PACKAGES"] = Path.Combine(folder, "packages");
        environment["NUGET_HTTP_CACHE_PATH"] = Path.Combine(folder, "http");
        environment["DOTNET_CLI_HOME"] = folder;
        environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        environment["DOTNET_NOLOGO"] = "1";
        environment["DOTNET_SKIP_FIRST_TIME_EXPERIENCE"] = "1";
        environment["DOTNET_GENERATE_ASPNET_CERTIFICATE"] = "false";
        environment["DOTNET_ADD_GLOBAL_TOOLS_TO_PATH"] = "false";
        environment["DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE"] = "true";
        environment["MSBUILDDISABLENODEREUSE"] = "1";
        environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        environment["UseSharedCompilation"] = "false";
    }

    private static bool BelongsToThisRun(string variable) =>
        variable.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || variable.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("FASTMMU", StringComparison.OrdinalIgnoreCase) || variable.StartsWith("XUNIT", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("TESTINGPLATFORM", StringComparison.OrdinalIgnoreCase) || variable.StartsWith("NUGET_", StringComparison.OrdinalIgnoreCase)
        || variable is "CI" or "VSLANG" or "DOTNET_STARTUP_HOOKS" or "Configuration" or "Platform";
}
