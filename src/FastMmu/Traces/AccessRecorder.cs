using System.Buffers.Binary;
using System.IO.Compression;
using FastMmu.Addresses;

namespace FastMmu.Traces;

/// <summary>
/// Writes the accesses of a program into a compact file, for <see cref="AccessReader"/> and <c>fastmmu replay</c>: two to three bytes an access before they are compressed.
/// </summary>
/// <remarks>
/// Call it where the program's accesses are made: some nanoseconds each, and nothing for those that are not recorded. The file is complete once the recorder is disposed of;
/// one that was left unfinished is refused by the reader. Its format is described in <c>docs/traces.md</c>. Not thread-safe.
/// </remarks>
/// <example><code>
/// var file = new System.IO.MemoryStream();
/// using (var recorder = new AccessRecorder(file, leaveOpen: true))
/// {
///     recorder.Record(0x40_1000, 3, TraceAccessKind.Fetch);
///     recorder.Record(0x7fff_fff8, 8, TraceAccessKind.Load);
///     Console.WriteLine(recorder.Count);                      // 2
/// }
/// </code></example>
public sealed class AccessRecorder : IDisposable
{
    private readonly Stream _file;
    private readonly bool _leaveOpen;
    private readonly byte[] _encoded = new byte[AccessStream.BlockAccesses * AccessStream.LongestAccess];
    private readonly MemoryStream _stored = new();
    private AccessStream.Last _last;
    private int _length, _inBlock;
    private bool _disposed;

    /// <summary>Records into a stream.</summary>
    /// <param name="file">Where the bytes go; it need not be seekable.</param>
    /// <param name="leaveOpen">Whether it stays open when the recorder is disposed of.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public AccessRecorder(Stream file, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        _leaveOpen = leaveOpen;
        Span<byte> header = stackalloc byte[AccessStream.HeaderBytes];
        AccessStream.Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], AccessStream.Version);
        _file.Write(header);
    }

    /// <summary>How many accesses were recorded.</summary>
    public long Count { get; private set; }

    /// <summary>Records into a file, which is made or overwritten.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    /// <example><code>
    /// string path = System.IO.Path.GetTempFileName();
    /// using (AccessRecorder recorder = AccessRecorder.Create(path)) recorder.Record(0x1000, 4, TraceAccessKind.Load);
    /// using (AccessReader trace = AccessReader.Open(path)) Console.WriteLine(trace.Read(new TraceAccess[8]));      // 1
    /// System.IO.File.Delete(path);
    /// </code></example>
    public static AccessRecorder Create(string path) => new(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16));

    /// <summary>Records an access.</summary>
    /// <param name="linear">Its first byte.</param>
    /// <param name="size">How many bytes, 1 to 65,535.</param>
    /// <param name="kind">What it does.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size or the kind is none.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The recorder was disposed of.</exception>
    /// <example><code>
    /// var bytes = new System.IO.MemoryStream();
    /// var one = new AccessRecorder(bytes, leaveOpen: true);
    /// one.Record(0x1000, 4, TraceAccessKind.Modify);
    /// one.Dispose();
    /// Console.WriteLine(bytes.Length &lt; 80);                      // True
    /// </code></example>
    public void Record(LinearAddress linear, int size, TraceAccessKind kind)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, ushort.MaxValue);
        Add(new TraceAccess(linear, (ushort)size, kind));
    }

    /// <summary>Records accesses in their order.</summary>
    /// <param name="accesses">The accesses.</param>
    /// <exception cref="ArgumentOutOfRangeException">One has no size, or no known kind; those before it were recorded.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The recorder was disposed of.</exception>
    /// <example><code>
    /// TraceAccess[] accesses = { new(0x1000UL, 4, TraceAccessKind.Fetch), new(0x1004UL, 4, TraceAccessKind.Fetch) };
    /// using (var many = new AccessRecorder(new System.IO.MemoryStream()))
    /// {
    ///     many.Record(accesses);
    ///     Console.WriteLine(many.Count);                          // 2
    /// }
    /// </code></example>
    public void Record(ReadOnlySpan<TraceAccess> accesses)
    {
        foreach (ref readonly TraceAccess access in accesses)
        {
            if (access.Size == 0) throw new ArgumentOutOfRangeException(nameof(accesses), access, "An access of no bytes.");
            Add(in access);
        }
    }

    /// <summary>Finishes the file. It is cut if this fails.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            if (_inBlock > 0) WriteBlock();
            Span<byte> count = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(count, Count);
            WriteBlock(accesses: 0, count.Length, count);
            _file.Flush();
        }
        finally
        {
            _stored.Dispose();
            if (!_leaveOpen) _file.Dispose();
        }
    }

    private void Add(in TraceAccess access)
    {
        if ((uint)access.Kind > (uint)TraceAccessKind.Store) throw new ArgumentOutOfRangeException(nameof(access), access.Kind, "No kind of access.");
        ObjectDisposedException.ThrowIf(_disposed, this);
        _length += _last.Encode(in access, _encoded.AsSpan(_length));
        Count++;
        // Room for one more is left behind what is encoded, since a difference is stored whole.
        if (++_inBlock == AccessStream.BlockAccesses - 1) WriteBlock();
    }

    private void WriteBlock()
    {
        _stored.SetLength(0);
        using (var deflate = new DeflateStream(_stored, CompressionLevel.Optimal, leaveOpen: true)) deflate.Write(_encoded, 0, _length);
        (int accesses, int length) = (_inBlock, _length);
        _last = default;
        _inBlock = _length = 0;
        WriteBlock(accesses, length, _stored.GetBuffer().AsSpan(0, (int)_stored.Length));
    }

    private void WriteBlock(int accesses, int encoded, ReadOnlySpan<byte> stored)
    {
        Span<byte> header = stackalloc byte[AccessStream.BlockHeaderBytes];
        BinaryPrimitives.WriteInt32LittleEndian(header, accesses);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], encoded);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], stored.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], AccessStream.Sum(header, stored));
        _file.Write(header);
        _file.Write(stored);
    }
}
