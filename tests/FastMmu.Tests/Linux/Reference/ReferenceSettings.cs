namespace FastMmu.Tests.Linux.Reference;

/// <summary>What the machine and its administrator decide.</summary>
internal sealed record ReferenceSettings
{
    public int MaxMapCount { get; init; } = 65_530;

    /// <summary>0: a single charge may not exceed memory. 1: no limit.</summary>
    public int Overcommit { get; init; }

    public ulong RamPages { get; init; }

    /// <summary>The lowest address that MAP_FIXED may use without CAP_SYS_RAWIO.</summary>
    public ulong MinAddress { get; init; } = 0x1000;

    /// <summary>The lowest address that hints and searches use, and stacks grow to.</summary>
    public ulong MinSearched { get; init; } = 0x1_0000;

    public ulong GuardGap { get; init; } = 256UL << 12;

    public ulong TaskSize { get; init; } = 0x7fff_ffff_f000;

    public ulong MmapBase { get; init; } = 0x7fff_f7ff_f000;

    public ulong LegacyBase { get; init; } = 0x2aaa_aaaa_b000;

    public bool Legacy { get; init; }

    /// <summary>CAP_IPC_LOCK and CAP_SYS_RAWIO.</summary>
    public bool Privileged { get; init; }
}
