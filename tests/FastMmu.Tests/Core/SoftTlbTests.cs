using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

public sealed class SoftTlbTests : IDisposable
{
    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 16 * MiB), new MemoryRange(0xff00_0000, 1 * MiB, MemoryKind.Rom)]);

    public void Dispose() => _memory.Dispose();

    /// <summary>
    /// Pages of all sizes come, go and change their rights, in several address spaces, global or not; whoever changes one says so. Every access is as if the translator
    /// were asked each time.
    /// </summary>
    [Fact]
    public void TlbNeverAnswersOtherwiseThanItsTranslator() => Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
    {
        var random = new Random(seed);
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages);
        for (int step = 0; step < 400; step++)
        {
            int space = random.Next(3) == 0 ? 0x1_0001 : random.Next(1, 4);
            switch (random.Next(8))
            {
                case 0:
                    pages.Map(random, space, tlb);
                    break;
                case 1:
                    tlb.Enter(space, (ulong)random.Next(2));
                    break;
                default:
                    Check(tlb, pages, random);
                    break;
            }
        }

        foreach (FastMmu.Tlb.FastEntry entry in tlb.Entries())
        {
            if (!entry.InForce) continue;
            Assert.True(pages.TryFind(tlb.AddressSpace, entry.Linear.Value, entry.Access, entry.Privilege, tlb.Regime, out SoftPage page));
            Assert.Equal((page.Physical, page.Shift, page.Rights), (entry.Physical, (int)entry.PageSize, entry.Rights));
        }
    }).Holds(60);

    [Fact]
    public void Hits_AskNobody()
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages);
        pages.Add(0, 0x5000, new(0x10_0000));
        for (int i = 0; i < 10; i++) Assert.True(tlb.TryRead(0x5008, out long _));
        Assert.Equal(1UL, tlb.Misses);
        Assert.True(tlb.TryWrite(0x5008, 1L));
        Assert.True(tlb.TryWrite(0x5010, 2L));
        Assert.Equal(2UL, tlb.Misses);
        Assert.Equal((1L, 2L), (_memory.Read<long>(0x10_0008), _memory.Read<long>(0x10_0010)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) tlb.TryRead(0x5008, out long _);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void ADevice_IsToldWhetherItIsReadOrFetched()
    {
        var device = new Kinds();
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        memory.MapDevice(0x1000, 4 * KiB, device);
        var pages = new RandomPages();
        pages.Add(0, 0x5000, new(0x1000));
        using var tlb = new SoftTlb(memory, pages);
        Assert.True(tlb.TryRead(0x5000, out int _));
        Assert.True(tlb.TryRead(0x5000, new byte[4]));
        Assert.True(tlb.TryFetch(0x5000, new byte[4]));
        Assert.True(tlb.TryWrite(0x5000, new byte[4]));
        Assert.Equal([Access.Read, Access.Read, Access.Execute, Access.Write], device.Seen);
    }

    [Fact]
    public void Pages_OfRomAndNothing_AreReadAndNotKept()
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages);
        pages.Add(0, 0x5000, new(0xff00_0000));
        pages.Add(0, 0x6000, new(0x8000_0000));
        pages.Add(0, 0x7000, new(0x10_0000, Cached: false));
        _memory.LoadRom(0xff00_0010UL, [7]);
        for (int i = 0; i < 2; i++)
        {
            Assert.True(tlb.TryRead(0x5010, out byte rom));
            Assert.True(tlb.TryRead(0x6010, out byte nothing));
            Assert.True(tlb.TryWrite(0x7010, (byte)9));
            Assert.Equal((7, 0xff), (rom, nothing));
        }

        Assert.Equal((6UL, 0), (tlb.Misses, tlb.Entries().Count));
    }

    [Fact]
    public void WhatHappensToTheMemory_IsHeardOf()
    {
        var pages = new RandomPages();
        var memory = PhysicalMemory.Create(16 * MiB);
        using var tlb = new SoftTlb(memory, pages);
        pages.Add(0, 0x5000, new(0x10_0000));
        Assert.True(tlb.TryWrite(0x5000, 1));
        using DirtyLog log = memory.StartDirtyLog();
        for (int i = 0; i < 3; i++)
        {
            Assert.True(tlb.TryWrite(0x5004, 2));
            Assert.True(tlb.TryWrite(0x5008, 2));
            Assert.Equal([new PhysicalAddress(0x10_0000)], log.Take());
        }

        memory.SetKind(0x10_0000UL, 4096, MemoryKind.Rom);
        Assert.True(tlb.TryWrite(0x5004, 5));
        Assert.True(tlb.TryRead(0x5004, out int value));
        Assert.Equal(2, value);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tlb.TryRead(0x5004, out value));
        Assert.Throws<ObjectDisposedException>(() => tlb.TryWrite(0x5004, 1));
    }

    [Fact]
    public void Translator_ThatForgetsWhileItIsAsked_LeavesNothingStale()
    {
        var pages = new RandomPages();
        using var tlb = new SoftTlb(_memory, pages);
        pages.Add(0, 0x5000, new(0x10_0000));
        pages.Add(1, 0x5000, new(0x20_0000));
        pages.Asked = asked => asked.Enter(1);
        Assert.True(tlb.TryTranslate(0x5000, Access.Read, Privilege.User, out PhysicalAddress physical));
        Assert.Equal(0x20_0000UL, physical.Value);
        tlb.Enter(0);
        pages.Asked = asked => asked.InvalidateAll();
        Assert.True(tlb.TryTranslate(0x5000, Access.Read, Privilege.User, out physical));
        Assert.Equal(0x10_0000UL, physical.Value);
        Assert.Empty(tlb.Entries());
    }

    [Theory]
    [InlineData(0x10_0004, 12)]
    [InlineData(0x10_0000, 11)]
    [InlineData(0x10_0000, 64)]
    public void Answer_ThatIsNoPage_IsTheEmbeddersMistake(ulong physical, int shift)
    {
        var pages = new RandomPages { Exact = true };
        using var tlb = new SoftTlb(_memory, pages);
        pages.Add(0, 0x5000, new(physical, shift));
        Assert.Throws<InvalidOperationException>(() => tlb.TryRead(0x5000, out int _));
        Assert.Throws<ArgumentException>(() => tlb.TranslateBatch(new ulong[1], new ulong[2], Access.Read, Privilege.User));
    }

    private void Check(SoftTlb tlb, RandomPages pages, Random random)
    {
        ulong linear = RandomPages.Place(random) + (ulong)random.Next(0x3000);
        var privilege = (Privilege)random.Next(2);
        var access = (Access)random.Next(3);
        bool allowed = pages.TryFind(tlb.AddressSpace, linear, access, privilege, tlb.Regime, out SoftPage page);
        Assert.Equal(allowed, tlb.TryTranslate(linear, access, privilege, out PhysicalAddress physical));
        if (allowed) Assert.Equal(page.Physical, physical);

        tlb.Privilege = privilege;
        byte[] bytes = new byte[random.Next(1, 0x2800)], expected = new byte[bytes.Length];
        bool all = true;
        for (int i = 0; i < expected.Length && all; i++)
        {
            all = pages.TryFind(tlb.AddressSpace, linear + (ulong)i, Access.Read, privilege, tlb.Regime, out page);
            if (all) expected[i] = _memory.Read<byte>(page.Physical);
        }

        if (!all) expected.AsSpan().Clear();
        Assert.Equal(all, tlb.TryRead(linear, bytes));
        Assert.Equal(expected, bytes);
        ulong[] lanes = [linear, linear + 0x1000], found = new ulong[2];
        BatchResult result = tlb.TranslateBatch(lanes, found, access, privilege);
        Assert.Equal(allowed, found[0] != BatchResult.FaultedLane);
        Assert.Equal(2, result.Translated + result.Faulted);
        if (random.Next(3) != 0) return;
        bool writable = pages.TryFind(tlb.AddressSpace, linear, Access.Write, privilege, tlb.Regime, out SoftPage first)
            & pages.TryFind(tlb.AddressSpace, linear + 1, Access.Write, privilege, tlb.Regime, out SoftPage second);
        ushort value = (ushort)random.Next();
        Assert.Equal(writable, tlb.TryWrite(linear, value));
        if (!writable) return;
        Assert.Equal((byte)(value >> 8), _memory.Read<byte>(second.Physical));
        if (first.Physical != second.Physical) Assert.Equal((byte)value, _memory.Read<byte>(first.Physical));
    }

    private sealed class Kinds : IMemoryDevice
    {
        public List<Access> Seen { get; } = [];

        public ulong Read(in DeviceAccess access)
        {
            Seen.Add(access.Kind);
            return 0;
        }

        public void Write(in DeviceAccess access, ulong value) => Seen.Add(access.Kind);
    }
}
