using FastMmu.Traces;

namespace FastMmu.Cli.Replay;

/// <summary>A trace that the user named: what is wrong with it comes as one line for him.</summary>
internal sealed class TraceInput : IDisposable
{
    private readonly string _path;
    private readonly ITraceReader _reader;

    private TraceInput(string path, ITraceReader reader)
    {
        _path = path;
        _reader = reader;
    }

    /// <summary>How much of the file has been taken, 0 to 1.</summary>
    public double Done => _reader.Done;

    /// <summary>Opens a trace, a text or a recording.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">It cannot be opened.</exception>
    public static TraceInput Open(string path)
    {
        if (Directory.Exists(path)) throw new InputException($"{path}: is a directory");
        try
        {
            return new(path, TraceFile.Open(path));
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: no such file", failure);
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new InputException($"{path}: {failure.Message}", failure);
        }
    }

    /// <summary>Reads on.</summary>
    /// <param name="destination">Where accesses go.</param>
    /// <returns>How many there were; 0 only at the end.</returns>
    /// <exception cref="InputException">The file is damaged or cannot be read; the message names the line, or the block.</exception>
    public int Read(Span<TraceAccess> destination)
    {
        try
        {
            return _reader.Read(destination);
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException)
        {
            throw new InputException($"{_path}: {failure.Message}", failure);
        }
    }

    public void Dispose() => _reader.Dispose();
}
