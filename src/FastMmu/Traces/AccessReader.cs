using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Traces;

/// <summary>Reads what an <see cref="AccessRecorder"/> wrote.</summary>
/// <remarks>
/// Every block is checked before an access of it is handed out; of a file that is cut or has a changed bit, all blocks before it are. Holds one block. Not thread-safe.
/// </remarks>
/// <example><code>
/// var file = new System.IO.MemoryStream();
/// using (var recorder = new AccessRecorder(file, leaveOpen: true)) recorder.Record(0x7fff_fff8, 8, TraceAccessKind.Load);
/// file.Position = 0;
/// using var trace = new AccessReader(file);
/// Console.WriteLine(trace.Count);                             // 0
/// </code></example>
public sealed class AccessReader : ITraceReader
{
    private readonly Stream _file;
    private readonly long _fileLength;
    private byte[] _stored = [];
    private readonly byte[] _encoded = new byte[(AccessStream.BlockAccesses * AccessStream.LongestAccess) + AccessStream.LongestAccess];
    private AccessStream.Last _last;
    private int _at, _end, _left;
    private long _block;
    private bool _ended;
    private string? _damage;

    /// <summary>Reads from a stream.</summary>
    /// <param name="file">The file; disposed of with the reader. It need not be seekable.</param>
    /// <exception cref="InvalidDataException">It is no recording, or one of a version that is not known.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public AccessReader(Stream file)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        _fileLength = file.CanSeek ? file.Length : 0;
        Span<byte> header = stackalloc byte[AccessStream.HeaderBytes];
        int length = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        int magic = Math.Min(length, AccessStream.Magic.Length);
        if (!header[..magic].SequenceEqual(AccessStream.Magic[..magic])) throw new InvalidDataException("no recording of accesses: the first bytes are others");
        if (length < header.Length) throw new InvalidDataException("the file ends in its header");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != AccessStream.Version) throw new InvalidDataException($"the recording has version {version}, and {AccessStream.Version} is known");
    }

    /// <summary>How many accesses were read.</summary>
    public long Count { get; private set; }

    /// <inheritdoc/>
    public double Done => _fileLength > 0 ? (double)_file.Position / _fileLength : 0;

    /// <summary>Opens a recording.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It is missing, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It is a directory, or may not be read.</exception>
    /// <exception cref="InvalidDataException">It is no recording, or one of a version that is not known.</exception>
    /// <example><code>
    /// string path = System.IO.Path.GetTempFileName();
    /// System.IO.File.WriteAllText(path, "a text");
    /// try
    /// {
    ///     using AccessReader text = AccessReader.Open(path);
    /// }
    /// catch (System.IO.InvalidDataException refused)
    /// {
    ///     Console.WriteLine(refused.Message);                 // no recording of accesses: the first bytes are others
    /// }
    ///
    /// System.IO.File.Delete(path);
    /// </code></example>
    public static AccessReader Open(string path)
    {
        var file = new FileStream(path, new FileStreamOptions { BufferSize = 1 << 16, Options = FileOptions.SequentialScan });
        try
        {
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next accesses, in the program's order.</summary>
    /// <param name="destination">Where they go; not empty.</param>
    /// <returns>How many there were: 0 only at the end.</returns>
    /// <exception cref="InvalidDataException">The file is damaged or cut; the message says in which block. All accesses of the blocks before were handed out.</exception>
    /// <exception cref="IOException">The file cannot be read on.</exception>
    /// <example><code>
    /// TraceAccess[] accesses = new TraceAccess[16];
    /// int count = trace.Read(accesses);
    /// foreach (TraceAccess access in accesses.AsSpan(0, count)) Console.WriteLine(access);       // TraceAccess { Linear = 0x7ffffff8, Size = 8, Kind = Load, CrossesPage = False }
    /// Console.WriteLine(trace.Read(accesses));                // 0
    /// </code></example>
    public int Read(Span<TraceAccess> destination)
    {
        if (_damage is not null) throw new InvalidDataException(_damage);
        int count = 0;
        while (count < destination.Length)
        {
            if (_left == 0)
            {
                // What is damaged is for the next call to say, once everything in front of it was handed out.
                if (count > 0 || !TryReadBlock()) break;
            }

            count += Decode(destination[count..]);
        }

        Count += count;
        return count;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private int Decode(Span<TraceAccess> destination)
    {
        int count = Math.Min(_left, destination.Length);
        ref byte encoded = ref MemoryMarshal.GetArrayDataReference(_encoded);
        for (int i = 0; i < count; i++)
        {
            // The last one may be read over the end of the block, into the tail behind it: then there are too few bytes.
            if (_at >= _end) throw Damaged("has fewer accesses than it says");
            _at += _last.Decode(ref Unsafe.Add(ref encoded, _at), out destination[i]);
            if (destination[i].Size == 0) throw Damaged("holds an access of no bytes");
        }

        _left -= count;
        if (_left == 0 && _at != _end) throw Damaged("has more bytes than its accesses");
        return count;
    }

    private bool TryReadBlock()
    {
        if (_ended) return false;
        _block++;
        Span<byte> header = stackalloc byte[AccessStream.BlockHeaderBytes];
        Fill(header);
        int accesses = BinaryPrimitives.ReadInt32LittleEndian(header), encoded = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        int stored = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        // Deflate never makes a block longer by more than some bytes in sixty-four thousand.
        bool possible = accesses is >= 0 and < AccessStream.BlockAccesses && encoded >= accesses && encoded <= Math.Max(8, accesses * AccessStream.LongestAccess)
            && stored >= 0 && stored <= encoded + (encoded >> 8) + 64;
        if (!possible) throw Damaged("is damaged");
        if (_stored.Length < stored) _stored = new byte[stored];
        Fill(_stored.AsSpan(0, stored));
        if (AccessStream.Sum(header, _stored.AsSpan(0, stored)) != BinaryPrimitives.ReadUInt32LittleEndian(header[12..])) throw Damaged("is damaged");
        if (accesses == 0)
        {
            End(stored);
            return false;
        }

        Inflate(stored, encoded);
        _last = default;
        (_at, _end, _left) = (0, encoded, accesses);
        return true;
    }

    private void End(int stored)
    {
        if (stored != sizeof(long) || BinaryPrimitives.ReadInt64LittleEndian(_stored) != Count) throw Damaged("counts other accesses than there are");
        if (_file.ReadByte() >= 0) throw Damaged("is the last one, and something follows it");
        _ended = true;
    }

    private void Inflate(int stored, int encoded)
    {
        int read = 0;
        bool ended = false;
        try
        {
            using var deflate = new DeflateStream(new MemoryStream(_stored, 0, stored), CompressionMode.Decompress);
            read = deflate.ReadAtLeast(_encoded.AsSpan(0, encoded), encoded, throwOnEndOfStream: false);
            ended = deflate.ReadByte() < 0;
        }
        catch (InvalidDataException)
        {
            // The sum was right, so nobody's accident: said with the rest.
        }

        if (read != encoded || !ended) throw Damaged("does not hold what it says");
    }

    private void Fill(Span<byte> bytes)
    {
        if (_file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) throw Damaged("is cut: the file ends too early");
    }

    private InvalidDataException Damaged(string what)
    {
        _damage = $"block {_block} {what}";
        return new(_damage);
    }
}
