using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Linux.Kernel;

public sealed class HighMemoryTests
{
    public static TheoryData<KernelArchitecture> Architectures => [KernelArchitecture.I386, KernelArchitecture.I386Pae];

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Kmap_OfAHighPage_IsTranslatedByTheEngine(KernelArchitecture architecture)
    {
        using var guest = new KernelGuest(architecture, 2 * GiB, 0);
        HighMemory high = guest.Kernel.Highmem!;
        ulong frame = TakeHigh(guest);
        guest.Memory.Write(new PhysicalAddress((frame << 12) + 8), 0x1234_5678);
        Assert.True(high.TryMap(frame, out ulong address));
        Assert.Equal(KernelRegionKind.Pkmap, guest.Layout.RegionOf(address)!.Value.Kind);
        Assert.True(guest.Mmu.TryRead(new LinearAddress(address + 8), out int value, out _));
        Assert.Equal(0x1234_5678, value);
        Assert.True(high.TryMap(frame, out ulong again));
        Assert.Equal(address, again);
        Assert.Equal(3, high.Counts.Max());
        Assert.False(high.Unmap(frame));
        Assert.True(high.Unmap(frame));
        Assert.Equal(1, high.Counts.Max());
        // Still mapped until slots run out, and found again.
        Assert.True(high.TryMap(frame, out again));
        Assert.Equal(address, again);
        Assert.True(high.Unmap(frame));
        Assert.Throws<ArgumentException>(() => high.Unmap(frame));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Kmap_AllSlotsInUse_WouldWaitAndGoesOnOnceOneIsFree(KernelArchitecture architecture)
    {
        using var guest = new KernelGuest(architecture, 2 * GiB, 0);
        HighMemory high = guest.Kernel.Highmem!;
        var flushed = new List<LinearRange>();
        high.Flushed = flushed.Add;
        var frames = new List<ulong>();
        ulong frame;
        while (high.TryMap(frame = TakeHigh(guest), out ulong _)) frames.Add(frame);
        Assert.Equal(guest.Layout.Areas32!.PkmapSlots, frames.Count);
        Assert.Empty(flushed);
        Assert.True(high.Unmap(frames[7]));
        Assert.True(high.TryMap(frame, out ulong address));
        Assert.Single(flushed);
        Assert.Equal(frame << 12, guest.Mmu.Probe(new LinearAddress(address)).Physical.Value);
    }

    [Fact]
    public void Kmap_OfALowPage_IsItsAddressInTheDirectMap()
    {
        using var guest = new KernelGuest(KernelArchitecture.I386, 2 * GiB, 0);
        HighMemory high = guest.Kernel.Highmem!;
        Assert.True(high.TryMap(0x1234, out ulong address));
        Assert.Equal(0xc123_4000UL, address);
        Assert.False(high.Unmap(0x1234));
        Assert.Equal(0xc123_4000UL, high.MapLocal(0, 0x1234));
        high.UnmapLocal(0, 0xc123_4000);
        Assert.All(high.Counts, c => Assert.Equal(0, c));
        Assert.Throws<ArgumentOutOfRangeException>(() => high.TryMap(ulong.MaxValue, out _));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void KmapLocal_IsAStackOfEachProcessor(KernelArchitecture architecture)
    {
        using var guest = new KernelGuest(architecture, 2 * GiB, 0, processors: 3);
        HighMemory high = guest.Kernel.Highmem!;
        var dropped = new List<ulong>();
        high.Dropped = a => dropped.Add(a.Value);
        ulong a = TakeHigh(guest), b = TakeHigh(guest);
        ulong first = high.MapLocal(2, a), second = high.MapLocal(2, b), other = high.MapLocal(0, a);
        Assert.Equal(KernelRegionKind.Fixmap, guest.Layout.RegionOf(first)!.Value.Kind);
        Assert.Equal(first - 4096, second);
        Assert.Equal(first + (2 * 16 * 4096), other);
        Assert.Equal(a << 12, guest.Mmu.Probe(new LinearAddress(first)).Physical.Value);
        Assert.Equal(b << 12, guest.Mmu.Probe(new LinearAddress(second)).Physical.Value);
        Assert.Throws<ArgumentException>(() => high.UnmapLocal(2, first));
        high.UnmapLocal(2, second + 12);
        high.UnmapLocal(2, first);
        Assert.Equal([second, first], dropped);
        Assert.False(guest.Mmu.Probe(new LinearAddress(first)).Ok);
        for (int i = 1; i < Layout32.LocalMapsPerProcessor; i++) high.MapLocal(0, b);
        Assert.Throws<InvalidOperationException>(() => high.MapLocal(0, b));
        Assert.Throws<ArgumentOutOfRangeException>(() => high.MapLocal(3, b));
        Assert.Throws<ArgumentException>(() => high.UnmapLocal(1, first));
    }

    // The counts against a plain account of users, over random kmaps and kunmaps of a few more pages than there are slots.
    [Fact]
    public void CountsAreOneMoreThanUsersAndSlotsTranslateToTheirPages()
    {
        using var guest = new KernelGuest(KernelArchitecture.I386Pae, 2 * GiB, 0);
        HighMemory high = guest.Kernel.Highmem!;
        ulong[] frames = [.. Enumerable.Range(0, 600).Select(_ => TakeHigh(guest))];
        var users = new int[frames.Length];
        var random = new Random(4);
        for (int step = 0; step < 20000; step++)
        {
            int i = random.Next(frames.Length);
            if (users[i] > 0 && random.Next(3) > 0)
            {
                Assert.Equal(--users[i] == 0, high.Unmap(frames[i]));
            }
            else if (high.TryMap(frames[i], out ulong address))
            {
                users[i]++;
                Assert.Equal(frames[i] << 12, guest.Mmu.Probe(new LinearAddress(address)).Physical.Value);
            }
            else
            {
                Assert.Equal(high.Counts.Count, users.Count(u => u > 0));
            }
        }

        Assert.Equal(users.Where(u => u > 0).Order(), high.Counts.Where(c => c > 1).Select(c => c - 1).Order());
        high.FlushUnused();
        Assert.DoesNotContain(1, high.Counts);
    }

    private static ulong TakeHigh(KernelGuest guest)
    {
        Assert.True(guest.Pages.TryAllocate(GfpFlags.HighUser, 0, out ulong frame));
        Assert.True(guest.Kernel.Highmem!.IsHigh(frame));
        return frame;
    }
}
