namespace FastMmu.Tlb;

/// <summary>
/// The arrays that one kind of access sees at one level. A page goes to the array that holds its size; a size that none holds is not
/// cached at the level.
/// </summary>
/// <param name="First">The array probed first, usually that of 4-KiB pages.</param>
/// <param name="Second">The next, or <see cref="TlbArrayShape.None"/>.</param>
/// <param name="Third">The last, or <see cref="TlbArrayShape.None"/>.</param>
public readonly record struct TlbLevelShape(TlbArrayShape First, TlbArrayShape Second = default, TlbArrayShape Third = default)
{
    /// <summary>No level.</summary>
    public static TlbLevelShape None => default;
}
