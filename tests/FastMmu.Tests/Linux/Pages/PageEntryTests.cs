using System.Runtime.CompilerServices;
using FastMmu.Linux.Pages;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>How each kind of table stores what the kernel knows of a page.</summary>
public class PageEntryTests
{
    private const ulong LowBits = 0xfff & ~(1UL << 10);

    [Fact]
    public void EveryModeStoresWhatItHasBitsFor()
    {
        Prop.ForAll(EdgeRandom.Cases(Present, _ => []), entry =>
        {
            Assert.Equal(entry, Entry64.Of(entry).Value);
            Assert.Equal(entry & EntryPae.Supported, EntryPae.Of(entry & EntryPae.Supported).Value);
            ulong narrow = Pte.Make(Pte.Frame(entry) & 0xf_ffff, entry & ~Pte.FrameMask & Entry32.Supported);
            Assert.Equal(narrow, Entry32.Of(narrow).Value);
            Assert.Equal(0UL, (Raw(EntryPae.Of(entry & EntryPae.Supported)) & Pte.Present) != 0 ? Raw(EntryPae.Of(entry & EntryPae.Supported)) & (0x7ffUL << 52) : 0);
            Assert.Equal(Pte.Frame(narrow), Raw32(Entry32.Of(narrow)) >> 12);
        }).Holds(2000);
    }

    [Theory]
    [InlineData(Pte.Present | Pte.SavedDirty | 0x1234_5000, 0x1234_5401u)]
    [InlineData(Pte.Present | Pte.Write | Pte.Dirty | 0xffff_f000, 0xffff_f043u)]
    [InlineData(Pte.ProtNone | (~0x1234_5000UL & Pte.FrameMask), 0x1234_5100u)]
    [InlineData(Pte.Guard, (4u << 9) | (31u << 1))]
    [InlineData(0, 0u)]
    public void TwoLevels_StoreFourBytes(ulong entry, uint bits)
    {
        Assert.Equal(bits, Raw32(Entry32.Of(entry)));
        Assert.Equal(entry, Entry32.Of(entry).Value);
        Assert.Equal(bits == 0, Entry32.Of(entry).IsEmpty);
    }

    [Theory]
    [InlineData(Pte.Present | Pte.SavedDirty | Pte.NoExecute | 0x1_2345_6000, 0x8000_0001_2345_6401)]
    [InlineData(Pte.ProtNone | (~0x1234_5000UL & Pte.FrameMask), Pte.ProtNone | (~0x1234_5000UL & Pte.FrameMask))]
    [InlineData(Pte.Guard, Pte.Guard)]
    public void Pae_KeepsTheReservedBitsClear(ulong entry, ulong bits)
    {
        Assert.Equal(bits, Raw(EntryPae.Of(entry)));
        Assert.Equal(entry, EntryPae.Of(entry).Value);
    }

    [Fact]
    public void PaesTopEntries_HaveNoRights()
    {
        Assert.Equal(0x5001UL, Raw(EntryPae.OfTable(5, 30)));
        Assert.Equal(0x5067UL, Raw(EntryPae.OfTable(5, 21)));
    }

    private static ulong Present(EdgeRandom random)
    {
        ulong bits = random.Next64() & (LowBits | Pte.SavedDirty | Pte.NoExecute | Pte.KeyMask);
        ulong kind = random.OneIn(2) ? Pte.Present : Pte.ProtNone;
        return Pte.Make(random.Next64() & (Pte.FrameMask >> 12), (bits & ~(Pte.Present | Pte.ProtNone)) | kind);
    }

    private static ulong Raw(EntryPae entry) => Unsafe.BitCast<EntryPae, ulong>(entry);

    private static uint Raw32(Entry32 entry) => Unsafe.BitCast<Entry32, uint>(entry);
}
