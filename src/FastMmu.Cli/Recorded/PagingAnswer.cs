namespace FastMmu.Cli.Recorded;

/// <summary>What a subject answered to one access or register write.</summary>
/// <param name="Vector">The exception vector; 0 for none.</param>
/// <param name="ErrorCode">The error code.</param>
/// <param name="Cr2">What CR2 became; null if it was left alone.</param>
/// <param name="Physical">The physical address, if there was no exception.</param>
/// <param name="Level">The level of the entry that stopped the walk; 0 if none did.</param>
internal readonly record struct PagingAnswer(int Vector, uint ErrorCode, ulong? Cr2, ulong Physical, int Level)
{
    /// <summary>No exception.</summary>
    public static PagingAnswer Ok(ulong physical) => new(0, 0, null, physical, 0);
}
