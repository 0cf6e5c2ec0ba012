namespace FastMmu.Linux.Exec;

/// <summary>The first line of a script: the interpreter that <c>#!</c> names, and the one argument that may follow.</summary>
/// <remarks>Only the first 256 bytes of a file are looked at. Source: fs/binfmt_script.c.</remarks>
internal readonly ref struct ScriptLine
{
    private ScriptLine(ReadOnlySpan<byte> interpreter, ReadOnlySpan<byte> argument, bool hasArgument)
    {
        Interpreter = interpreter;
        Argument = argument;
        HasArgument = hasArgument;
    }

    /// <summary>The interpreter's path.</summary>
    public ReadOnlySpan<byte> Interpreter { get; }

    /// <summary>Everything behind it, blanks at both ends removed.</summary>
    public ReadOnlySpan<byte> Argument { get; }

    /// <summary>Whether there is an argument.</summary>
    public bool HasArgument { get; }

    /// <summary>Reads the line.</summary>
    /// <param name="start">The first 256 bytes of the file, zeros behind its end.</param>
    /// <param name="line">The line.</param>
    /// <returns>False if it is no script that can be run: ENOEXEC.</returns>
    public static bool TryRead(ReadOnlySpan<byte> start, out ScriptLine line)
    {
        line = default;
        if (!start.StartsWith("#!"u8))
        {
            return false;
        }

        int last = start.Length - 1;
        // The search for the end stops at a NUL, as one of a string does.
        int nul = start.IndexOf((byte)0);
        int end = (nul < 0 ? start : start[..nul]).IndexOf((byte)'\n');
        if (end < 0)
        {
            end = NotBlank(start, 2, last);
            // Without a newline, a path that no blank or NUL ends may be cut off.
            if (end < 0 || Terminator(start, end, last) < 0)
            {
                return false;
            }

            end = last;
        }

        while (IsBlank(start[end - 1]))
        {
            end--;
        }

        int name = NotBlank(start, 2, end);
        if (name < 0 || name == end)
        {
            return false;
        }

        int separator = Terminator(start, name, end);
        int argument = separator >= 0 && start[separator] != 0 ? NotBlank(start, separator, end) : -1;
        line = new ScriptLine(
            Text(start, name, argument >= 0 ? separator : end), argument >= 0 ? Text(start, argument, end) : default, argument >= 0);
        return true;
    }

    private static bool IsBlank(byte b) => b is (byte)' ' or (byte)'\t';

    private static int NotBlank(ReadOnlySpan<byte> text, int first, int last)
    {
        for (; first <= last; first++)
        {
            if (!IsBlank(text[first]))
            {
                return first;
            }
        }

        return -1;
    }

    private static int Terminator(ReadOnlySpan<byte> text, int first, int last)
    {
        for (; first <= last; first++)
        {
            if (IsBlank(text[first]) || text[first] == 0)
            {
                return first;
            }
        }

        return -1;
    }

    // The kernel writes a NUL at the end and then reads a string, which an earlier NUL ends sooner.
    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> line, int start, int end)
    {
        ReadOnlySpan<byte> text = line[start..end];
        int nul = text.IndexOf((byte)0);
        return nul < 0 ? text : text[..nul];
    }
}
