using FastMmu.Linux.Files;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;
using FastMmu.Memory;

namespace FastMmu.Linux;

/// <summary>A machine that runs Linux: guest memory, its page allocator, and what all processes share.</summary>
public sealed partial class LinuxMachine
{
    /// <summary>Starts a kernel on a guest memory.</summary>
    /// <param name="memory">The guest's memory; stays the caller's to dispose.</param>
    /// <param name="profile">Which release it behaves like; 6.18 if not given.</param>
    public LinuxMachine(PhysicalMemory memory, KernelProfile? profile = null)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Memory = memory;
        Profile = profile ?? KernelProfile.V6_18;
        Pages = new PageAllocator(memory);
    }

    /// <summary>Starts a kernel with its own half of the address space, which every task's page tables then show.</summary>
    /// <param name="memory">The guest's memory; stays the caller's to dispose.</param>
    /// <param name="layout">Where the kernel puts everything: <see cref="KernelLayout.For"/> this memory.</param>
    /// <param name="profile">Which release it behaves like; 6.18 if not given.</param>
    /// <param name="processors">Processors.</param>
    /// <exception cref="ArgumentException">The layout is for another memory.</exception>
    public LinuxMachine(PhysicalMemory memory, KernelLayout layout, KernelProfile? profile = null, int processors = 1)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(layout);
        Memory = memory;
        Profile = profile ?? KernelProfile.V6_18;
        Pages = new PageAllocator(memory, layout.AllocatorOptions(processors));
        Paging = layout.Architecture.Mode();
        ExecSettings.PageOffset = layout.Areas32?.PageOffset ?? ExecSettings.PageOffset;
        Kernel = new KernelSpace(Pages, layout);
        KernelRoot = Kernel.Root.Value;
    }

    /// <summary>The guest's memory.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>The kernel's half of the address space; null for a machine that was started without one.</summary>
    public KernelSpace? Kernel { get; }

    /// <summary>The release it behaves like.</summary>
    public KernelProfile Profile { get; }

    /// <summary>The allocator of physical pages, with a <see cref="PageFrame"/> for each.</summary>
    public PageAllocator Pages { get; }

    /// <summary>The machine-wide settings of memory calls.</summary>
    public MemorySettings Settings { get; } = new();

    /// <summary>The groups of anonymous pages.</summary>
    public AnonVmaTable AnonVmas { get; } = new();

    /// <summary>The open file descriptions that areas map.</summary>
    public MappedFiles Files { get; } = new();

    /// <summary>Pages charged against the overcommit limit by all processes (vm_committed_as).</summary>
    public ulong CommittedPages { get; internal set; }
}
