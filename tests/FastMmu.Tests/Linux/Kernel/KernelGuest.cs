using FastMmu.Addresses;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;
using FastMmu.Memory;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Linux.Kernel;

/// <summary>A memory with a kernel's half, and a processor that runs in it.</summary>
internal sealed class KernelGuest : IDisposable
{
    public KernelGuest(KernelArchitecture architecture, ulong ram, ulong seed, int processors = 1)
    {
        Memory = PhysicalMemory.CreatePc(ram);
        Layout = KernelLayout.For(Memory, new() { Architecture = architecture, Seed = seed == 0 ? AslrSeed.Off : AslrSeed.From(seed) });
        Pages = new PageAllocator(Memory, Layout.AllocatorOptions(processors));
        ProcessorFeatures features = new() { La57 = architecture == KernelArchitecture.X8664La57 };
        Kernel = new KernelSpace(Pages, Layout, features);
        Mmu = new Mmu(Memory, features);
        Enable(Mmu, architecture, Kernel.Root);
    }

    public PhysicalMemory Memory { get; }

    public KernelLayout Layout { get; }

    public PageAllocator Pages { get; }

    public KernelSpace Kernel { get; }

    public Mmu Mmu { get; }

    public static void Enable(Mmu mmu, KernelArchitecture architecture, PhysicalAddress root)
    {
        mmu.EnablePaging(root, architecture.Mode());
        Assert.Equal(architecture.Mode(), mmu.Mode);
    }

    public void Dispose()
    {
        Mmu.Dispose();
        Pages.Dispose();
        Memory.Dispose();
    }
}
