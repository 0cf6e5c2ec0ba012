using System.IO.Compression;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Traces;

namespace FastMmu.Cli.Images;

/// <summary>
/// Streams a memory file into a <see cref="PhysicalMemory"/>: pages that are all zero are not written, so a case of many GiB costs
/// the host what its other pages hold.
/// </summary>
internal static class MemoryLoader
{
    private const int PageBytes = 4096;
    private const int ChunkBytes = 256 * PageBytes;

    // No DEFLATE stream unpacks to more: a match of 258 bytes costs two bits at least.
    private const ulong MostUnpackedPerByte = 1032;

    /// <summary>Loads the memory of a guest.</summary>
    /// <param name="path">The memory file, plain or gzip.</param>
    /// <param name="segments">What stands where, by ascending file offset, without overlap.</param>
    /// <param name="work">Told how far the file has been read.</param>
    /// <returns>The memory; the caller disposes it.</returns>
    /// <exception cref="InputException">The file is missing, damaged, or shorter than the segments say.</exception>
    public static PhysicalMemory Load(string path, IReadOnlyList<MemorySegment> segments, LongWork work)
    {
        try
        {
            using var file = new FileStream(path, new FileStreamOptions { BufferSize = 1 << 16, Options = FileOptions.SequentialScan });
            bool gzip = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
            file.Position = 0;
            ulong claimed = segments[^1].OffsetEnd;
            ulong most = gzip ? (ulong)file.Length * MostUnpackedPerByte : (ulong)file.Length;
            if (claimed > most) throw Shorter(path, claimed, gzip ? $"a gzip file of {file.Length} bytes cannot hold as many" : $"it has {file.Length}");

            PhysicalMemory memory = Create(path, segments);
            try
            {
                using Stream bytes = gzip ? new GZipStream(new SentinelStream([], file), CompressionMode.Decompress) : file;
                Fill(memory, segments, bytes, gzip, path, () => work.Done = RecordedGuest.LoadingShare * file.Position / file.Length);
                return memory;
            }
            catch
            {
                memory.Dispose();
                throw;
            }
        }
        catch (InvalidDataException failure)
        {
            throw new InputException($"{path}: the gzip data is damaged", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InputException($"{path}: {failure.Message}", failure);
        }
    }

    private static PhysicalMemory Create(string path, IReadOnlyList<MemorySegment> segments)
    {
        // Pages are the unit of memory; a segment that begins or ends within one owns the page, the rest of it reads zero.
        var ranges = new List<MemoryRange>();
        ulong start = 0, end = 0;
        foreach (MemorySegment segment in segments.OrderBy(s => s.Start))
        {
            ulong first = segment.Start & ~(ulong)(PageBytes - 1);
            if (end == 0 || first > end)
            {
                if (end != 0) ranges.Add(new(start, end - start));
                start = first;
            }

            end = (segment.End + PageBytes - 1) & ~(ulong)(PageBytes - 1);
        }

        ranges.Add(new(start, end - start));
        try
        {
            return new PhysicalMemory(ranges, hugePages: false);
        }
        catch (OutOfMemoryException failure)
        {
            throw new InputException($"{path}: this computer has no room for the guest's memory ({ranges.Count} ranges up to 0x{end:x})", failure);
        }
    }

    private static void Fill(
        PhysicalMemory memory, IReadOnlyList<MemorySegment> segments, Stream bytes, bool gzip, string path, Action moved)
    {
        byte[] buffer = new byte[ChunkBytes];
        ulong position = 0;
        foreach (MemorySegment segment in segments)
        {
            for (ulong left = segment.Offset - position; left > 0;)
            {
                left -= (ulong)ReadChunk(left, segment.Offset);
            }

            for (ulong at = segment.Start; at < segment.End;)
            {
                // Chunks end at page boundaries, so that a page is looked at whole.
                ulong toBoundary = ChunkBytes - (at & (PageBytes - 1));
                int count = ReadChunk(Math.Min(segment.End - at, toBoundary), segment.OffsetEnd);
                WriteNonZeroPages(memory, at, buffer.AsSpan(0, count));
                at += (ulong)count;
                moved();
            }
        }

        if (gzip) RequireCompleteGzip(bytes, path);

        int ReadChunk(ulong wanted, ulong claimed)
        {
            int count = (int)Math.Min(wanted, (ulong)buffer.Length);
            int read = bytes.ReadAtLeast(buffer.AsSpan(0, count), count, throwOnEndOfStream: false);
            position += (ulong)read;
            if (read == count) return count;
            // What marks the end of a complete gzip file is no part of the memory.
            ulong held = gzip && EndsWithSentinel(buffer.AsSpan(0, read)) ? position - (ulong)SentinelStream.Sentinel.Length : position;
            throw Shorter(path, claimed, $"it ends after {held}");
        }
    }

    private static bool EndsWithSentinel(ReadOnlySpan<byte> bytes) => bytes.EndsWith(SentinelStream.Sentinel);

    // A file longer than its segments is nobody's harm; one that breaks off behind them is damaged all the same.
    private static void RequireCompleteGzip(Stream bytes, string path)
    {
        Span<byte> rest = stackalloc byte[SentinelStream.Sentinel.Length + 1];
        int read = bytes.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false);
        if (read < SentinelStream.Sentinel.Length || (read == SentinelStream.Sentinel.Length && !rest[..read].SequenceEqual(SentinelStream.Sentinel)))
        {
            throw new InputException($"{path}: the gzip data ends too early");
        }
    }

    private static void WriteNonZeroPages(PhysicalMemory memory, ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, PageBytes - (int)(address & (PageBytes - 1)));
            ReadOnlySpan<byte> page = bytes[..count];
            if (page.IndexOfAnyExcept((byte)0) >= 0) memory.Write(PhysicalAddress.Truncate(address), page);
            bytes = bytes[count..];
            address += (ulong)count;
        }
    }

    private static InputException Shorter(string path, ulong claimed, string instead) =>
        new($"{path}: shorter than meta.json claims: {claimed} bytes are needed, {instead}");
}
