using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

/// <summary>Linear addresses that are physical ones: RAM is found as quickly as with paging, and everything else as ever.</summary>
public sealed class UnpagedTests : IDisposable
{
    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 3 * MiB), new MemoryRange(0xffff_0000, 64 * KiB), new MemoryRange(0xfff0_0000, 64 * KiB, MemoryKind.Rom)]);
    private readonly Mmu _mmu;

    public UnpagedTests() => _mmu = new Mmu(_memory, ProcessorFeatures.Zen4);

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    /// <summary>Over the end of RAM, of pages, and of the 32 bits that an address has.</summary>
    [Fact]
    public void UnpagedAccessesAreThoseOfTheBytes() => Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
    {
        var random = new Random(seed);
        for (int i = 0; i < 200; i++)
        {
            ulong[] places = [0, 0xffe, 3 * MiB - 9, 0xffff_fff0, 0xfff0_0000, 0xfffe_fff8, (ulong)random.Next()];
            ulong linear = places[random.Next(places.Length)] + (ulong)random.Next(20) + (random.Next(4) == 0 ? (ulong)random.NextInt64() << 32 : 0);
            ulong value = (ulong)random.NextInt64();
            if (random.Next(2) == 0)
            {
                byte[] expected = [.. Enumerable.Range(0, 8).Select(n => _memory.KindOf((uint)(linear + (ulong)n)) == MemoryKind.Ram
                    ? (byte)(value >> (8 * n)) : _memory.Read<byte>((uint)(linear + (ulong)n)))];
                Assert.True(_mmu.TryWrite(linear, value, out _));
                for (int n = 0; n < 8; n++) Assert.Equal(expected[n], _memory.Read<byte>((uint)(linear + (ulong)n)));
            }

            Assert.True(_mmu.TryRead(linear, out ulong read, out _));
            for (int n = 0; n < 8; n++) Assert.Equal(_memory.Read<byte>((uint)(linear + (ulong)n)), (byte)(read >> (8 * n)));
            Assert.Equal((uint)linear, _mmu.Translate(linear).Physical.Value);
            Assert.Equal(_mmu.Probe(linear), _mmu.Translate(linear));
        }
    }).Holds(30);

    [Fact]
    public void Ram_OnceUsed_IsInTheFastTable()
    {
        Assert.True(_mmu.TryRead(0x1234UL, out int _, out _));
        Assert.True(_mmu.TryWrite(0xffff_fff0UL, 1, out _));
        Assert.True(_mmu.TryRead(0xfff0_0000UL, out int _, out _));
        Assert.True(_mmu.TryRead(0x8000_0000UL, out int _, out _));
        Assert.True(_mmu.TryRead(0x7_0000_2000, out int _, out _));
        Assert.Equal(
            ["0x1000 Read", "0x2000 Read", "0xfffff000 Write"], _mmu.FastEntries().Select(e => $"{e.Physical} {e.Access}").Order());
        Assert.All(_mmu.FastEntries(), e => Assert.Equal((e.Linear.Value, PageSize.None), (e.Physical.Value, e.PageSize)));
    }

    [Fact]
    public void WhatChangesUnderneath_IsSeenAtOnce()
    {
        _memory.Write(0x1000, 1);
        Assert.True(_mmu.TryRead(0x1000UL, out int value, out _));
        Assert.True(_mmu.TryWrite(0x1000UL, 2, out _));
        using DirtyLog log = _memory.StartDirtyLog();
        Assert.True(_mmu.TryWrite(0x1000UL, 3, out _));
        Assert.True(_mmu.TryWrite(0x1004UL, 3, out _));
        Assert.Equal([new PhysicalAddress(0x1000)], log.Take());
        Assert.True(_mmu.TryWrite(0x1000UL, 4, out _));
        Assert.Equal([new PhysicalAddress(0x1000)], log.Take());
        _memory.SetKind(0x1000UL, 4096, MemoryKind.Hole);
        Assert.True(_mmu.TryRead(0x1000UL, out value, out _));
        Assert.Equal(-1, value);
        _memory.Unmap(0x1000UL, 4096);
        Assert.True(_mmu.TryRead(0x1000UL, out value, out _));
        Assert.Equal(4, value);
    }

    [Fact]
    public void Paging_TurnedOnAndOff_MixesNothing()
    {
        PageMapper space = PageMapper.Create<Paging2Level>(_memory, new BitmapFrameAllocator(_memory));
        space.Map(0, 0, 1 * MiB, Rights.SupervisorAll);
        space.Map(0x40_0000, 0x10_0000, 4096, Rights.SupervisorAll);
        _memory.Write(0x10_0000, "paged"u8);
        Assert.Equal(0x40_0000UL, _mmu.Translate(0x40_0000UL).Physical.Value);
        Assert.Equal(0x20_0000UL, _mmu.Translate(0x20_0000UL).Physical.Value);
        for (int i = 0; i < 3; i++)
        {
            Assert.False(_mmu.EnablePaging(space.Root, PagingMode.TwoLevel).IsFault);
            Assert.Equal(0x10_0000UL, _mmu.Translate(0x40_0000UL).Physical.Value);
            Assert.False(_mmu.Translate(0x20_0000UL).Ok);
            Assert.False(_mmu.WriteCr0(_mmu.State.Cr0.Value & ~Cr0.PgBit).IsFault);
            Assert.Equal(0x40_0000UL, _mmu.Translate(0x40_0000UL).Physical.Value);
            Assert.Equal(0x20_0000UL, _mmu.Translate(0x20_0000UL).Physical.Value);
        }
    }

    [Fact]
    public void Batch_WithoutPaging_CutsEachAddress()
    {
        ulong[] linear = [.. Enumerable.Range(0, 100).Select(i => ((ulong)i << 31) + 7)], physical = new ulong[100];
        Assert.Equal(new BatchResult(100, 0, -1), _mmu.TranslateBatch(linear, physical, Access.Write, Privilege.User));
        Assert.Equal(linear.Select(a => (ulong)(uint)a), physical);
    }
}
