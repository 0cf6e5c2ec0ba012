using System.Globalization;
using System.Text;
using FastMmu.Tests.Recorded;
using FastMmu.Traces;
using Xunit;

namespace FastMmu.Tests.Traces;

public sealed class LackeyReaderTests
{
    private const int Seed = 4711;

    [Theory]
    [InlineData("I  04001000,3", 0x4001000UL, 3, TraceAccessKind.Fetch)]
    [InlineData(" L 1ffeffe7e0,8", 0x1ffeffe7e0UL, 8, TraceAccessKind.Load)]
    [InlineData(" S 1ffeffe7e8,16", 0x1ffeffe7e8UL, 16, TraceAccessKind.Store)]
    [InlineData(" M 0485f2a0,4", 0x485f2a0UL, 4, TraceAccessKind.Modify)]
    [InlineData(" L ffffffffff600000,1", 0xffff_ffff_ff60_0000UL, 1, TraceAccessKind.Load)]
    [InlineData(" S 0,2696", 0UL, 2696, TraceAccessKind.Store)]
    [InlineData(" L ABCDEF0,512", 0xabcdef0UL, 512, TraceAccessKind.Load)]
    [InlineData("I  04001000,3\r", 0x4001000UL, 3, TraceAccessKind.Fetch)]
    [InlineData(" L 12345678,123\r", 0x12345678UL, 123, TraceAccessKind.Load)]
    public void Line_OfEachKind_IsRead(string line, ulong address, int size, TraceAccessKind kind)
    {
        TraceAccess expected = new(address, (ushort)size, kind);
        Assert.Equal([expected], ReadAll(line + "\n"));
        Assert.Equal([expected], ReadAll(line));
        Assert.Equal([expected], ReadAll("==1== before\n" + line + "\n--1-- between\n**1** after"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("I 04001000,3")]
    [InlineData("I  ,3")]
    [InlineData("I  04001000")]
    [InlineData("I  04001000,")]
    [InlineData("I  04001000,0")]
    [InlineData("I  04001000,3 ")]
    [InlineData("I  04001000,-3")]
    [InlineData("I  04001000,+3")]
    [InlineData("I  04001000,70000")]
    [InlineData("I  04001000,123456")]
    [InlineData("I  0400100g,3")]
    [InlineData("I  -4001000,3")]
    [InlineData("I  0x4001000,3")]
    [InlineData("I  12345678901234567,3")]
    [InlineData("L  04001000,3")]
    [InlineData(" I 04001000,3")]
    [InlineData(" X 04001000,3")]
    [InlineData(" l 04001000,3")]
    [InlineData(" L\t04001000,3")]
    [InlineData("== 12 == text")]
    [InlineData("=1==")]
    [InlineData("==1=")]
    [InlineData("hello world")]
    public void Line_Malformed_StopsThereWithItsNumber(string line)
    {
        using var reader = new LackeyReader(new MemoryStream(Encoding.ASCII.GetBytes($"==1== remark\n L 1000,8\n S 2000,4\n{line}\n L 3000,8\n")));
        var accesses = new TraceAccess[16];
        Assert.Equal(2, reader.Read(accesses));
        Assert.Contains("line 4:", Assert.Throws<InvalidDataException>(() => reader.Read(accesses)).Message, StringComparison.Ordinal);
        Assert.Equal(4, reader.LineNumber);
        Assert.Throws<InvalidDataException>(() => reader.Read(accesses));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void Reading_OfManyLines_EqualsASimpleReading(int room)
    {
        var random = new Random(Seed);
        var expected = new List<TraceAccess>();
        var text = new StringBuilder();
        int lines = room == 1 ? 60_000 : 200_000;
        for (int i = 0; i < lines; i++)
        {
            if (random.Next(1000) == 0) text.Append(CultureInfo.InvariantCulture, $"=={random.Next()}== {new string('x', random.Next(random.Next(10) == 0 ? 60_000 : 60))}\n");
            var kind = (TraceAccessKind)random.Next(4);
            ulong address = (ulong)random.NextInt64() >> random.Next(63);
            int size = random.Next(20) == 0 ? random.Next(1, 65536) : random.Next(1, 65);
            expected.Add(new TraceAccess(address, (ushort)size, kind));
            text.Append(kind == TraceAccessKind.Fetch ? "I  " : $" {"?LMS"[(int)kind]} ").Append(address.ToString(random.Next(2) == 0 ? "x8" : "X")).Append(',')
                .Append(size).Append(random.Next(50) == 0 ? "\r\n" : "\n");
        }

        Assert.Equal(expected, ReadAll(text.ToString(), room));
        if (room > 1) Assert.Equal(expected, ReadAll(TemporaryFile.Gzip(text.ToString()), room));
    }

    [Fact]
    public void Line_LongerThanAnyTrace_IsRefused()
    {
        using var reader = new LackeyReader(new MemoryStream(Encoding.ASCII.GetBytes(" L 1000,8\n" + new string('a', 2_000_000))));
        var accesses = new TraceAccess[4];
        Assert.Equal(1, reader.Read(accesses));
        Assert.Contains("line 2:", Assert.Throws<InvalidDataException>(() => reader.Read(accesses)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gzip_CutAnywhere_IsNoticedBehindWhatWasThere()
    {
        byte[] whole = TemporaryFile.Gzip(string.Concat(Enumerable.Range(0, 3000).Select(i => $" L {i:x8},8\n")));
        var accesses = new TraceAccess[4096];
        for (int length = 3; length < whole.Length; length += Math.Max(1, whole.Length / 97))
        {
            using var reader = new LackeyReader(new MemoryStream(whole[..length]));
            long read = 0;
            InvalidDataException failure = Assert.Throws<InvalidDataException>(() =>
            {
                for (int count; (count = reader.Read(accesses)) > 0;) read += count;
            });
            Assert.Contains("gzip", failure.Message, StringComparison.Ordinal);
            Assert.Equal(read + 1, reader.LineNumber);
        }
    }

    [Fact]
    public void Gzip_OfSeveralMembers_IsOneTrace()
    {
        byte[] members = [.. TemporaryFile.Gzip(" L 1000,8\n S 2"), .. TemporaryFile.Gzip("000,4\n")];
        Assert.Equal([new TraceAccess(0x1000, 8, TraceAccessKind.Load), new TraceAccess(0x2000, 4, TraceAccessKind.Store)], ReadAll(members, 16));
    }

    [Fact]
    public void File_EmptyOrOfRemarksOnly_HasNoAccess()
    {
        Assert.Empty(ReadAll(""));
        Assert.Empty(ReadAll("==1== Lackey\n"));
        Assert.Empty(ReadAll(TemporaryFile.Gzip(""), 16));
    }

    [Fact]
    public void Reader_DisposedInTheMiddle_EndsItsThread()
    {
        string text = string.Concat(Enumerable.Repeat(" L 1000,8\n", 400_000));
        for (int i = 0; i < 20; i++)
        {
            var reader = new LackeyReader(new MemoryStream(Encoding.ASCII.GetBytes(text)));
            if (i % 2 == 0) reader.Read(new TraceAccess[10]);
            reader.Dispose();
        }
    }

    [Fact]
    public void Reading_OfLines_AllocatesNothing()
    {
        byte[] text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("I  04001000,3\n L 1000,512\n", 200_000)));
        using var reader = new LackeyReader(new MemoryStream(text));
        var accesses = new TraceAccess[256];
        for (int i = 0; i < 1000; i++) reader.Read(accesses);
        long read = 0;
        int calls = 0, allocating = 0;
        for (int count = -1; count != 0; calls++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            count = reader.Read(accesses);
            allocating += GC.GetAllocatedBytesForCurrentThread() == before ? 0 : 1;
            read += count;
        }

        Assert.Equal(400_000 - (1000 * 256), read);
        // Waiting for a block of the file may allocate, as much as it likes; a call that does not wait may not.
        Assert.True(allocating <= (text.Length / (1 << 18)) + 2, $"{allocating} of {calls} calls allocated");
    }

    private static List<TraceAccess> ReadAll(string text, int room = 16) => ReadAll(Encoding.ASCII.GetBytes(text), room);

    private static List<TraceAccess> ReadAll(byte[] file, int room)
    {
        using var reader = new LackeyReader(new MemoryStream(file));
        var all = new List<TraceAccess>();
        var accesses = new TraceAccess[room];
        for (int count; (count = reader.Read(accesses)) > 0;) all.AddRange(accesses.AsSpan(0, count));
        return all;
    }
}
