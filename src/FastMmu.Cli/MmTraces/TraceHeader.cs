namespace FastMmu.Cli.MmTraces;

/// <summary>A resource limit.</summary>
/// <param name="Soft">What counts.</param>
/// <param name="Hard">What the soft one may be raised to.</param>
internal readonly record struct TraceLimit(ulong Soft, ulong Hard);

/// <summary>The machine and the process that a trace starts with.</summary>
internal sealed record TraceHeader
{
    /// <summary>The trace's name.</summary>
    public required string Id { get; init; }

    /// <summary>Its level, 7 for directed traces.</summary>
    public required int Level { get; init; }

    /// <summary>How many calls it says it has.</summary>
    public required int Ops { get; init; }

    /// <summary>The personality; 0x40000 is ADDR_NO_RANDOMIZE, 0x200000 ADDR_COMPAT_LAYOUT.</summary>
    public required uint Personality { get; init; }

    /// <summary>The user.</summary>
    public required uint Uid { get; init; }

    /// <summary>Whether the process has every capability but CAP_SYS_RESOURCE; else none.</summary>
    public required bool HasCapabilities { get; init; }

    /// <summary>RLIMIT_DATA at execve.</summary>
    public required TraceLimit Data { get; init; }

    /// <summary>RLIMIT_STACK at execve.</summary>
    public required TraceLimit Stack { get; init; }

    /// <summary>RLIMIT_MEMLOCK at execve.</summary>
    public required TraceLimit MemLock { get; init; }

    /// <summary>RLIMIT_AS at execve.</summary>
    public required TraceLimit AddressSpace { get; init; }

    /// <summary>vm.max_map_count.</summary>
    public required int MaxMapCount { get; init; }

    /// <summary>vm.overcommit_memory.</summary>
    public required int OvercommitMemory { get; init; }

    /// <summary>vm.overcommit_ratio.</summary>
    public required int OvercommitRatio { get; init; }

    /// <summary>vm.mmap_min_addr.</summary>
    public required ulong MmapMinAddress { get; init; }

    /// <summary>The lowest address that a search gives.</summary>
    public required ulong EffectiveMmapMinAddress { get; init; }

    /// <summary>vm.legacy_va_layout.</summary>
    public required bool LegacyLayout { get; init; }

    /// <summary>stack_guard_gap in pages.</summary>
    public required ulong StackGuardGapPages { get; init; }

    /// <summary>The machine's pages.</summary>
    public required ulong TotalRamPages { get; init; }

    /// <summary>The first address that no process may use.</summary>
    public required ulong TaskSize { get; init; }

    /// <summary>Where the search for free addresses starts.</summary>
    public required ulong MmapBase { get; init; }

    /// <summary>The fields of /proc/PID/stat, and brk.</summary>
    public required TraceMm Mm { get; init; }

    /// <summary>The auxiliary vector.</summary>
    public required IReadOnlyList<(ulong Type, ulong Value)> Auxv { get; init; }

    /// <summary>The arguments.</summary>
    public required IReadOnlyList<string> Argv { get; init; }

    /// <summary>The environment.</summary>
    public required IReadOnlyList<string> Envp { get; init; }

    /// <summary>The path given to execve.</summary>
    public required string ExecFn { get; init; }

    /// <summary>The areas.</summary>
    public required IReadOnlyList<TraceArea> Areas { get; init; }

    /// <summary>The counters, in the order of <see cref="TraceCounter"/>.</summary>
    public required IReadOnlyList<long> Counters { get; init; }

    /// <summary>Pages that are resident at the start, with their pagemap bits.</summary>
    public required IReadOnlyList<(ulong Page, int Bits)> Present { get; init; }

    /// <summary>The stack pointer.</summary>
    public required ulong Rsp { get; init; }

    /// <summary>The bytes from the stack pointer to the top of the stack.</summary>
    public required byte[] StackBytes { get; init; }
}

/// <summary>Borders inside an address space.</summary>
/// <param name="StartCode">First byte of code.</param>
/// <param name="EndCode">Behind the last byte of code.</param>
/// <param name="StartStack">The stack pointer that the program started with.</param>
/// <param name="StartData">First byte of data.</param>
/// <param name="EndData">Behind the last byte of data.</param>
/// <param name="StartBrk">Where the heap starts.</param>
/// <param name="Brk">Where it ends.</param>
/// <param name="ArgStart">First byte of the arguments.</param>
/// <param name="ArgEnd">Behind them.</param>
/// <param name="EnvStart">First byte of the environment.</param>
/// <param name="EnvEnd">Behind it.</param>
internal sealed record TraceMm(
    ulong StartCode, ulong EndCode, ulong StartStack, ulong StartData, ulong EndData, ulong StartBrk, ulong Brk,
    ulong ArgStart, ulong ArgEnd, ulong EnvStart, ulong EnvEnd);

/// <summary>The memory counters of a process, all in kB, in the order of the trace format.</summary>
internal enum TraceCounter
{
    VmPeak,
    VmSize,
    VmLck,
    VmPin,
    VmData,
    VmStk,
    VmExe,
    VmLib,
    VmPTE,
    RssAnon,
    RssFile,
    RssShmem,
}
