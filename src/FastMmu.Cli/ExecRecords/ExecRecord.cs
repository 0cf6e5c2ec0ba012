using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.ExecRecords;

/// <summary>One recorded execve: what was asked, and what a kernel answered.</summary>
internal sealed record ExecRecord
{
    /// <summary>The line of the file it stands on.</summary>
    public required int Line { get; init; }

    /// <summary>The case's name.</summary>
    public required string Name { get; init; }

    /// <summary>The path that was executed.</summary>
    public required string Path { get; init; }

    /// <summary>The arguments.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The environment.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>The user, and the group of the same number.</summary>
    public required int UserId { get; init; }

    /// <summary>The directory that relative paths started from.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>The file that was open, for execveat.</summary>
    public string? OpenPath { get; init; }

    /// <summary>Limits that were not the usual ones, by resource number.</summary>
    public IReadOnlyList<(int Resource, ResourceLimit Limit)> Limits { get; init; } = [];

    /// <summary>The personality.</summary>
    public Personality Personality { get; init; }

    /// <summary><c>ok</c>, <c>-ENAME</c> or <c>killed:SIGSEGV</c>.</summary>
    public required string Result { get; init; }

    /// <summary>The state before the first instruction; null unless the result is <c>ok</c>.</summary>
    public ExecState? State { get; init; }
}
