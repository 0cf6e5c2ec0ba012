namespace FastMmu.Linux.Physical;

/// <summary>Where a zone lies and how many pages it has.</summary>
/// <param name="Type">Which zone.</param>
/// <param name="Start">The first page frame number.</param>
/// <param name="End">The page frame number behind the last; the start of an empty zone.</param>
/// <param name="Present">Pages that exist.</param>
/// <param name="Managed">Pages to hand out.</param>
public readonly record struct ZoneExtent(ZoneType Type, ulong Start, ulong End, ulong Present, ulong Managed)
{
    /// <summary>Its name in the texts of /proc.</summary>
    public string Name => Zone.NameOf(Type);
}
