using System.Buffers.Binary;
using FastMmu.Tests.Generators;
using FastMmu.Traces;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Traces;

public sealed class AccessRecorderTests
{
    /// <summary>Over any addresses, sizes and kinds, of any number of blocks.</summary>
    [Fact]
    public void WhatWasRecordedIsRead() => Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
    {
        var random = new Random(seed);
        TraceAccess[] accesses = Some(random, random.Next(4) == 0 ? random.Next(200_000) : random.Next(100));
        Assert.Equal(accesses, ReadAll(Record(accesses), random.Next(1, 70_000)));
    }).Holds(40);

    [Fact]
    public void Extremes_OfAddressAndSize_AreKept()
    {
        TraceAccess[] accesses =
        [
            new(ulong.MaxValue, 1, TraceAccessKind.Load), new(0UL, ushort.MaxValue, TraceAccessKind.Load), new(1UL << 63, 3, TraceAccessKind.Load),
            new((1UL << 63) - 1, 3, TraceAccessKind.Fetch), new(ulong.MaxValue, 15, TraceAccessKind.Fetch), new(14UL, 64, TraceAccessKind.Fetch),
        ];
        Assert.Equal(accesses, ReadAll(Record(accesses), 100));
    }

    [Fact]
    public void Recording_OfNothing_IsComplete() => Assert.Empty(ReadAll(Record([]), 1));

    /// <summary>Every bit of a file counts: whichever is changed, the reader says so, and gives nothing that was not recorded.</summary>
    [Fact]
    public void Recording_WithAFlippedBit_IsRefused()
    {
        TraceAccess[] accesses = Some(new Random(1), 300);
        byte[] file = Record(accesses);
        for (int bit = 0; bit < 8 * file.Length; bit++)
        {
            file[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertRefused(file, accesses);
            file[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Recording_CutAnywhere_IsRefused()
    {
        TraceAccess[] accesses = Some(new Random(2), 300);
        byte[] file = Record(accesses);
        for (int length = 0; length < file.Length; length++) AssertRefused(file[..length], accesses);
        AssertRefused([.. file, 0], accesses);
        AssertRefused([.. file, .. file], accesses);
    }

    // With the right sum over wrong bytes, as only somebody makes who means to.
    [Fact]
    public void Recording_OfRandomBlocks_NeverFailsOtherwise()
    {
        var random = new Random(3);
        for (int i = 0; i < 3000; i++)
        {
            TraceAccess[] accesses = Some(random, random.Next(50));
            byte[] file = Record(accesses);
            int block = AccessStream.HeaderBytes, stored = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(block + 8));
            for (int n = random.Next(1, 4); n > 0; n--) file[block + random.Next(AccessStream.BlockHeaderBytes + stored)] = (byte)random.Next(256);
            stored = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(block + 8));
            int begin = block + AccessStream.BlockHeaderBytes;
            if (stored < 0 || stored > file.Length - begin) continue;
            BinaryPrimitives.WriteUInt32LittleEndian(
                file.AsSpan(block + 12), AccessStream.Sum(file.AsSpan(block, AccessStream.BlockHeaderBytes), file.AsSpan(begin, stored)));
            try
            {
                ReadAll(file, 7);
            }
            catch (InvalidDataException refused)
            {
                Assert.StartsWith("block ", refused.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(8, 2, "the recording has version 2, and 1 is known")]
    [InlineData(0, 0, "no recording of accesses: the first bytes are others")]
    [InlineData(13, 9, "block 1 is damaged")]
    [InlineData(40, 0xff, "block 1 is damaged")]
    public void Recording_ThatIsRefused_SaysWhy(int at, byte value, string reason)
    {
        byte[] file = Record(Some(new Random(4), 300));
        file[at] = value;
        Assert.Equal(reason, Assert.Throws<InvalidDataException>(() => ReadAll(file, 100)).Message);
    }

    [Fact]
    public void Reader_AfterARefusal_GivesNothingMore()
    {
        TraceAccess[] accesses = Some(new Random(5), 70_000);
        byte[] file = Record(accesses);
        file[^30] ^= 4;
        using var reader = new AccessReader(new MemoryStream(file));
        var read = new TraceAccess[100_000];
        Assert.Equal(AccessStream.BlockAccesses - 1, reader.Read(read));
        Assert.Equal(AccessStream.BlockAccesses - 1, reader.Count);
        for (int i = 0; i < 2; i++) Assert.Equal("block 2 is damaged", Assert.Throws<InvalidDataException>(() => reader.Read(read)).Message);
    }

    [Fact]
    public void Recorder_UsedWrongly_Throws()
    {
        using var recorder = new AccessRecorder(new MemoryStream());
        Assert.Throws<ArgumentOutOfRangeException>(() => recorder.Record(0UL, 0, TraceAccessKind.Load));
        Assert.Throws<ArgumentOutOfRangeException>(() => recorder.Record(0UL, 65536, TraceAccessKind.Load));
        Assert.Throws<ArgumentOutOfRangeException>(() => recorder.Record(0UL, 4, (TraceAccessKind)4));
        Assert.Throws<ArgumentOutOfRangeException>(() => recorder.Record([default]));
        recorder.Dispose();
        Assert.Throws<ObjectDisposedException>(() => recorder.Record(0UL, 4, TraceAccessKind.Load));
    }

    [Fact]
    public void Recording_OfARealTrace_IsMuchSmaller()
    {
        string text = RepositoryRoot.Data("traces", "perl-hash.lackey.gz");
        using ITraceReader lackey = TraceFile.Open(text);
        var accesses = new TraceAccess[1_200_000];
        int count = 0;
        for (int read; (read = lackey.Read(accesses.AsSpan(count))) > 0;) count += read;
        byte[] file = Record(accesses[..count]);
        Assert.True(2 * file.Length < new FileInfo(text).Length, $"{file.Length} bytes for {count} accesses");
        Assert.True(accesses.AsSpan(0, count).SequenceEqual(ReadAll(file, 1 << 14)));
    }

    private static void AssertRefused(byte[] file, TraceAccess[] recorded)
    {
        var read = new List<TraceAccess>();
        Assert.Throws<InvalidDataException>(() => ReadAll(file, 64, read));
        Assert.Equal(recorded.Take(read.Count), read);
    }

    private static byte[] Record(TraceAccess[] accesses)
    {
        var file = new MemoryStream();
        using (var recorder = new AccessRecorder(file, leaveOpen: true))
        {
            recorder.Record(accesses.AsSpan(0, accesses.Length / 2));
            foreach (TraceAccess access in accesses.AsSpan(accesses.Length / 2)) recorder.Record(access.Linear, access.Size, access.Kind);
            Assert.Equal(accesses.Length, recorder.Count);
        }

        return file.ToArray();
    }

    private static TraceAccess[] ReadAll(byte[] file, int atOnce, List<TraceAccess>? into = null)
    {
        into ??= [];
        using var reader = new AccessReader(new MemoryStream(file));
        var block = new TraceAccess[atOnce];
        for (int count; (count = reader.Read(block)) > 0;) into.AddRange(block.AsSpan(0, count));
        Assert.Equal(into.Count, reader.Count);
        return [.. into];
    }

    private static TraceAccess[] Some(Random random, int count)
    {
        var accesses = new TraceAccess[count];
        ulong at = 0x40_0000;
        for (int i = 0; i < count; i++)
        {
            at = random.Next(6) switch { 0 => (ulong)random.NextInt64(), 1 => at - (ulong)random.Next(4096), 2 => ulong.MaxValue - (ulong)random.Next(99), _ => at + (ulong)random.Next(64) };
            accesses[i] = new(at, (ushort)(random.Next(5) == 0 ? random.Next(1, 65536) : 1 << random.Next(6)), (TraceAccessKind)random.Next(4));
        }

        return accesses;
    }
}
