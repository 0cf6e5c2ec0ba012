namespace FastMmu.Cli.Report;

/// <summary>The areas of a process that have one name.</summary>
/// <param name="Name">File, name in brackets, or <c>anonymous</c>.</param>
internal sealed record AreaUse(string Name)
{
    /// <summary>How many areas.</summary>
    public int Areas { get; set; }

    /// <summary>Their bytes.</summary>
    public ulong Bytes { get; set; }

    /// <summary>Their permissions, as they occur.</summary>
    public List<string> Permissions { get; } = [];

    /// <summary>The pages mapped in them.</summary>
    public PageUse Pages { get; } = new();
}
