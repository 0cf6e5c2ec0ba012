using System.Text.Json;
using FastMmu.Tests.Cli;
using Xunit;

namespace FastMmu.Tests.Images;

public sealed class GdtCommandTests
{
    [Theory]
    [InlineData("64", "6  0033      00affb000000ffff  DEFAULT_USER_CS")]
    [InlineData("32", "12  0060      00cf9b000000ffff  KERNEL_CS")]
    [InlineData("32-old", "12  0060      00cf9a000000ffff  KERNEL_CS")]
    public void Gdt_OfLinux_IsDecoded(string kind, string line)
    {
        ToolRun run = ToolRun.Of("gdt", "--linux", kind);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains(line, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amd64-4l-ption", "Linux x86-64", "00008b0030004087 00000000fffffe00  TSS")]
    [InlineData("amd64-5l-ptioff", "Linux x86-64", "(cpu 0, node 0)")]
    [InlineData("i386-2level", "Linux i386 (up to 6.7)", "DEFAULT_USER_DS")]
    public void Gdt_OfAGuest_IsRecognisedAndDecoded(string name, params string[] texts)
    {
        ToolRun run = ToolRun.Of("gdt", "--image", RepositoryRoot.Data("images", name));
        Assert.Equal((0, ""), (run.Code, run.Error));
        foreach (string text in texts) Assert.Contains(text, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(14, "--linux", "32")]
    public void Gdt_Json_IsOneValue(int entries, params string[] args)
    {
        ToolRun run = ToolRun.Of(["gdt", "--json", .. args]);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(entries, json.RootElement.GetProperty("entries").GetArrayLength());
    }

    [Fact]
    public void Gdt_OfAGuestAsJson_IsOneValue()
    {
        ToolRun run = ToolRun.Of("gdt", "--json", "--image", RepositoryRoot.Data("images", "i386-pae-ptioff"));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal("0xff401000", json.RootElement.GetProperty("base").GetString());
        Assert.Equal(17, json.RootElement.GetProperty("entries").GetArrayLength());
    }

    [Theory]
    [InlineData("--linux", "16")]
    [InlineData("--image", "nowhere")]
    [InlineData("--linux", "64", "--image", "nowhere")]
    public void Gdt_BadOption_IsOneLineAndExitsWith2(params string[] args)
    {
        ToolRun run = ToolRun.Of(["gdt", .. args]);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    [Fact]
    public void Gdt_OfAGuestThatCannotBeRead_ExitsWith2()
    {
        using GuestFolder folder = new GuestFolder().With("0x401800", "0x10000000");
        ToolRun run = ToolRun.Of("gdt", "--image", folder.Path);
        Assert.Equal(2, run.Code);
        Assert.Contains("the GDT cannot be read: #PF", run.Error, StringComparison.Ordinal);
    }
}
