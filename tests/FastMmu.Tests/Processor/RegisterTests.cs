using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Processor;

public sealed class RegisterTests
{
    [Fact]
    public void Registers_AsText_NameTheirBits()
    {
        Assert.Equal("0x80050033 [PE MP ET NE WP AM PG]", new Cr0(0x8005_0033).ToString());
        Assert.Equal("0x3506f0 [PSE PAE MCE PGE OSFXSR OSXMMEXCPT FSGSBASE OSXSAVE SMEP SMAP]", new Cr4(0x35_06f0).ToString());
        Assert.Equal("0xd01 [SCE LME LMA NXE]", new Efer(0xd01).ToString());
        Assert.Equal("0x40000 [AC]", new RFlags(0x4_0000).ToString());
        Assert.Equal("0x0", new Cr4(0).ToString());
        Assert.Equal("0x55555554", new ProtectionKeyRights(0x5555_5554).ToString());
    }

    [Theory]
    [InlineData(0x4000_0000_1234_5ff7, 0x1234_5000, 0x1234_5fe0, 0x1234_5000, 0xff7)]
    [InlineData(0x600f_ffff_ffff_f018, 0xf_ffff_ffff_f000, 0xffff_f000, 0xffff_f000, 0x18)]
    public void Cr3_Roots_AreWhatTheModeReads(ulong raw, ulong longMode, ulong pdpt, ulong directory, int pcid)
    {
        var cr3 = new Cr3(raw);
        Assert.Equal(longMode, cr3.LongModeRoot.Value);
        Assert.Equal(pdpt, cr3.PdptBase.Value);
        Assert.Equal(directory, cr3.PageDirectoryBase.Value);
        Assert.Equal(pcid, cr3.Pcid);
        Assert.True(cr3.LamU48);
        Assert.Equal(raw >> 61 == 3, cr3.LamU57);
    }

    [Fact]
    public void ProtectionKeys_OfEachKey_AreItsOwnTwoBits()
    {
        for (int key = 0; key < 16; key++)
        {
            var access = new ProtectionKeyRights(1u << (2 * key));
            var write = new ProtectionKeyRights(2u << (2 * key));
            for (int other = 0; other < 16; other++)
            {
                Assert.Equal(other == key, access.AccessDisabled(other));
                Assert.False(access.WriteDisabled(other));
                Assert.Equal(other == key, write.WriteDisabled(other));
                Assert.False(write.AccessDisabled(other));
            }
        }
    }

    [Fact]
    public void WritePkrs_HighBitsOrMissingFeature_IsGeneralProtection()
    {
        using var memory = FastMmu.Memory.PhysicalMemory.Create(1 << 20);
        using var with = new Mmu(memory, ProcessorFeatures.SapphireRapids);
        Assert.Equal(ExceptionVector.GeneralProtection, with.WritePkrs(1UL << 32).Vector);
        Assert.Equal(0u, with.State.Pkrs.Value);
        Assert.Equal(MmuFault.None, with.WritePkrs(0xffff_fffe));
        Assert.Equal(0xffff_fffeu, with.State.Pkrs.Value);
        with.WritePkru(0x1234_5678);
        Assert.Equal(0x1234_5678u, with.State.Pkru.Value);

        using var without = new Mmu(memory, ProcessorFeatures.Zen4);
        Assert.Equal(ExceptionVector.GeneralProtection, without.WritePkrs(0).Vector);
    }
}
