namespace FastMmu.Linux.Mm;

/// <summary>The options of prctl that are about memory.</summary>
public static class PrctlOption
{
    /// <summary>Refuse memory that is writable and executable.</summary>
    public const int SetMdwe = 65;

    /// <summary>What of that is in force.</summary>
    public const int GetMdwe = 66;

    /// <summary>Attributes of areas; the second argument is <see cref="SetVmaAnonymousName"/>.</summary>
    public const int SetVma = 0x53564d61;

    /// <summary>Names anonymous memory (PR_SET_VMA_ANON_NAME).</summary>
    public const ulong SetVmaAnonymousName = 0;
}
