using FastMmu.Cli.Images;
using FastMmu.Cli.Images.Judging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Report;

/// <summary>What <c>fastmmu image</c> found out about a guest.</summary>
internal sealed record GuestReport
{
    /// <summary>Its description.</summary>
    public required GuestDescription Description { get; init; }

    /// <summary>The registers, in the address space that was looked into.</summary>
    public required PagingState State { get; init; }

    /// <summary>How selectors and offsets are read.</summary>
    public required SegmentationMode Segmentation { get; init; }

    /// <summary>The GDT; null if it could not be read.</summary>
    public GuestDescriptorTable? Gdt { get; init; }

    /// <summary>Why there is no GDT.</summary>
    public string GdtProblem { get; init; } = "";

    /// <summary>The other half, if the kernel keeps the page tables of user and kernel apart.</summary>
    public PageTableIsolation? Isolation { get; init; }

    /// <summary>Names for the address space; null if paging is off.</summary>
    public GuestLayout? Layout { get; init; }

    /// <summary>All recorded address spaces, the running one first.</summary>
    public IReadOnlyList<SpaceUse> Spaces { get; init; } = [];

    /// <summary>Whether there are more pages than are looked at one by one.</summary>
    public bool PagesLeftOut => Summary is not null && Summary.Mapped.Sum(k => (double)k.Pages) > GuestLayout.MostPages;

    /// <summary>Tables and mapped bytes; null if paging is off.</summary>
    public AddressSpaceSummary? Summary { get; init; }

    /// <summary>What tables of one to five levels would cost for the same pages, large ones kept large where the tables have them.</summary>
    public IReadOnlyList<TableCost> Costs { get; init; } = [];

    /// <summary>The same if everything were mapped by 4-KiB pages.</summary>
    public IReadOnlyList<TableCost> CostsOfSmallPages { get; init; } = [];

    /// <summary>The regions in which something is mapped, by ascending address.</summary>
    public IReadOnlyList<RegionUse> Regions { get; init; } = [];

    /// <summary>The areas of the process, those of one name together.</summary>
    public IReadOnlyList<AreaUse> Areas { get; init; } = [];

    /// <summary>Every mapped page, translated.</summary>
    public IReadOnlyList<TranslationRun> Translations { get; init; } = [];

    /// <summary>The comparison with the recorded answers.</summary>
    public required GuestVerdict Verdict { get; init; }

    /// <summary>How long loading took.</summary>
    public TimeSpan LoadTime { get; init; }

    /// <summary>How long taking the tables apart took.</summary>
    public TimeSpan WalkTime { get; init; }

    /// <summary>How long comparing took.</summary>
    public TimeSpan CompareTime { get; init; }
}
