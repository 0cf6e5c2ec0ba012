using System.Text.Json;
using FastMmu.Tests.Cli;
using Xunit;

namespace FastMmu.Tests.Images;

public sealed class ExplainCommandTests
{
    private static readonly string Amd64 = RepositoryRoot.Data("images", "amd64-4l-ption");
    private static readonly string Pae = RepositoryRoot.Data("images", "i386-pae-ptioff");

    private static ToolRun Explain(string image, params string[] args)
    {
        ToolRun run = ToolRun.Of(["explain", "--image", image, .. args]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.DoesNotContain('\e', run.Output);
        return run;
    }

    [Fact]
    public void Explain_MappedPage_ShowsEveryLevelAndEveryAccess()
    {
        string text = Explain(Amd64, "0x402790").Output;
        foreach (string part in new[]
        {
            "4-level paging, CR3 0x2ced000, CPL 3",
            "linear     0x0000000000402790  user, r-xp /probe of probe, process 114",
            "= PML4 0 | PDPT 0 | PD 2 | PT 2 | offset 0x790",
            "PML4       0  0x2ced000  0x0000000002101067  table 0x2101000, writable, user, accessed",
            "PT         2  0x2cdb010  0x0000000000202025  4 KiB page 0x202000, read-only, user, accessed",
            "physical   0x202790 = 4 KiB page 0x202000 + 0x790, RAM, PAT index 0 (WB)",
            "frame      0x202 of zone DMA",
            "rights     user, read-only, executable",
            "tables     for this page alone: one level, 32-bit 4 MiB; two levels 8 KiB;",
        }) Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.Matches("CPL 0 +#PF\\(P\\): SMAP: supervisor access to a user page +#PF\\(P\\|W\\): SMAP[^#]+#PF\\(P\\|I\\): SMEP", text);
        Assert.Matches("CPL 0, AC=1 +allowed +#PF\\(P\\|W\\): write-protected page", text);
        Assert.Matches("CPL 3 +allowed +#PF\\(P\\|W\\|U\\): write-protected page +allowed", text);
    }

    [Fact]
    public void Explain_LargePage_StopsAtItsLevel()
    {
        string text = Explain(Amd64, "ffffffff_98600123").Output;
        Assert.Contains("= PML4 511 | PDPT 510 | PD 195 | offset 0x123", text, StringComparison.Ordinal);
        Assert.Contains("2 MiB page 0x6200000", text, StringComparison.Ordinal);
        Assert.Contains("frame      0x6200 of zone DMA32", text, StringComparison.Ordinal);
        Assert.Contains("kernel text, _stext+0xc00123", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ffffffff97a00000", "none: the walk ends in the PD: the entry is not present")]
    [InlineData("7f462ecc9000", "Linux keeps a page without rights (PROT_NONE) here, frame 0x6fa0000 stored inverted")]
    [InlineData("7f462d42a000", "Linux keeps a swapped-out page or the like here")]
    [InlineData("0x8000_0000_0000_0000", "none: bits 63:47 of the address are not all equal: it is not canonical")]
    public void Explain_AddressWithoutAPage_SaysWhereItStopsAndWhy(string address, string reason) =>
        Assert.Contains(reason, Explain(Amd64, address).Output, StringComparison.Ordinal);

    [Fact]
    public void Explain_KernelAddressInTheUserHalf_PointsToTheAddressSpacesThatHaveIt() =>
        Assert.Contains("elsewhere  mapped in 13 of the 24 other address spaces", Explain(Amd64, "ffffffff97a00000").Output, StringComparison.Ordinal);

    [Fact]
    public void Explain_OtherAddressSpace_IsWalkedInstead() =>
        Assert.Contains("physical   0x5600000 = 2 MiB page 0x5600000 + 0x0", Explain(Amd64, "ffffffff97a00000", "--cr3", "0x2cec000").Output, StringComparison.Ordinal);

    [Fact]
    public void Explain_ThroughASegmentRegister_ShowsDescriptorAndBase()
    {
        string text = Explain(Pae, "ds:0804a41c").Output;
        foreach (string part in new[]
        {
            "logical    DS, offset 0x804a41c, protected mode",
            "descriptor 15: data RW accessed DPL 3, base 0x0, limit 0xffffffff  Linux: DEFAULT_USER_DS",
            "0x00cff3000000ffff at linear 0xff401078, physical 0x5df2078",
            "base 0x0 + offset 0x804a41c",
            "PDPT       0  register",
        }) Assert.Contains(part, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("60:0", "#GP(0x60): segment privilege")]
    [InlineData("68:0", "#GP(0x68): segment privilege")]
    [InlineData("1000:0", "#GP(0x1000): selector outside its descriptor table")]
    [InlineData("0:0", "#GP(0): null selector")]
    [InlineData("gs:0", "#GP(0): null selector")]
    public void Explain_SegmentThatRefuses_SaysItsFault(string address, string fault)
    {
        string text = Explain(Pae, address).Output;
        Assert.Contains("stops", text, StringComparison.Ordinal);
        Assert.Contains(fault, text, StringComparison.Ordinal);
        Assert.DoesNotContain("linear     ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_SelectorAtAnotherPrivilege_IsLoaded() =>
        Assert.Contains("selector 0x68 (GDT 13, RPL 0), loaded into DS at CPL 0", Explain(Pae, "68:c0000000", "--cpl", "0").Output, StringComparison.Ordinal);

    [Fact]
    public void Explain_DeviceMemory_IsNamed() => Assert.Contains("no memory: the local APIC, PAT index 3 (UC)", Explain(Pae, "ffffc000").Output, StringComparison.Ordinal);

    [Fact]
    public void Explain_Json_IsOneValue()
    {
        ToolRun run = Explain(Amd64, "402790", "33:402790", "8000000000000000", "10:0", "--json");
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(4, json.RootElement.GetArrayLength());
        JsonElement first = json.RootElement[0];
        Assert.Equal("0x202790", first.GetProperty("walk").GetProperty("physical").GetString());
        Assert.Equal(4, first.GetProperty("entries").GetArrayLength());
        Assert.Equal(9, first.GetProperty("accesses").GetArrayLength());
        Assert.Equal("DEFAULT_USER_CS", json.RootElement[1].GetProperty("logical").GetProperty("descriptor").GetProperty("linuxName").GetString());
        Assert.Equal("NonCanonical", json.RootElement[2].GetProperty("walk").GetProperty("reason").GetString());
        Assert.False(json.RootElement[3].TryGetProperty("linear", out _));
    }

    [Theory]
    [InlineData("zz")]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("_")]
    [InlineData("1ffffffffffffffff")]
    [InlineData("12345:0")]
    [InlineData("ds:")]
    [InlineData("ds:0:0")]
    [InlineData("xs:0")]
    [InlineData(":0")]
    [InlineData("-1")]
    [InlineData("0x12 34")]
    [InlineData("\u001b[31m")]
    public void Explain_NoAddress_IsOneLineAndExitsWith2(string address)
    {
        ToolRun run = ToolRun.Of("explain", "--image", Pae, address);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
        Assert.DoesNotContain('\e', run.Error);
    }

    [Fact]
    public void Explain_AddressTooWideForTheMode_ExitsWith2()
    {
        ToolRun run = ToolRun.Of("explain", "--image", Pae, "100000000");
        Assert.Equal(2, run.Code);
        Assert.Contains("needs more than 32 bits", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_WithoutAnImage_ExitsWith2() => Assert.Equal(2, ToolRun.Of("explain", "0").Code);

    [Theory]
    [InlineData("402790", "402790             0x202790 (4 KiB page, user, read-only, executable)")]
    [InlineData("ffffffff`98600000", "ffffffff`98600000  #PF(P|U) at 0xffffffff98600000: supervisor page")]
    [InlineData("cs:0x402790", "cs:0x402790        0x202790")]
    public void Translate_Address_IsOneLine(string address, string line)
    {
        ToolRun run = ToolRun.Of("translate", address, "ffffffff`98600000", "--image", Amd64);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith(line, run.Output, StringComparison.Ordinal);
        Assert.Equal(2, run.Output.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("write", "3", "#PF(P|W|U) at 0x402790: write-protected page")]
    [InlineData("execute", "3", "0x202790")]
    [InlineData("execute", "0", "#PF(P|I) at 0x402790: SMEP")]
    public void Translate_WithAccessAndPrivilege_ObeysThem(string access, string cpl, string answer) =>
        Assert.Contains(answer, ToolRun.Of("translate", "402790", "--image", Amd64, "--access", access, "--cpl", cpl).Output, StringComparison.Ordinal);

    [Theory]
    [InlineData("--access", "sniff")]
    [InlineData("--cpl", "4")]
    [InlineData("--cpl", "-1")]
    [InlineData("--cr3", "zz")]
    public void Translate_BadOption_ExitsWith2(string option, string value) => Assert.Equal(2, ToolRun.Of("translate", "0", "--image", Amd64, option, value).Code);

    [Fact]
    public void Translate_Selector_IsRefused() => Assert.Equal(2, ToolRun.Of("translate", "33:0", "--image", Amd64).Code);

    [Fact]
    public void Translate_Json_IsOneValue()
    {
        ToolRun run = ToolRun.Of("translate", "402790", "0", "--image", Amd64, "--json");
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal("0x202790", json.RootElement[0].GetProperty("physical").GetString());
        Assert.Equal(14, json.RootElement[1].GetProperty("vector").GetInt32());
    }
}
