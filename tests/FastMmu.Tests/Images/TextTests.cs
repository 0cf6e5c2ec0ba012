using FastMmu.Cli;
using FastMmu.Cli.Text;
using Xunit;

namespace FastMmu.Tests.Images;

public sealed class TextTests
{
    [Theory]
    [InlineData(0UL, "0 B")]
    [InlineData(1023UL, "1023 B")]
    [InlineData(4096UL, "4 KiB")]
    [InlineData(1536UL, "1.5 KiB")]
    [InlineData(512UL << 30, "512 GiB")]
    [InlineData(1UL << 63, "8 EiB")]
    public void Bytes_AreShownInTheLargestUnit(ulong bytes, string text) => Assert.Equal(text, Quantity.Bytes(bytes));

    [Theory]
    [InlineData(0.5, "500 us")]
    [InlineData(3.25, "3.3 ms")]
    [InlineData(1400, "1.40 s")]
    public void Time_IsShownInItsUnit(double milliseconds, string text) => Assert.Equal(text, Quantity.Time(TimeSpan.FromMilliseconds(milliseconds)));

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("a\u001b[2Jb\nc\u009b\u007f", "a?[2Jb?c??")]
    public void Printable_HasNothingThatControlsATerminal(string text, string harmless) => Assert.Equal(harmless, Printable.Of(text));

    [Fact]
    public void Table_AlignsItsColumns()
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var console = new ToolConsole(output, TextWriter.Null);
        var table = new TextTable("name", ">count", "");
        table.Add("a", "1", "x");
        table.Add("long name", "1,000");
        table.Write(console);
        Assert.Equal("  name       count\n  a              1  x\n  long name  1,000\n", output.ToString());
    }
}
