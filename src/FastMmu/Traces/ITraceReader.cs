namespace FastMmu.Traces;

/// <summary>Reads the accesses of a program, however they were written down. <see cref="TraceFile.Open(string)"/> finds out how.</summary>
public interface ITraceReader : IDisposable
{
    /// <summary>How much of the file has been taken, 0 to 1; 0 where its length is not known.</summary>
    double Done { get; }

    /// <summary>Reads the next accesses, in the program's order.</summary>
    /// <param name="destination">Where they go; not empty.</param>
    /// <returns>How many there were: 0 only at the end.</returns>
    /// <exception cref="InvalidDataException">The file is damaged or cut; the message says where. All accesses before were handed out.</exception>
    /// <exception cref="IOException">The file cannot be read on.</exception>
    int Read(Span<TraceAccess> destination);
}
