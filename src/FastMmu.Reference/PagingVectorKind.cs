namespace FastMmu.Reference;

/// <summary>What a recorded row did with memory.</summary>
public enum PagingVectorKind
{
    /// <summary><c>R</c>: data read.</summary>
    Read,

    /// <summary><c>W</c>: data write.</summary>
    Write,

    /// <summary><c>M</c>: read-modify-write, which needs and reports the right to write.</summary>
    ReadModifyWrite,

    /// <summary><c>X</c>: instruction fetch.</summary>
    Fetch,

    /// <summary><c>I</c>: implicit supervisor read of a descriptor, whatever the CPL.</summary>
    Implicit,
}
