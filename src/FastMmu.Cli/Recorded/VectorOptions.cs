using FastMmu.Reference;

namespace FastMmu.Cli.Recorded;

/// <summary>How recorded rows are judged.</summary>
internal sealed record VectorOptions
{
    /// <summary>Deviations of the answerer.</summary>
    public Quirks Quirks { get; init; }

    /// <summary>How many mismatches of a file are kept with their details.</summary>
    public int MismatchLimit { get; init; } = 10;

    /// <summary>Who answers paging rows; the engine unless said otherwise.</summary>
    public Func<IMmuUnderTest> CreatePagingSubject { get; init; } = () => new EnginePaging();
}
