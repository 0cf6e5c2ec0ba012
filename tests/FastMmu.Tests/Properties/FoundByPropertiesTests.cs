using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Tests.Generators;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Properties;

/// <summary>What the properties found once, as they shrank it.</summary>
public sealed class FoundByPropertiesTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(4 * MiB);

    public void Dispose() => _memory.Dispose();

    /// <summary>The walk took the accessed bit that it had set itself for another processor's, began again, and met it as a reserved bit.</summary>
    [Fact]
    public void Translate_PdptThatIsItsOwnTable_MarksItAndSucceeds()
    {
        _memory.Write<ulong>(0x2000, 0x2001);
        using var mmu = new Mmu(_memory, new ProcessorFeatures { PdptesReadOnDemand = true }, MachinePair.Uncached);
        Assert.Equal(MmuFault.None, mmu.EnablePaging(0x2000, PagingMode.Pae));
        Assert.Equal(0x2000UL, mmu.Translate(0UL).Physical.Value);
        Assert.Equal(0x2021UL, _memory.Read<ulong>(0x2000));
    }

    [Fact]
    public void InvalidatePcid_NonCanonicalAddressOutsideLongMode_IsRefused()
    {
        using var mmu = new Mmu(_memory, ProcessorFeatures.SkylakeServer);
        Assert.Equal(ExceptionVector.GeneralProtection, mmu.InvalidatePcid((ulong)InvpcidType.IndividualAddress, 0, 0xc000_0000_0000_0000).Vector);
        Assert.Equal(MmuFault.None, mmu.InvalidatePcid((ulong)InvpcidType.IndividualAddress, 0, 0xffff_c000_0000_0000));
    }

    [Fact]
    public void WriteCr4_SmepSwitchedOn_DropsGlobalTranslations()
    {
        using Mmu mmu = FourLevels(0x147);
        Assert.Equal(Rights.Global, mmu.Translate(0UL).Rights & Rights.Global);
        _memory.Write<ulong>(0x4000, 0);
        Assert.True(mmu.Translate(0UL).Ok);
        Assert.Equal(MmuFault.None, mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.SmepBit));
        Assert.False(mmu.Translate(0UL).Ok);
    }

    /// <summary>A misaligned access looks at the tables without a trace, and the page fault it found there dropped nothing.</summary>
    [Fact]
    public void PageFault_OfAMisalignedAccess_DropsWhatWasCachedForItsAddress()
    {
        using Mmu mmu = FourLevels(0x67);
        Assert.Equal(MmuFault.None, mmu.WriteCr0(mmu.State.Cr0.Value | Cr0.AmBit));
        mmu.SetCpl(3);
        mmu.SetRFlags(RFlags.AcBit);
        Assert.True(mmu.Translate(0UL).Ok);
        _memory.Write<ulong>(0x4000, 0);
        Assert.True(mmu.Translate(0UL).Ok);
        Assert.False(mmu.TryRead<ulong>(1UL, out _, out MmuFault fault));
        Assert.Equal(ExceptionVector.PageFault, fault.Vector);
        Assert.False(mmu.Translate(0UL).Ok);
    }

    /// <summary>Batches read leaf entries themselves, and forgot what makes a page a shadow stack.</summary>
    [Fact]
    public void Translate_PageThatABatchRemembered_IsAShadowStackStill()
    {
        using Mmu mmu = FourLevels(0x65);
        Assert.Equal(MmuFault.None, mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.CetBit));
        foreach (Access kind in new[] { Access.Read, Access.Execute })
        {
            ulong[] lanes = [0x17a, 1UL << 60, 0x206];
            Assert.Equal(new BatchResult(2, 1, 1), mmu.TranslateBatch(lanes, lanes, kind, Privilege.User));
            Assert.Equal(Rights.ShadowStack, mmu.Translate(0UL, kind, Privilege.User).Rights & Rights.ShadowStack);
        }
    }

    /// <summary>The judge of the properties: a walk that leaves no accessed bit is no walk.</summary>
    [Fact]
    public void Observe_AnswerOfAWalkThatMarkedNothing_IsRefused()
    {
        using Mmu mmu = FourLevels(0x7);
        var reference = new ReferenceTlb(new GuestReferenceMemory(_memory), SpuriousFaults.None, entriesAreMarked: true);
        var access = new ReferenceAccess(0, Access.Write, Privilege.User);
        Assert.False(reference.Permits(mmu.State, access, ObservedAnswer.Translated(0)).IsPermitted);
        Assert.True(mmu.Translate(0UL, Access.Read, Privilege.User).Ok);
        Assert.True(reference.Permits(mmu.State, access with { Kind = Access.Read }, ObservedAnswer.Translated(0)).IsPermitted);
        Assert.False(reference.Permits(mmu.State, access, ObservedAnswer.Translated(0)).IsPermitted);
        Assert.True(mmu.Translate(0UL, Access.Write, Privilege.User).Ok);
        Assert.True(reference.Observe(mmu.State, access, ObservedAnswer.Translated(0)).IsPermitted);
        // From now on it may be cached, marked or not.
        _memory.Write<ulong>(0x4000, 0x7);
        Assert.True(reference.Permits(mmu.State, access, ObservedAnswer.Translated(0)).IsPermitted);
    }

    /// <summary>The generators' own promise: the same seed, the same machine.</summary>
    [Fact]
    public void Make_SameSeed_SameMachine()
    {
        foreach (MachineKind kind in Enum.GetValues<MachineKind>())
        {
            Assert.Equal(MachineGenerator.Make(new EdgeRandom(7), kind, 30).ToString(), MachineGenerator.Make(new EdgeRandom(7), kind, 30).ToString());
        }

        Assert.Equal(TlbProgramGenerator.Make(new EdgeRandom(7), 50).ToString(), TlbProgramGenerator.Make(new EdgeRandom(7), 50).ToString());
    }

    /// <summary>One page of the user's at 0, to a frame at 0.</summary>
    private Mmu FourLevels(ulong leaf)
    {
        _memory.Write<ulong>(0x1000, 0x2007);
        _memory.Write<ulong>(0x2000, 0x3007);
        _memory.Write<ulong>(0x3000, 0x4007);
        _memory.Write(0x4000, leaf);
        var mmu = new Mmu(_memory, ProcessorFeatures.Everything);
        Assert.Equal(MmuFault.None, mmu.EnablePaging(0x1000UL));
        return mmu;
    }
}
