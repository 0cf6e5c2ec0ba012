using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FastMmu.Snapshots;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Memory;

public sealed class SnapshotFileTests
{
    private static readonly MemoryRange[] Ranges = [new(0UL, 1 * MiB), new(1UL << 40, 64 * KiB), new(0x3_0000_0000_0000UL, 64 * KiB, MemoryKind.Rom)];

    /// <summary>A BIOS that was shadowed is one stretch with the RAM on both sides of it.</summary>
    [Fact]
    public void RangesThatHaveGrownTogether_AreLoadedAsTheyWereSaved()
    {
        using var memory = new PhysicalMemory([new(0UL, 0xf_0000), new(0xf_0000UL, 64 * KiB, MemoryKind.Rom), new(1 * MiB, 15 * MiB)]);
        var machine = new Machine(memory);
        memory.SetKind(0xf_0000, 64 * KiB, MemoryKind.Ram);
        memory.Write(0xf_fffe, 0x1234_5678);
        Assert.Equal("0-1000000 Ram", Assert.Single(memory.Layout).ToString());
        using var file = new MemoryStream();
        using (Snapshot shadowed = machine.TakeSnapshot()) shadowed.Save(file);
        memory.Unmap(0xf_0000, 64 * KiB);
        memory.Write(0x10_0000, 0);

        file.Position = 0;
        using Snapshot loaded = machine.LoadSnapshot(file);
        machine.Restore(loaded);
        Assert.Equal("0-1000000 Ram", Assert.Single(memory.Layout).ToString());
        Assert.Equal(0x1234_5678, memory.Read<int>(0xf_fffe));
        memory.Write(0xf_fffe, 1);
        Assert.Equal(1, memory.Read<int>(0xf_fffe));
    }

    [Fact]
    public void ASnapshotOfThePast_IsSavedAsItWas_AndLoadedElsewhere()
    {
        using var here = new Subject();
        var random = new Random(5);
        random.NextBytes(here.Memory.Span(0x8000, 0x9_0000));
        here.Memory.Write((1UL << 40) + 0x1ffc, ulong.MaxValue);
        here.Memory.LoadRom(Ranges[2].Start, "BIOS"u8);
        here.Mmu.Segments[SegmentRegister.GS] = CachedSegment.FromDescriptor(0x68, GdtEntry.Init(0x4093, 0x5000, 0xfff));
        here.Mmu.EnablePaging(0x8000UL);
        here.Mmu.Cr2 = 0x1234;
        here.Memory.SetKind(0x4_0000, 0x1000, MemoryKind.Rom);
        string layout = string.Join(", ", here.Memory.Layout);
        byte[] bytes = here.Bytes();
        ProcessorRegisters registers = here.Mmu.CaptureRegisters();
        using Snapshot past = here.Machine.TakeSnapshot();
        here.Memory.Unmap(0UL, 1 * MiB);
        here.Memory.Write(0x8000, new byte[0x3000]);
        using Snapshot later = here.Machine.TakeSnapshot();
        here.Memory.Write(0xa000, 7);
        here.Mmu.LoadState(new PagingState(here.Mmu.Features));
        using var file = new MemoryStream();
        past.Save(file);
        Assert.True(file.Length < 0x9_8000);
        file.WriteByte(77);

        using var there = new Subject();
        there.Memory.Write(0x1000, 1);
        there.Memory.Write(0x8000, -1);
        file.Position = 0;
        using Snapshot loaded = there.Machine.LoadSnapshot(file);
        Assert.Equal(77, file.ReadByte());
        Assert.Equal(1, there.Memory.Read<int>(0x1000));
        Assert.Equal(-1, there.Memory.Read<int>(0x8000));
        using Snapshot before = there.Machine.TakeSnapshot();
        for (int round = 0; round < 2; round++)
        {
            there.Machine.Restore(loaded);
            Assert.True(there.Bytes().AsSpan().SequenceEqual(bytes));
            Assert.Equal(layout, string.Join(", ", there.Memory.Layout));
            SnapshotTests.AssertSame(registers, there.Mmu.CaptureRegisters());
            there.Machine.Restore(before);
            Assert.Equal(1, there.Memory.Read<int>(0x1000));
            Assert.Equal(-1, there.Memory.Read<int>(0x8000));
        }
    }

