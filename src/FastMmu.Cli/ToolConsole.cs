using System.Text;
using System.Text.Json;

namespace FastMmu.Cli;

/// <summary>Where a command writes: results to <see cref="Output"/>, progress and refusals to <see cref="Error"/>. Both are plain text that pipes well.</summary>
internal sealed class ToolConsole : IDisposable
{
    private readonly bool _owned;

    /// <summary>A console over given writers, never a terminal: for pipes and tests.</summary>
    public ToolConsole(TextWriter output, TextWriter error)
    {
        Output = output;
        Error = error;
    }

    private ToolConsole(TextWriter output, TextWriter error, bool colour, bool showsProgress)
        : this(output, error)
    {
        _owned = true;
        HasColour = colour;
        ShowsProgress = showsProgress;
    }

    /// <summary>Results. Buffered: a command that runs long calls <see cref="Flush"/> where its reader should see something.</summary>
    public TextWriter Output { get; }

    /// <summary>Refusals and progress.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether <see cref="Output"/> is a terminal that wants colour.</summary>
    public bool HasColour { get; }

    /// <summary>Whether somebody is watching <see cref="Error"/>.</summary>
    public bool ShowsProgress { get; }

    /// <summary>The console of this process.</summary>
    public static ToolConsole ForProcess()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        // A reader that closes the pipe is no error: the runtime's console streams drop what nobody reads.
        var output = new StreamWriter(Console.OpenStandardOutput(), utf8, 1 << 16);
        var error = new StreamWriter(Console.OpenStandardError(), utf8, 1 << 10) { AutoFlush = true };
        bool colour = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new(output, error, colour, showsProgress: !Console.IsErrorRedirected);
    }

    /// <summary>The text in a colour where colour is seen, else as it is.</summary>
    public string Paint(string text, Ink ink) => HasColour && ink != Ink.Plain ? $"\e[{(int)ink}m{text}\e[0m" : text;

    /// <summary>Writes one indented JSON value and the end of its line.</summary>
    public void WriteJson(Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true })) write(json);
        Output.WriteLine(Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }

    /// <summary>Lets the reader see what was written so far.</summary>
    public void Flush() => Output.Flush();

    public void Dispose()
    {
        if (!_owned) return;
        try
        {
            Output.Dispose();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // CommandLine.Run has flushed and reported; what is left is what could not be written then.
        }

        Error.Dispose();
    }
}
