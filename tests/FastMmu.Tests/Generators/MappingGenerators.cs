using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FsCheck;
using FsCheck.Fluent;

namespace FastMmu.Tests.Generators;

/// <summary>Which operation a step is.</summary>
public enum MappingVerb
{
    Map,
    Unmap,
    Protect,
    SetAttributes,
    Split,
}

/// <summary>One operation on an address space.</summary>
public sealed record MappingStep(
    MappingVerb Verb, ulong Linear, ulong Physical, ulong Length, PageAttributes Attributes, PageSize Largest)
{
    public override string ToString() =>
        $"{Verb} 0x{Linear:x} + 0x{Length:x} -> 0x{Physical:x} {Attributes.Rights} pat {Attributes.PatIndex} key {Attributes.ProtectionKey} {Largest}";
}

/// <summary>A sequence of operations on an empty address space.</summary>
public sealed record MappingStory(PagingMode Mode, IReadOnlyList<MappingStep> Steps)
{
    public override string ToString() => $"{Mode}:\n  {string.Join("\n  ", Steps)}\n";
}

/// <summary>Operations that meet: few places, around the edges of pages, tables and the address space.</summary>
internal static class MappingGenerators
{
    private const ulong Page = 4096;
    private const ulong TwoMiB = 2 << 20;
    private const ulong OneGiB = 1 << 30;

    public static Gen<PagingMode> Mode { get; } = Gen.Elements(PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel);

    public static Gen<Rights> Rights { get; } = Gen.Elements(
        Paging.Rights.SupervisorRead, Paging.Rights.SupervisorReadWrite, Paging.Rights.SupervisorReadExecute, Paging.Rights.SupervisorAll,
        Paging.Rights.UserRead, Paging.Rights.UserReadWrite, Paging.Rights.UserReadExecute, Paging.Rights.UserAll,
        Paging.Rights.SupervisorAll | Paging.Rights.Global, Paging.Rights.UserRead | Paging.Rights.Global);

    public static Gen<PageAttributes> Attributes { get; } =
        from rights in Rights
        from pat in Gen.Choose(0, 7)
        from key in Gen.Choose(0, 15)
        select new PageAttributes(rights) { PatIndex = pat, ProtectionKey = key };

    public static Gen<ulong> Length { get; } = Gen.Elements(
        Page, Page, Page, 2 * Page, 2 * Page, 511 * Page, 511 * Page, TwoMiB, TwoMiB, TwoMiB, TwoMiB + Page, TwoMiB + Page, 2 * TwoMiB, 2 * TwoMiB,
        5 * TwoMiB, OneGiB - TwoMiB, OneGiB + TwoMiB + Page);

    public static Arbitrary<MappingStory> Stories { get; } = Arb.From(
        from mode in Mode
        from count in Gen.Choose(1, 12)
        from steps in Gen.ListOf(Step(mode), count)
        select new MappingStory(mode, [.. steps]),
        story => Enumerable.Range(0, story.Steps.Count).Select(i => story with { Steps = [.. story.Steps.Where((_, j) => j != i)] }));

    /// <summary>Linear addresses of pages, most of them where something ends.</summary>
    public static Gen<ulong> Linear(PagingMode mode)
    {
        ulong half = mode switch { PagingMode.FourLevel => 1UL << 47, PagingMode.FiveLevel => 1UL << 56, _ => 1UL << 31 };
        ulong[] places = mode is PagingMode.FourLevel or PagingMode.FiveLevel
            ? [0, TwoMiB, OneGiB, 3 * OneGiB, 1UL << 39, half - OneGiB, half - TwoMiB, half, unchecked(0 - half), unchecked(0 - OneGiB), unchecked(0 - TwoMiB)]
            : [0, TwoMiB, 2 * TwoMiB, OneGiB, half, 3 * OneGiB, (1UL << 32) - TwoMiB];
        return
            from place in Gen.Elements(places)
            from offset in Gen.Elements<ulong>(0, 0, 0, Page, TwoMiB, TwoMiB - Page, unchecked(0 - Page))
            select unchecked(place + offset);
    }

    private static Gen<MappingStep> Step(PagingMode mode) => Gen.Frequency((6, AnyStep(mode)), (1, LargePage(mode)));

    // A page of the largest size, whose pieces later steps can tear out.
    private static Gen<MappingStep> LargePage(PagingMode mode) =>
        from linear in Linear(mode)
        from frame in Gen.Choose(0, 2)
        from attributes in Attributes
        select new MappingStep(MappingVerb.Map, linear & ~(OneGiB - 1), (ulong)frame * OneGiB, OneGiB, attributes, PageSize.Size1G);

    private static Gen<MappingStep> AnyStep(PagingMode mode) =>
        from verb in Gen.Elements(MappingVerb.Map, MappingVerb.Map, MappingVerb.Map, MappingVerb.Unmap, MappingVerb.Protect, MappingVerb.SetAttributes, MappingVerb.Split)
        from linear in Linear(mode)
        from physical in Gen.Elements<ulong>(0, Page, TwoMiB, 2 * TwoMiB, TwoMiB + Page, OneGiB, OneGiB + TwoMiB + Page, 2 * OneGiB)
        from length in Length
        from attributes in Attributes
        from largest in Gen.Elements(PageSize.Size4K, PageSize.Size2M, PageSize.Size4M, PageSize.Size1G, PageSize.Size1G)
        select new MappingStep(verb, linear, physical, length, attributes, largest);
}
