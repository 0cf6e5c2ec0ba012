using FastMmu.Traces;

namespace FastMmu.Cli.Replay;

/// <summary>A recording that was made of a trace.</summary>
/// <param name="Accesses">Accesses in it.</param>
/// <param name="Bytes">Bytes of the file.</param>
internal sealed record TraceRecording(long Accesses, long Bytes)
{
    private const int BlockAccesses = 1 << 14;

    /// <summary>Makes a recording. The file appears when it is complete; if it cannot be, whatever was there stays.</summary>
    /// <param name="from">The trace.</param>
    /// <param name="to">The file.</param>
    /// <param name="work">Is told how far it is.</param>
    /// <exception cref="InputException">The trace cannot be used, or the file not be written; the message says which and why.</exception>
    public static TraceRecording Make(string from, string to, LongWork work)
    {
        using TraceInput trace = TraceInput.Open(from);
        if (Directory.Exists(to)) throw new InputException($"{to}: is a directory");
        string unfinished = $"{to}.{Environment.ProcessId}.tmp";
        try
        {
            TraceRecording made = Make(trace, from, unfinished, work);
            File.Move(unfinished, to, overwrite: true);
            return made;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new InputException($"{to}: {failure.Message}", failure);
        }
        finally
        {
            if (File.Exists(unfinished)) File.Delete(unfinished);
        }
    }

    private static TraceRecording Make(TraceInput trace, string from, string file, LongWork work)
    {
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write);
        using var recorder = new AccessRecorder(stream, leaveOpen: true);
        var block = new TraceAccess[BlockAccesses];
        for (int count; (count = trace.Read(block)) > 0; work.Done = trace.Done) recorder.Record(block.AsSpan(0, count));
        if (recorder.Count == 0) throw new InputException($"{from}: the trace holds no access");
        recorder.Dispose();
        return new(recorder.Count, stream.Length);
    }
}