    [Fact]
    public void ATruncatedFile_IsRefusedAtEveryLength()
    {
        byte[] file = SmallFile();
        using var there = new Subject();
        byte[] before = there.Bytes();
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => there.Machine.LoadSnapshot(new MemoryStream(file, 0, length)));
        }

        Assert.True(there.Bytes().AsSpan().SequenceEqual(before));
        Assert.Equal(0, there.Machine.WrittenPages);
        there.Machine.LoadSnapshot(new MemoryStream(file)).Dispose();
    }

    [Fact]
    public void AFlippedBit_IsFoundWhereverItIs()
    {
        byte[] file = SmallFile();
        using var there = new Subject();
        for (int at = 0; at < file.Length; at++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] flipped = [.. file];
                flipped[at] ^= (byte)(1 << bit);
                InvalidDataException refused = Assert.Throws<InvalidDataException>(() => there.Machine.LoadSnapshot(new MemoryStream(flipped)));
                Assert.NotEmpty(refused.Message);
            }
        }
    }

    // With a checksum that fits, every byte of a record is somebody's word against ours.
    [Fact]
    public void AForgedFile_IsLoadedOrRefused_AndNothingElse()
    {
        byte[] file = SmallFile();
        using var there = new Subject();
        var random = new Random(11);
        int refused = 0;
        for (int round = 0; round < 1500; round++)
        {
            byte[] forged = Forge(file, random);
            try
            {
                using Snapshot loaded = there.Machine.LoadSnapshot(new MemoryStream(forged));
                there.Machine.Restore(loaded);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 250, 1499);
    }

    [Fact]
    public void OtherMachines_AreRefused_WithTheReason()
    {
        byte[] file = SmallFile();
        using PhysicalMemory small = PhysicalMemory.Create(1 * MiB);
        Assert.Contains("it is of a memory of 0-100000 Ram", Refusal(new Machine(small)), StringComparison.Ordinal);
        using var memory = new PhysicalMemory(Ranges);
        Assert.Contains("it has 1 processors, and the machine has 0", Refusal(new Machine(memory)), StringComparison.Ordinal);
        using var mmu = new Mmu(memory, ProcessorFeatures.SapphireRapids);
        Assert.Contains("its processor 0 is", Refusal(new Machine(memory, mmu)), StringComparison.Ordinal);
        file[8] = 9;
        using var zen = new Mmu(memory, ProcessorFeatures.Zen4);
        Assert.Equal("A snapshot of version 9: this reads version 1.", Refusal(new Machine(memory, zen)));
        file[0] = (byte)'f';
        Assert.StartsWith("No snapshot", Refusal(new Machine(memory, zen)), StringComparison.Ordinal);

        string Refusal(Machine machine) => Assert.Throws<InvalidDataException>(() => machine.LoadSnapshot(new MemoryStream(file))).Message;
    }

    [Fact]
    public void Devices_AreThoseOfTheMachineThatLoads()
    {
        using var here = new Subject();
        here.Memory.MapDevice(0x5000, 0x100, new Number(1));
        using var file = new MemoryStream();
        using (Snapshot snapshot = here.Machine.TakeSnapshot()) snapshot.Save(file);
        using var there = new Subject();
        file.Position = 0;
        Assert.Contains("map it first", Assert.Throws<InvalidDataException>(() => there.Machine.LoadSnapshot(file)).Message, StringComparison.Ordinal);
        there.Memory.MapDevice(0x5000, 0x100, new Number(2));
        file.Position = 0;
        using Snapshot loaded = there.Machine.LoadSnapshot(file);
        there.Memory.Unmap(0x5000, 0x100);
        Assert.Equal(0, there.Memory.Read<byte>(0x5000));
        there.Machine.Restore(loaded);
        Assert.Equal(2, there.Memory.Read<byte>(0x5000));
    }

    private static byte[] SmallFile()
    {
        using var here = new Subject();
        here.Memory.Write(0x2000, "some bytes of a page"u8);
        here.Memory.Write((1UL << 40) + 0x3000, 1);
        here.Mmu.EnablePaging(0x2000UL);
        using Snapshot snapshot = here.Machine.TakeSnapshot();
        using var file = new MemoryStream();
        snapshot.Save(file);
        return file.ToArray();
    }

    // Changes bytes of one record, and mends its checksum.
    private static byte[] Forge(byte[] file, Random random)
    {
        byte[] forged = [.. file];
        int records = 3, at = 12;
        int chosen = random.Next(records);
        for (int number = 0; number < records; number++)
        {
            int length = BitConverter.ToInt32(forged, at);
            Span<byte> body = forged.AsSpan(at + 4, length);
            if (number == chosen)
            {
                for (int i = random.Next(1, 4); i > 0; i--) body[random.Next(length)] = (byte)random.Next();
                BitConverter.TryWriteBytes(forged.AsSpan(at + 4 + length), SnapshotFormat.Checksum((ulong)number, body));
            }

            at += length + 8;
        }

        return forged;
    }

    private sealed class Subject : IDisposable
    {
        internal PhysicalMemory Memory { get; } = new(Ranges, hugePages: false);

        internal Mmu Mmu { get; }

        internal Machine Machine { get; }

        internal Subject()
        {
            Mmu = new Mmu(Memory, ProcessorFeatures.Zen4);
            Machine = new Machine(Memory, Mmu);
        }

        internal byte[] Bytes() => [.. Ranges.SelectMany(r => Memory.BackingOf(r.Start.Value, (int)r.Length).ToArray())];

        public void Dispose()
        {
            Mmu.Dispose();
            Memory.Dispose();
        }
    }

    private sealed class Number(byte value) : IMemoryDevice
    {
        public ulong Read(in DeviceAccess access) => value;

        public void Write(in DeviceAccess access, ulong value)
        {
        }
    }
}
