namespace FastMmu.Cli;

/// <summary>What the process says when it ends.</summary>
internal static class ExitCode
{
    /// <summary>Everything asked for was done, and everything compared agreed.</summary>
    public const int Success = 0;

    /// <summary>The input was read to its end, and something in it disagrees.</summary>
    public const int Mismatch = 1;

    /// <summary>The command line or a file cannot be used; one line on stderr says why.</summary>
    public const int Unusable = 2;
}
