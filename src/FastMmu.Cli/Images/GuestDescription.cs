using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Images;

/// <summary>What <c>meta.json</c> says about a recorded guest: its registers, where its memory stands, who ran in it.</summary>
internal sealed record GuestDescription
{
    /// <summary>The file this was read from.</summary>
    public required string File { get; init; }

    /// <summary>The case's name.</summary>
    public required string Name { get; init; }

    /// <summary>The stretches of memory, by ascending file offset.</summary>
    public required IReadOnlyList<MemorySegment> Memory { get; init; }

    /// <summary>The paging mode that the description names, or null where it names none that is known.</summary>
    public PagingMode? StatedMode { get; init; }

    /// <summary>CR0.</summary>
    public required Cr0 Cr0 { get; init; }

    /// <summary>CR2: the last address that faulted.</summary>
    public ulong Cr2 { get; init; }

    /// <summary>CR3.</summary>
    public required Cr3 Cr3 { get; init; }

    /// <summary>CR4.</summary>
    public required Cr4 Cr4 { get; init; }

    /// <summary>IA32_EFER; 0 on processors that have none.</summary>
    public Efer Efer { get; init; }

    /// <summary>RFLAGS or EFLAGS.</summary>
    public RFlags RFlags { get; init; }

    /// <summary>Current privilege level.</summary>
    public int Cpl { get; init; }

    /// <summary>All registers that the description lists, in its order and by its names.</summary>
    public required IReadOnlyList<KeyValuePair<string, ulong>> Registers { get; init; }

    /// <summary>Segment registers with their hidden parts, by name; empty where the description has none.</summary>
    public required IReadOnlyDictionary<string, CachedSegment> Segments { get; init; }

    /// <summary>GDTR, if recorded.</summary>
    public DescriptorTableRegister? Gdt { get; init; }

    /// <summary>IDTR, if recorded.</summary>
    public DescriptorTableRegister? Idt { get; init; }

    /// <summary>MAXPHYADDR of the guest's processor, if the description says so.</summary>
    public int? PhysicalAddressBits { get; init; }

    /// <summary>The memory types that the PAT's eight indices select, in the kernel's words; empty if not recorded.</summary>
    public required IReadOnlyList<string> MemoryTypes { get; init; }

    /// <summary>The guest kernel's name for itself.</summary>
    public string? Kernel { get; init; }

    /// <summary>Who ran the guest: emulator, accelerator and processor model.</summary>
    public string? Host { get; init; }

    /// <summary>Bytes of memory that the guest was given, if recorded.</summary>
    public ulong? RamBytes { get; init; }

    /// <summary>Whether the tables were made by a generator and nothing ever ran.</summary>
    public bool Synthetic { get; init; }

    /// <summary>Addresses of kernel symbols, by name.</summary>
    public required IReadOnlyDictionary<string, ulong> Symbols { get; init; }

    /// <summary>Address spaces besides the running one.</summary>
    public required IReadOnlyList<GuestAddressSpace> Spaces { get; init; }

    /// <summary>Whether Linux ran: then what it keeps in entries that are not present can be read.</summary>
    public bool IsLinux => !Synthetic && (Kernel is null || Kernel.Contains("Linux", StringComparison.Ordinal));

    /// <summary>The processes whose address space CR3 selects.</summary>
    public required IReadOnlyList<int> RunningPids { get; init; }

    /// <summary>The process that <c>maps.txt</c> describes, if known.</summary>
    public int? MapsPid { get; init; }

    /// <summary>The registers that decide translations, for a processor that has everything.</summary>
    /// <param name="physicalAddressBits">MAXPHYADDR to assume.</param>
    public PagingState State(int physicalAddressBits) => new(ProcessorFeatures.Everything with { PhysicalAddressBits = physicalAddressBits })
    {
        Cr0 = Cr0,
        Cr3 = Cr3,
        Cr4 = Cr4,
        Efer = Efer,
        RFlags = RFlags,
        Cpl = Cpl,
    };

    /// <summary>Who lives in an address space.</summary>
    /// <param name="cr3">What CR3 holds there.</param>
    /// <returns>The process, if one is known, and words: <c>probe, process 114</c>.</returns>
    public (int? Pid, string Process) ProcessOf(ulong cr3)
    {
        int? pid = cr3 == Cr3.Value && RunningPids.Count > 0 ? RunningPids[0] : null;
        string name = "";
        foreach (GuestAddressSpace space in Spaces)
        {
            // The name of the running process may be known from the other half of its page tables only.
            bool same = pid is int running ? space.Pids.Contains(running) : space.Cr3 == cr3;
            if (!same) continue;
            pid ??= space.Pids.Count > 0 ? space.Pids[0] : null;
            if (space.Names.Count > 0) name = space.Names[0];
        }

        return (pid, pid is int process ? $"{name}{(name.Length > 0 ? ", " : "")}process {process}" : name);
    }

    /// <summary>A register by the first of its names that is listed, or null.</summary>
    public ulong? Register(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            foreach (KeyValuePair<string, ulong> register in Registers)
            {
                if (register.Key == name) return register.Value;
            }
        }

        return null;
    }
}
