namespace FastMmu.Traces;

/// <summary>Opens files of accesses by what is in them.</summary>
public static class TraceFile
{
    /// <summary>Opens a trace of any kind: valgrind's text, plain or gzip, or what an <see cref="AccessRecorder"/> wrote.</summary>
    /// <param name="path">The file; a pipe will do.</param>
    /// <returns>Its reader.</returns>
    /// <exception cref="IOException">It is missing, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It is a directory, or may not be read.</exception>
    /// <exception cref="InvalidDataException">It is a recording of a version that is not known, or its beginning is damaged.</exception>
    /// <example><code>
    /// string path = System.IO.Path.GetTempFileName();
    /// using (AccessRecorder recorder = AccessRecorder.Create(path)) recorder.Record(0x7fff_0000, 8, TraceAccessKind.Store);
    /// using (ITraceReader trace = TraceFile.Open(path))
    /// {
    ///     TraceAccess[] accesses = new TraceAccess[4];
    ///     Console.WriteLine(trace.Read(accesses));            // 1
    ///     Console.WriteLine(accesses[0].Linear);              // 0x7fff0000
    /// }
    ///
    /// System.IO.File.Delete(path);
    /// </code></example>
    public static ITraceReader Open(string path)
    {
        var file = new FileStream(path, new FileStreamOptions { BufferSize = 1 << 16, Options = FileOptions.SequentialScan });
        try
        {
            byte[] first = new byte[AccessStream.Magic.Length];
            int length = file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
            bool recording = first.AsSpan(0, length).SequenceEqual(AccessStream.Magic);
            Stream whole = file;
            if (file.CanSeek) file.Position = 0;
            else whole = new PrefixedStream(first.AsSpan(0, length), file);
            return recording ? new AccessReader(whole) : new LackeyReader(whole);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
