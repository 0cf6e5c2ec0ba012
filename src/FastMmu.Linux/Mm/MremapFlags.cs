namespace FastMmu.Linux.Mm;

/// <summary>Flags of mremap (MREMAP_*).</summary>
public static class MremapFlags
{
    /// <summary>May move.</summary>
    public const uint MayMove = 1;

    /// <summary>Moves to exactly the new address.</summary>
    public const uint Fixed = 2;

    /// <summary>Leaves the old area, without its pages.</summary>
    public const uint DontUnmap = 4;
}
