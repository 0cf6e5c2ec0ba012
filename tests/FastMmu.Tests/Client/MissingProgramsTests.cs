using System.Diagnostics;
using FastMmu.Client.Processors;
using FastMmu.Tests.Recorded;
using Xunit;

namespace FastMmu.Tests.Client;

/// <summary>What the client and its tests say on a computer that lacks what they need.</summary>
public sealed class MissingProgramsTests
{
    private const string Nowhere = "/nowhere/libunicorn.so.2";
    private const string NoLibrary = Nowhere + " is not here (Debian: libunicorn2)";
    private const string NoBusybox = "no static busybox is here (Debian: busybox-static)";

    [Theory]
    [InlineData(Nowhere, null, NoLibrary)]
    [InlineData(null, "/nowhere/busybox", NoBusybox)]
    [InlineData(Nowhere, "/nowhere/busybox", NoLibrary + "; " + NoBusybox)]
    public void ClientTests_WithoutWhatTheyNeed_AreSkippedEachWithTheReason(string? library, string? busybox, string reason)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The client runs Linux programs on Linux.");
        string program = Path.Combine(AppContext.BaseDirectory, "FastMmu.Tests");
        (int code, string output, string errors) = Run(program, ["-noColor", "-class", "*.Client.ClientTests"], library, busybox);
        Assert.True(code == 0, $"exit code {code}\n{output}\n{errors}");
        string[] lines = output.Split('\n');
        int[] skips = [.. Enumerable.Range(0, lines.Length).Where(i => lines[i].EndsWith(" [SKIP]", StringComparison.Ordinal))];
        Assert.True(skips.Length > 10);
        Assert.Contains($"Total: {skips.Length}, Errors: 0, Failed: 0, Skipped: {skips.Length},", output, StringComparison.Ordinal);
        // Where this computer itself lacks the other, the line names that too.
        Assert.All(skips, i => Assert.Contains(reason, lines[i + 1], StringComparison.Ordinal));
        Assert.All(skips, i => Assert.DoesNotMatch("^ {6}", lines[i + 2]));
    }

    [Fact]
    public void Client_WithoutALibraryThatIsUnicorn_SaysSoInOneLine()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The client runs Linux programs on Linux.");
        using var text = new TemporaryFile("no library");
        string other = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "libSystem.Native.so");
        foreach ((string library, string why) in new[] { (Nowhere, NoLibrary), (text.Path, $"{text.Path} cannot be loaded: {text.Path}: "), (other, $"{other} is not Unicorn") })
        {
            string runtime = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "dotnet"));
            (int code, string output, string errors) = Run(runtime, [Path.Combine(AppContext.BaseDirectory, "FastMmu.Client.dll"), "/bin/true"], library, null);
            Assert.Equal(2, code);
            Assert.Empty(output);
            Assert.StartsWith("FastMmu.Client: " + why, errors, StringComparison.Ordinal);
            Assert.Equal(errors.Length - 1, errors.IndexOf('\n', StringComparison.Ordinal));
        }
    }

    private static (int Code, string Output, string Errors) Run(string program, string[] arguments, string? library, string? busybox)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Unicorn.Variable] = library;
        start.Environment[ClientPrograms.BusyboxVariable] = busybox;
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string output = child.StandardOutput.ReadToEnd();
        Assert.True(child.WaitForExit(60_000), "The tests do not come to an end.");
        return (child.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}
