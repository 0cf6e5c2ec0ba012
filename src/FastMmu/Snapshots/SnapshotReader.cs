using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Snapshots;

/// <summary>Reads what <see cref="SnapshotWriter"/> wrote, and believes nothing of it.</summary>
internal sealed class SnapshotReader
{
    private readonly Stream _stream;
    private byte[] _body = [];
    private long _position;
    private long _recordAt;
    private ulong _number;

    private SnapshotReader(Stream stream) => _stream = stream;

    /// <summary>Reads a file up to its end record.</summary>
    /// <exception cref="InvalidDataException">The file is truncated, damaged, of another version, or of another machine: the message says what and where.</exception>
    internal static SnapshotContents Read(Stream stream, PhysicalMemory memory, IReadOnlyList<Mmu> processors)
    {
        var reader = new SnapshotReader(stream);
        try
        {
            reader.ReadPreamble();
            if (reader.NextRecord() != SnapshotFormat.HeaderRecord) throw reader.Damaged("the header is missing");
            (MemoryMap map, ProcessorRegisters[] registers) = reader.ReadHeader(memory, processors);
            var pages = new List<ulong>();
            var bytes = new List<byte[]>();
            byte kind;
            while ((kind = reader.NextRecord()) == SnapshotFormat.PagesRecord) reader.ReadPages(memory, pages, bytes);
            if (kind != SnapshotFormat.EndRecord) throw reader.Damaged($"records of kind {kind} are unknown");
            if (reader.Contents().ReadUInt64() != (ulong)pages.Count) throw reader.Damaged($"the end speaks of other than {pages.Count} pages");
            return new(map, registers, pages, bytes);
        }
        catch (EndOfStreamException)
        {
            // Of the contents of one record: the stream's own end is met elsewhere.
            throw reader.Damaged("it is too short for what it should hold");
        }
    }

    private void ReadPreamble()
    {
        Span<byte> start = stackalloc byte[SnapshotFormat.Magic.Length + 4];
        Fill(start);
        if (!start.StartsWith(SnapshotFormat.Magic)) throw new InvalidDataException("No snapshot: it does not begin with the letters FastMmuS.");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(start[SnapshotFormat.Magic.Length..]);
        if (version != SnapshotFormat.Version) throw new InvalidDataException($"A snapshot of version {version}: this reads version {SnapshotFormat.Version}.");
    }

    // Returns the kind; the contents are behind it in the body.
    private byte NextRecord()
    {
        _recordAt = _position;
        Span<byte> number = stackalloc byte[4];
        Fill(number);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(number);
        if (length is 0 or > SnapshotFormat.LongestRecord) throw Damaged($"a length of {length} bytes is impossible");
        _body = new byte[length];
        Fill(_body);
        Fill(number);
        if (BinaryPrimitives.ReadUInt32LittleEndian(number) != SnapshotFormat.Checksum(_number, _body)) throw Damaged("the checksum differs");
        _number++;
        return _body[0];
    }

    private BinaryReader Contents() => new(new MemoryStream(_body, 1, _body.Length - 1));

    private (MemoryMap Map, ProcessorRegisters[] Registers) ReadHeader(PhysicalMemory memory, IReadOnlyList<Mmu> processors)
    {
        BinaryReader header = Contents();
        var ranges = new (ulong Start, ulong End, MemoryKind Kind)[ReadCount(header)];
        foreach (ref (ulong, ulong, MemoryKind) range in ranges.AsSpan()) range = ReadRange(header);
        if (!ranges.SequenceEqual(memory.Ranges.Select(r => (r.Start.Value, r.End, r.Kind))))
        {
            throw Damaged($"it is of a memory of {string.Join(", ", ranges.Select(r => $"{r.Start:x}-{r.End:x} {r.Kind}"))}, and this one is {string.Join(", ", memory.Ranges)}");
        }

        var layout = new List<(MemoryRange Range, ulong DeviceStart)>();
        ulong before = 0;
        for (int i = ReadCount(header); i > 0; i--)
        {
            (ulong start, ulong end, MemoryKind kind) = ReadRange(header);
            if (start < before || end <= start || end > 1UL << 52 || kind is not (MemoryKind.Ram or MemoryKind.Rom or MemoryKind.Device))
            {
                throw Damaged($"the layout has {start:x}-{end:x} {kind}");
            }

            layout.Add((new(start, end - start, kind), header.ReadUInt64()));
            before = end;
        }

        string? problem = memory.TryMapOf(layout, out MemoryMap? map);
        if (problem is not null) throw Damaged(problem);
        int count = header.ReadInt32();
        if (count != processors.Count) throw Damaged($"it has {count} processors, and the machine has {processors.Count}");
        var registers = new ProcessorRegisters[count];
        for (int i = 0; i < count; i++) registers[i] = ReadRegisters(header, processors[i].Features, i);
        if (header.BaseStream.Position != header.BaseStream.Length) throw Damaged("it is longer than what it holds");
        return (map!, registers);
    }

