using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Traces;

/// <summary>
/// Reads the memory trace of a program as valgrind's lackey prints it (<c>--tool=lackey --trace-mem=yes</c>), plain or gzip-compressed.
/// </summary>
/// <remarks>
/// <code>
/// I  0401ab70,3          fetch of 3 bytes
///  L 1fff000630,8        load
///  S 1fff000638,8        store
///  M 0485f2a0,4          load and store of the same bytes
/// ==7468== ...           valgrind's own remarks: passed over
/// </code>
/// <para>The file is read and decompressed by a thread of its own, ahead of the caller. Holds some blocks of it, however long the trace;
/// allocates nothing for a line. Not thread-safe.</para>
/// Source: valgrind's <c>lackey/lk_main.c</c>, "Memory trace".
/// </remarks>
/// <example><code>
/// byte[] text = "==7== Lackey\nI  0401ab70,3\n L 1fff000630,8\n M 0485f2a0,4\n"u8.ToArray();
/// using var trace = new LackeyReader(new System.IO.MemoryStream(text));
/// Console.WriteLine(trace.LineNumber);                        // 0
/// </code></example>
public sealed class LackeyReader : ITraceReader
{
    private const int LongestLine = ReadAhead.Headroom;

    private readonly Stream _file;
    private readonly ReadAhead _ahead;
    private ReadAhead.Block? _block;
    private int _at;
    private string? _refusal;

    /// <summary>Reads a trace from a stream.</summary>
    /// <param name="file">The file, plain or gzip; disposed of with the reader. It need not be seekable.</param>
    public LackeyReader(Stream file)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        Length = file.CanSeek ? file.Length : 0;
        _ahead = new ReadAhead(new TraceText(file));
    }

    /// <summary>Number of the last line read, from 1: of the malformed one after an <see cref="InvalidDataException"/>.</summary>
    public long LineNumber { get; private set; }

    /// <summary>How much of the file has been taken, 0 to 1; 0 where its length is not known.</summary>
    public double Done => Length > 0 ? (double)_file.Position / Length : 0;

    private long Length { get; }

    /// <summary>Opens a trace.</summary>
    /// <param name="path">The file, plain or gzip.</param>
    /// <exception cref="IOException">It is missing, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It is a directory, or may not be read.</exception>
    /// <example><code>
    /// string path = System.IO.Path.GetTempFileName();
    /// System.IO.File.WriteAllText(path, " S 1fff000638,8\n");
    /// using (LackeyReader file = LackeyReader.Open(path))
    /// {
    ///     TraceAccess[] all = new TraceAccess[16];
    ///     Console.WriteLine(file.Read(all));                  // 1
    ///     Console.WriteLine(all[0]);                          // TraceAccess { Linear = 0x1fff000638, Size = 8, Kind = Store, CrossesPage = False }
    /// }
    ///
    /// System.IO.File.Delete(path);
    /// </code></example>
    public static LackeyReader Open(string path) =>
        new(new FileStream(path, new FileStreamOptions { BufferSize = 1 << 16, Options = FileOptions.SequentialScan }));

    /// <summary>Reads the next accesses, in the program's order.</summary>
    /// <param name="destination">Where they go; not empty.</param>
    /// <returns>How many there were: fewer than fit only at the end, or in front of a malformed line; 0 only at the end.</returns>
    /// <exception cref="InvalidDataException">
    /// The line <see cref="LineNumber"/> is malformed, or the gzip data ends there too early. All accesses before it were handed out.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read on.</exception>
    /// <example><code>
    /// TraceAccess[] accesses = new TraceAccess[16];
    /// int count = trace.Read(accesses);
    /// foreach (TraceAccess access in accesses.AsSpan(0, count)) Console.WriteLine($"{access.Kind} {access.Linear}");   // Fetch 0x401ab70
    ///                                                                                                                 // Load 0x1fff000630
    ///                                                                                                                 // Modify 0x485f2a0
    /// Console.WriteLine(trace.LineNumber);                    // 4
    /// </code></example>
    public int Read(Span<TraceAccess> destination)
    {
        int count = 0;
        while (count < destination.Length && _refusal is null)
        {
            if (_block is not null) count += Parse(destination[count..]);
            if (count == destination.Length || _refusal is not null || !TryAdvance()) break;
        }

        return count > 0 || _refusal is null ? count : throw new InvalidDataException(_refusal);
    }

    /// <summary>Ends the reading, and closes the file.</summary>
    public void Dispose() => _ahead.Dispose();

    // As many accesses as there are whole lines in the block.
    private int Parse(Span<TraceAccess> destination)
    {
        byte[] bytes = _block!.Bytes;
        ref byte text = ref MemoryMarshal.GetArrayDataReference(bytes);
        ref TraceAccess first = ref MemoryMarshal.GetReference(destination);
        int at = _at, end = _block.End, count = 0;
        long lines = 0;
        while (count < destination.Length && at < end)
        {
            ref TraceAccess access = ref Unsafe.Add(ref first, count);
            int length = LackeyLine.ReadUsual(ref Unsafe.Add(ref text, at), out access);
            if (length != 0)
            {
                count++;
            }
            else
            {
                length = bytes.AsSpan(at, end - at).IndexOf((byte)'\n') + 1;
                if (length == 0) break;
                ReadOnlySpan<byte> line = bytes.AsSpan(at, length - 1);
                if (line is [.., (byte)'\r']) line = line[..^1];
                if (LackeyLine.TryRead(line, out access))
                {
                    count++;
                }
                else if (!LackeyLine.IsRemark(line))
                {
                    _refusal = $"line {LineNumber + lines + 1}: neither an access nor a remark of valgrind's";
                    lines++;
                    break;
                }
            }

            at += length;
            lines++;
        }

        _at = at;
        LineNumber += lines;
        return count;
    }

    // Goes to the next block, with the begin of a line that this one leaves over put in front of it.
    private bool TryAdvance()
    {
        ReadAhead.Block? last = _block;
        int left = last is null ? 0 : last.End - _at;
        if (left > LongestLine) return Refuse($"more than {LongestLine} bytes without an end of line");
        try
        {
            _block = _ahead.Next();
        }
        catch (InvalidDataException failure)
        {
            return Refuse(failure.Message);
        }

        if (_block is null) return false;
        _at = ReadAhead.Headroom - left;
        if (last is null) return true;
        last.Bytes.AsSpan(last.End - left, left).CopyTo(_block.Bytes.AsSpan(_at));
        _ahead.Recycle(last);
        return true;
    }

    private bool Refuse(string reason)
    {
        LineNumber++;
        _refusal = $"line {LineNumber}: {reason}";
        return false;
    }
}
