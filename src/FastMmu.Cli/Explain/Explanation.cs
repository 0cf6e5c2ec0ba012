using FastMmu.Paging.Mapping;
using FastMmu.Processor;

namespace FastMmu.Cli.Explain;

/// <summary>Everything about one address of a guest: the way it goes, and what each access to it would do.</summary>
internal sealed record Explanation
{
    /// <summary>The address as the user wrote it.</summary>
    public required string Asked { get; init; }

    /// <summary>The registers.</summary>
    public required PagingState State { get; init; }

    /// <summary>The way from a logical address; null if a linear one was asked for.</summary>
    public LogicalPart? Logical { get; init; }

    /// <summary>The linear address; null if segmentation refused.</summary>
    public ulong? Linear { get; init; }

    /// <summary>What the address is for: region, area of the process, symbol. May be empty.</summary>
    public string Place { get; init; } = "";

    /// <summary>The area of the process that the address lies in; null if there is none, or none is known.</summary>
    public ExplainedArea? Area { get; init; }

    /// <summary>Whether the areas of the process are known at all.</summary>
    public bool AreasKnown { get; init; }

    /// <summary>What reads, writes and fetches of the program would come to; empty where its areas are not known.</summary>
    public IReadOnlyList<ProgramAccess> Program { get; init; } = [];

    /// <summary>The entries that the walk read, from the top down.</summary>
    public IReadOnlyList<ExplainedEntry> Entries { get; init; } = [];

    /// <summary>Where the walk ended, rights aside.</summary>
    public Translation Walk { get; init; }

    /// <summary>What stands at the physical address.</summary>
    public string Behind { get; init; } = "";

    /// <summary>The zone of Linux's that the physical address lies in; empty for another system's memory, and where there is none.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What the frame is used for; empty where its descriptor is not known.</summary>
    public string FrameUse { get; init; } = "";

    /// <summary>The memory type that the PAT index selects, if the guest's PAT is known.</summary>
    public string MemoryType { get; init; } = "";

    /// <summary>What accesses would do.</summary>
    public IReadOnlyList<AccessOutcome> Outcomes { get; init; } = [];

    /// <summary>What tables of one to five levels would cost to map this page and nothing else; empty if there is no page.</summary>
    public IReadOnlyList<TableCost> Costs { get; init; } = [];

    /// <summary>In which of the recorded address spaces the address is mapped; empty if there are no others.</summary>
    public string Elsewhere { get; init; } = "";
}