    private int ReadCount(BinaryReader header)
    {
        int count = header.ReadInt32();
        // Each takes some bytes of this record, which bounds it.
        return (uint)count <= (uint)_body.Length ? count : throw Damaged($"a number of {count} is impossible");
    }

    private static (ulong Start, ulong End, MemoryKind Kind) ReadRange(BinaryReader header) => (header.ReadUInt64(), header.ReadUInt64(), (MemoryKind)header.ReadByte());

    private ProcessorRegisters ReadRegisters(BinaryReader header, ProcessorFeatures features, int index)
    {
        string other = Encoding.UTF8.GetString(header.ReadBytes(header.ReadUInt16()));
        if (other != features.ToString()) throw Damaged($"its processor {index} is {other}, and the machine's is {features}");
        var state = new PagingState(features)
        {
            Cr0 = header.ReadUInt64(),
            Cr3 = header.ReadUInt64(),
            Cr4 = header.ReadUInt64(),
            Efer = header.ReadUInt64(),
            RFlags = header.ReadUInt64(),
            Pkru = header.ReadUInt32(),
            Pkrs = header.ReadUInt32(),
            Cpl = header.ReadInt32(),
        };
        for (int i = 0; i < 4; i++) state.Pdptes[i] = header.ReadUInt64();
        string? problem = state.Cpl is < 0 or > 3 ? $"privilege {state.Cpl}" : ControlRegisterRules.Inconsistency(in state);
        if (problem is not null) throw Damaged($"no processor can hold the registers of processor {index}: {problem}");
        ulong cr2 = header.ReadUInt64();
        var segments = new CachedSegment[6];
        foreach (ref CachedSegment segment in segments.AsSpan()) segment = ReadSegment(header);
        var all = new SegmentationRegisters(
            segments, ReadSegment(header), ReadSegment(header), new DescriptorTableRegister(header.ReadUInt64(), header.ReadUInt16()), header.ReadInt32(), header.ReadUInt64());
        if (all.Cpl is < 0 or > 3) throw Damaged($"processor {index} has privilege {all.Cpl}");
        return new(state, all, cr2);
    }

    private static CachedSegment ReadSegment(BinaryReader header) => new(header.ReadUInt16(), header.ReadUInt64(), header.ReadUInt32(), header.ReadUInt16());

    private void ReadPages(PhysicalMemory memory, List<ulong> pages, List<byte[]> bytes)
    {
        BinaryReader record = Contents();
        byte method = record.ReadByte();
        int count = record.ReadInt32();
        if (count is <= 0 or > SnapshotFormat.PagesAtOnce) throw Damaged($"{count} pages in one record");
        for (int i = 0; i < count; i++)
        {
            ulong page = record.ReadUInt64();
            bool ascends = pages.Count == 0 || page > pages[^1];
            if (!ascends || (page & 0xfff) != 0 || !memory.IsBacked(page)) throw Damaged($"a page at {page:x}");
            pages.Add(page);
        }

        ReadOnlySpan<byte> source = _body.AsSpan(1 + (int)record.BaseStream.Position);
        byte[] contents = new byte[count * SnapshotFormat.PageBytes];
        int length = 0;
        bool read = method switch
        {
            SnapshotFormat.Stored => source.TryCopyTo(contents) && (length = source.Length) > 0,
            SnapshotFormat.Brotli => BrotliDecoder.TryDecompress(source, contents, out length),
            _ => throw Damaged($"method {method} of compression is unknown"),
        };
        if (!read || length != contents.Length) throw Damaged("its pages cannot be decompressed");
        for (int i = 0; i < count; i++) bytes.Add(contents.AsSpan(i * SnapshotFormat.PageBytes, SnapshotFormat.PageBytes).ToArray());
    }

    private void Fill(Span<byte> destination)
    {
        int read = _stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        _position += read;
        if (read < destination.Length) throw new InvalidDataException($"The snapshot is truncated: it ends after {_position} bytes, in record {_number}.");
    }

    private InvalidDataException Damaged(string how) => new($"The snapshot is refused: in record {_number} at byte {_recordAt}, {how}.");
}
