using System.Globalization;
using System.Text;
using Xunit;

namespace FastMmu.Tests.Client;

/// <summary>Real programs on Unicorn with FastMmu.Linux as their memory, beside the same programs on this computer.</summary>
public sealed class ClientTests : IDisposable
{
    private static readonly string[] Clean = ["PATH=/usr/bin:/bin", "HOME=/", "LC_ALL=C"];
    private readonly string _folder = Directory.CreateTempSubdirectory("fastmmu-client-").FullName;

    public ClientTests()
    {
        // Text whose lines are neither in order nor alike.
        var random = new Random(1);
        var text = new StringBuilder();
        for (int i = 0; i < 1500; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{random.Next(100_000)} {random.NextInt64():x} line {i}\n");
        }

        File.WriteAllText(Path.Combine(_folder, "input"), text.ToString());
    }

    public static TheoryData<string[]> Programs => new()
    {
        new[] { "true" },
        new[] { "false" },
        new[] { "echo", "hello", "world" },
        new[] { "cat" },
        new[] { "sha256sum", "input" },
        new[] { "sort", "-n" },
        new[] { "gzip", "-c" },
        new[] { "awk", "{ n[$1 % 10] += length($2) } END { for (i = 0; i < 10; i++) print i, n[i], NR }" },
        new[] { "sh", "-c", "echo hi; i=0; while [ $i -lt 50 ]; do i=$((i+1)); done; echo $i; exit 3" },
        new[] { "sh", "-c", "sort input | head -n 3 | sha256sum; x=$(busybox seq 5 | busybox tail -n 1); echo $x" },
        new[] { "sh", "-c", "gzip -c <input >z && gunzip -c <z | cmp - input && echo same; rm z" },
        new[] { "cat", "/proc/self/maps" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_OnUnicorn_EndsAsOnThisComputer(string[] command)
    {
        ClientPrograms.Require();
        string[] arguments = [ClientPrograms.Busybox, .. command];
        ProgramResult native = NativeRun.Run(_folder, Clean, arguments);
        ClientRun client = ClientRun.Run(_folder, Clean, arguments);

        Assert.Equal(native.Errors, client.Result.Errors);
        Assert.Equal(Encoding.Latin1.GetString(native.Output), Encoding.Latin1.GetString(client.Result.Output));
        Assert.Equal(native.ExitCode, client.Result.ExitCode);
        Assert.Equal(native.Processes.Keys, client.Result.Processes.Keys);
        foreach ((string lineage, ProcessEnd end) in native.Processes)
        {
            Assert.Equal((lineage, end.Status, end.Maps), (lineage, client.Result.Processes[lineage].Status, client.Result.Processes[lineage].Maps));
        }

        AllPagesCameThroughFaults(client);
        Assert.Empty(client.Report.GetProperty("refused").EnumerateObject());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void AllPagesCameThroughFaults(ClientRun client)
    {
        Assert.True(client.Count("misses") > 50);
        Assert.Equal(client.Count("pagesMapped"), client.Count("misses") + client.Count("refusals"));
        Assert.True(client.Count("copies") > 0, "No page was copied on write.");
        Assert.True(client.Count("audits") > client.Count("memoryCalls"));
        Assert.True(client.Count("pagesAudited") > client.Count("audits"));
        Assert.Equal(0, client.Count("committedPages"));
    }
}
