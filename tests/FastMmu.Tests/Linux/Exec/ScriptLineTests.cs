using System.Text;
using FastMmu.Linux.Exec;
using Xunit;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>The first line of a script, as the kernel takes it apart.</summary>
public sealed class ScriptLineTests
{
    [Theory]
    [InlineData("#!/bin/sh\nexit", "/bin/sh", null)]
    [InlineData("#!/bin/sh", "/bin/sh", null)]
    [InlineData("#! \t /bin/sh \t \n", "/bin/sh", null)]
    [InlineData("#!/bin/sh -e\n", "/bin/sh", "-e")]
    [InlineData("#!/bin/sh\t one two  \n", "/bin/sh", "one two")]
    [InlineData("#!/bin/sh\r\n", "/bin/sh\r", null)]
    [InlineData("#!/bin/sh\0 ignored\n", "/bin/sh", null)]
    public void Line_OfAScript_NamesInterpreterAndOneArgument(string text, string interpreter, string? argument)
    {
        Assert.True(ScriptLine.TryRead(Start(text), out ScriptLine line));
        Assert.Equal(interpreter, Encoding.Latin1.GetString(line.Interpreter));
        Assert.Equal(argument, line.HasArgument ? Encoding.Latin1.GetString(line.Argument) : null);
    }

    [Theory]
    [InlineData("")]
    [InlineData("#")]
    [InlineData("echo hi\n")]
    [InlineData("#!\n")]
    [InlineData("#!  \t \n")]
    public void Line_WithoutAnInterpreter_IsNone(string text) => Assert.False(ScriptLine.TryRead(Start(text), out _));

    [Fact]
    public void Line_LongerThanTheStart_IsTakenOnlyWhenThePathIsWhole()
    {
        Assert.False(ScriptLine.TryRead(Start("#!/" + new string('x', 400)), out _));
        Assert.False(ScriptLine.TryRead(Start("#!" + new string(' ', 400)), out _));
        Assert.True(ScriptLine.TryRead(Start("#!/bin/sh " + new string('x', 400)), out ScriptLine line));
        Assert.Equal("/bin/sh", Encoding.Latin1.GetString(line.Interpreter));
        Assert.Equal(256 - 1 - "#!/bin/sh ".Length, line.Argument.Length);
    }

    private static byte[] Start(string text)
    {
        byte[] start = new byte[256];
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        bytes.AsSpan(0, Math.Min(bytes.Length, 256)).CopyTo(start);
        return start;
    }
}
