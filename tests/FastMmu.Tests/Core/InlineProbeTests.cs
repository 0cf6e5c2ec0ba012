using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

/// <summary>The sequence of <c>docs/jit-probe.md</c>, instruction by instruction, over raw memory.</summary>
public sealed unsafe class InlineProbeTests : IDisposable
{
    private const ulong Base = 0x40_0000;
    private const ulong Device = 0x50_0000;

    private readonly PhysicalMemory _memory = new([new MemoryRange(0UL, 64 * MiB), new MemoryRange(0xff00_0000, 1 * MiB, MemoryKind.Rom)], hugePages: false);
    private readonly List<Mmu> _mmus = [];

    public void Dispose()
    {
        foreach (Mmu mmu in _mmus) mmu.Dispose();
        _memory.Dispose();
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Page_OnceUsed_IsFoundWithTheBytesBehindIt(PagingMode mode)
    {
        Mmu mmu = Create(mode);
        _memory.Write(0x200_1238, 0x1122_3344_5566_7788UL);
        Assert.False(Probe(mmu, Base + 0x1238, 8, Access.Read, Privilege.User, out _));
        mmu.Translate(Base + 0x1000, Access.Read, Privilege.User);
        Assert.True(Probe(mmu, Base + 0x1238, 8, Access.Read, Privilege.User, out byte* host));
        Assert.Equal(0x1122_3344_5566_7788UL, *(ulong*)host);
        Assert.False(Probe(mmu, Base + 0x2238, 8, Access.Read, Privilege.User, out _));
        foreach (int bit in new[] { 25, 31, 32, 46, 47, 48, 55, 56, 57, 63 }) Assert.False(Probe(mmu, (Base + 0x1238) ^ (1UL << bit), 8, Access.Read, Privilege.User, out _));
    }

    [Fact]
    public void Page_UsedInOneWay_IsNotFoundForOthers()
    {
        Mmu mmu = Create(PagingMode.FourLevel);
        mmu.Translate(Base, Access.Read, Privilege.User);
        Assert.True(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
        Assert.False(Probe(mmu, Base, 1, Access.Write, Privilege.User, out _));
        Assert.False(Probe(mmu, Base, 1, Access.Execute, Privilege.User, out _));
        Assert.False(Probe(mmu, Base, 1, Access.Read, Privilege.Supervisor, out _));
        mmu.Translate(Base, Access.Write, Privilege.User);
        Assert.True(Probe(mmu, Base, 1, Access.Write, Privilege.User, out _));
    }

    [Fact]
    public void Access_OverTheEndOfAPage_IsNotFound()
    {
        Mmu mmu = Create(PagingMode.FourLevel);
        for (ulong page = 0; page < 2; page++) mmu.Translate(Base + (page * 4096), Access.Read, Privilege.User);
        foreach (int size in new[] { 1, 2, 4, 8, 16, 64 })
        {
            Assert.True(Probe(mmu, Base + 4096 - (ulong)size, size, Access.Read, Privilege.User, out _));
            if (size > 1) Assert.False(Probe(mmu, Base + 4097 - (ulong)size, size, Access.Read, Privilege.User, out _));
        }
    }

    [Fact]
    public void DevicesAndHoles_Used_AreNotFound()
    {
        Mmu mmu = Create(PagingMode.FourLevel);
        for (ulong page = 0; page < 2; page++)
        {
            Assert.True(mmu.Translate(Device + (page * 4096), Access.Read, Privilege.User).Ok);
            Assert.False(Probe(mmu, Device + (page * 4096), 1, Access.Read, Privilege.User, out _));
        }
    }

    [Fact]
    public void Flushes_AndInvlpg_AreInForceAtTheNextProbe()
    {
        Mmu mmu = Create(PagingMode.FourLevel);
        foreach (Action drop in new Action[] { () => mmu.InvalidatePage(Base), mmu.InvalidateAll, () => mmu.WriteCr3(mmu.State.Cr3.Value) })
        {
            mmu.Translate(Base, Access.Read, Privilege.User);
            Assert.True(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
            drop();
            Assert.False(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
        }
    }

    [Fact]
    public void Contexts_LeftAndEnteredAgain_KeepWhatTheyHad()
    {
        Mmu mmu = Create(PagingMode.FourLevel);
        ulong root = mmu.State.Cr3.Value;
        mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PcideBit | Cr4.PkeBit | Cr4.SmapBit);
        var contexts = new (Action Enter, Privilege Privilege)[]
        {
            (() => mmu.WriteCr3((1UL << 63) | root | 1), Privilege.User),
            (() => mmu.WriteCr3((1UL << 63) | root | 2), Privilege.User),
            (() => mmu.WritePkru(0b0100), Privilege.User),
            (() => mmu.SetRFlags(RFlags.AcBit), Privilege.Supervisor),
        };
        foreach ((Action enter, Privilege privilege) in contexts)
        {
            enter();
            Assert.False(Probe(mmu, Base, 1, Access.Read, privilege, out _));
            mmu.Translate(Base, Access.Read, privilege);
            Assert.True(Probe(mmu, Base, 1, Access.Read, privilege, out _));
        }

        mmu.SetRFlags(0);
        Assert.True(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
        Assert.False(Probe(mmu, Base, 1, Access.Read, Privilege.Supervisor, out _));
        mmu.WritePkru(0);
        contexts[0].Enter();
        Assert.True(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
        mmu.WriteCr0(mmu.State.Cr0.Value & ~Cr0.WpBit);
        Assert.False(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
    }

    [Fact]
    public void Mmu_DisposedOrWithoutItsMemory_FindsNothing()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(16 * MiB);
        PageMapper space = PageMapper.Create(PagingMode.FourLevel, memory, new BitmapFrameAllocator(memory));
        space.Map(Base, 0x80_0000UL, 4096, Rights.UserReadWrite);
        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(space.Root);
        mmu.Translate(Base, Access.Read, Privilege.User);
        Assert.True(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
        memory.Dispose();
        Assert.False(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
        Assert.Equal(0, mmu.HostBase);
        mmu.Dispose();
        Assert.False(Probe(mmu, Base, 1, Access.Read, Privilege.User, out _));
    }

    /// <summary>Whatever happens in between: what the sequence finds is what the MMU translates to.</summary>
    [Theory]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void InlinedProbeAgreesWithTranslate(PagingMode mode)
    {
        Mmu mmu = Create(mode);
        ulong root = mmu.State.Cr3.Value;
        mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PcideBit | Cr4.PkeBit | Cr4.SmapBit);
        var random = new Random(7);
        int found = 0;
        for (int step = 0; step < 20_000; step++)
        {
            ulong linear = random.Next(40) == 0 ? (ulong)random.NextInt64() << random.Next(2) : Base + (ulong)random.Next(70 * 4096);
            var access = (Access)random.Next(3);
            Privilege privilege = random.Next(2) == 0 ? Privilege.User : Privilege.Supervisor;
            int size = 1 << random.Next(4);
            if (Probe(mmu, linear, size, access, privilege, out byte* host))
            {
                found++;
                Translation translation = mmu.Translate(linear, access, privilege);
                Assert.True(translation.Ok);
                Assert.Equal((nint)host, mmu.HostBase + (nint)translation.Physical.Value);
            }
            else
            {
                mmu.Translate(linear, access, privilege);
            }

            switch (random.Next(200))
            {
                case 0: mmu.WriteCr3((random.Next(2) == 0 ? 1UL << 63 : 0) | root | (uint)random.Next(3)); break;
                case 1: mmu.WritePkru((uint)random.Next(4) << 2); break;
                case 2: mmu.SetRFlags(random.Next(2) == 0 ? RFlags.AcBit : 0UL); break;
                case 3: mmu.InvalidatePage(Base + (ulong)random.Next(64 * 4096)); break;
                case 4 when random.Next(10) == 0: mmu.InvalidateAll(); break;
                case 5 when random.Next(10) == 0: mmu.WriteCr0(mmu.State.Cr0.Value ^ Cr0.WpBit); break;
                default: break;
            }
        }

        Assert.InRange(found, 2000, 20_000);
    }

    private static bool Probe(Mmu mmu, ulong rdi, int size, Access access, Privilege privilege, out byte* host)
    {
        byte* r14 = (byte*)mmu.InlineProbeAddress;
        ulong r15 = (ulong)mmu.HostBase;
        host = null;
        ulong rcx = rdi;
        rcx >>= 8;
        rcx &= 8191 << 4;
        rcx += *(ulong*)(r14 + InlineProbe.RowOffset(access, privilege));
        ulong rax = rdi + (uint)size - 1;
        rax &= ~4095UL;
        rax |= *(ulong*)(r14 + InlineProbe.GenerationOffset);
        if (rax != *(ulong*)rcx) return false;
        rax = rdi;
        rax += *(ulong*)(rcx + InlineProbe.AddendOffset);
        rax += r15;
        host = (byte*)rax;
        return true;
    }

    private Mmu Create(PagingMode mode)
    {
        ProcessorFeatures features = mode == PagingMode.FiveLevel ? ProcessorFeatures.SapphireRapids : ProcessorFeatures.Zen4;
        PageMapper space = PageMapper.Create(mode, _memory, new BitmapFrameAllocator(_memory), features);
        Assert.True(space.Map(Base, 0x200_0000UL, 64 * 4096, Rights.UserAll).Ok);
        Assert.True(space.Map(Device, 0xff00_0000UL, 4096, Rights.UserAll).Ok);
        Assert.True(space.Map(Device + 4096, 0xe000_0000UL, 4096, Rights.UserAll).Ok);
        var mmu = new Mmu(_memory, features);
        _mmus.Add(mmu);
        Assert.Equal(MmuFault.None, mmu.EnablePaging(space.Root, mode));
        return mmu;
    }
}
