using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Snapshots;

/// <summary>Writes a snapshot as <see cref="SnapshotFormat"/> says.</summary>
internal sealed class SnapshotWriter : IDisposable
{
    // Fast compression: memory of guests is mostly sparse, and the disk waits.
    private const int Quality = 1;
    private const int WindowBits = 18;

    private readonly Stream _stream;
    private readonly MemoryStream _body = new();
    private readonly BinaryWriter _writer;
    private ulong _number;

    private SnapshotWriter(Stream stream)
    {
        _stream = stream;
        _writer = new BinaryWriter(_body);
    }

    internal static void Write(Stream stream, PhysicalMemory memory, MemoryVersion version, IReadOnlyList<Mmu> processors, ProcessorRegisters[] registers)
    {
        // Knows first whether there is anything to write.
        var bytes = new VersionBytes(memory, version);
        stream.Write(SnapshotFormat.Magic);
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, SnapshotFormat.Version);
        stream.Write(number);
        using var writer = new SnapshotWriter(stream);
        writer.WriteHeader(memory, version.Map, processors, registers);
        writer.WritePages(memory, bytes);
        stream.Flush();
    }

    /// <summary>Frees its buffers; the stream stays open.</summary>
    public void Dispose() => _writer.Dispose();

    private void WriteHeader(PhysicalMemory memory, MemoryMap map, IReadOnlyList<Mmu> processors, ProcessorRegisters[] registers)
    {
        _writer.Write(memory.Ranges.Count);
        foreach (MemoryRange range in memory.Ranges) WriteRange(range.Start.Value, range.End, range.Kind);
        _writer.Write(map.Segments.Length);
        foreach (MemorySegment segment in map.Segments)
        {
            WriteRange(segment.Start, segment.End, segment.Kind);
            _writer.Write(segment.DeviceStart);
        }

        _writer.Write(registers.Length);
        for (int i = 0; i < registers.Length; i++)
        {
            byte[] features = Encoding.UTF8.GetBytes(processors[i].Features.ToString());
            _writer.Write((ushort)features.Length);
            _writer.Write(features);
            WriteState(registers[i].State);
            _writer.Write(registers[i].Cr2);
            WriteSegments(registers[i].Segments);
        }

        EndRecord(SnapshotFormat.HeaderRecord);
    }

    private void WriteRange(ulong start, ulong end, MemoryKind kind)
    {
        _writer.Write(start);
        _writer.Write(end);
        _writer.Write((byte)kind);
    }

    private void WriteState(in PagingState state)
    {
        _writer.Write(state.Cr0.Value);
        _writer.Write(state.Cr3.Value);
        _writer.Write(state.Cr4.Value);
        _writer.Write(state.Efer.Value);
        _writer.Write(state.RFlags.Value);
        _writer.Write(state.Pkru.Value);
        _writer.Write(state.Pkrs.Value);
        _writer.Write(state.Cpl);
        foreach (ulong pdpte in state.Pdptes) _writer.Write(pdpte);
    }

    private void WriteSegments(SegmentationRegisters segments)
    {
        foreach (CachedSegment segment in segments.Segments) WriteSegment(in segment);
        WriteSegment(segments.Ldtr);
        WriteSegment(segments.Tr);
        _writer.Write(segments.Gdtr.Base);
        _writer.Write(segments.Gdtr.Limit);
        _writer.Write(segments.Cpl);
        _writer.Write(segments.KernelGsBase);
    }

    private void WriteSegment(in CachedSegment segment)
    {
        _writer.Write(segment.Selector.Value);
        _writer.Write(segment.Base);
        _writer.Write(segment.Limit);
        _writer.Write(segment.Attributes.Value);
    }

    private void WritePages(PhysicalMemory memory, VersionBytes bytes)
    {
        const int room = SnapshotFormat.PagesAtOnce * SnapshotFormat.PageBytes;
        byte[] contents = new byte[room];
        byte[] compressed = new byte[BrotliEncoder.GetMaxCompressedLength(room)];
        var pages = new List<ulong>();
        ulong written = 0;
        foreach (MemoryRange range in memory.Ranges)
        {
            for (ulong page = range.Start.Value; page < range.End; page += SnapshotFormat.PageBytes)
            {
                ReadOnlySpan<byte> page4K = bytes[page];
                if (!page4K.ContainsAnyExcept((byte)0)) continue;
                page4K.CopyTo(contents.AsSpan(pages.Count * SnapshotFormat.PageBytes));
                pages.Add(page);
                written++;
                if (pages.Count == SnapshotFormat.PagesAtOnce) WriteRecord(pages, contents, compressed);
            }
        }

        if (pages.Count != 0) WriteRecord(pages, contents, compressed);
        _writer.Write(written);
        EndRecord(SnapshotFormat.EndRecord);
    }

    private void WriteRecord(List<ulong> pages, byte[] contents, byte[] compressed)
    {
        ReadOnlySpan<byte> source = contents.AsSpan(0, pages.Count * SnapshotFormat.PageBytes);
        bool smaller = BrotliEncoder.TryCompress(source, compressed, out int count, Quality, WindowBits) && count < source.Length;
        _writer.Write(smaller ? SnapshotFormat.Brotli : SnapshotFormat.Stored);
        _writer.Write(pages.Count);
        foreach (ulong page in pages) _writer.Write(page);
        _writer.Write(smaller ? compressed.AsSpan(0, count) : source);
        EndRecord(SnapshotFormat.PagesRecord);
        pages.Clear();
    }

    private void EndRecord(byte kind)
    {
        _writer.Flush();
        byte[] body = [kind, .. _body.GetBuffer().AsSpan(0, (int)_body.Length)];
        _body.SetLength(0);
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(number, body.Length);
        _stream.Write(number);
        _stream.Write(body);
        BinaryPrimitives.WriteUInt32LittleEndian(number, SnapshotFormat.Checksum(_number++, body));
        _stream.Write(number);
    }
}
