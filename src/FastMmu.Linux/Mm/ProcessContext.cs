using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <summary>What the threads of a process share besides memory, as far as memory calls ask: limits, credentials, files, personality.</summary>
public sealed class ProcessContext
{
    /// <summary>The resource limits.</summary>
    public ResourceLimits Limits { get; init; } = new();

    /// <summary>Who the process is.</summary>
    public Credentials Credentials { get; set; } = Credentials.User;

    /// <summary>The open file descriptors.</summary>
    public FileTable Files { get; init; } = new();

    /// <summary>The layout it wants.</summary>
    public Personality Personality { get; set; }

    /// <summary>A context for a forked child: limits and descriptors copied, file descriptions shared.</summary>
    public ProcessContext Copy() => new()
    {
        Limits = Limits.Copy(),
        Credentials = Credentials,
        Files = Files.Copy(),
        Personality = Personality,
    };
}
