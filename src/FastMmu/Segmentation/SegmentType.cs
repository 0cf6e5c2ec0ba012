namespace FastMmu.Segmentation;

/// <summary>The type field of a code or data segment (S=1).</summary>
/// <remarks>
/// <code>
///          3        2            1          0
///       +------+------------+----------+----------+
/// data  |  0   | expand-down| writable | accessed |
/// code  |  1   | conforming | readable | accessed |
///       +------+------------+----------+----------+
/// </code>
/// Source: Intel SDM vol. 3A, "Code- and Data-Segment Descriptor Types" (3.4.5.1), table 3-1.
/// </remarks>
public enum SegmentType : byte
{
    /// <summary>Data, read-only.</summary>
    ReadOnly = 0,

    /// <summary>Data, read-only; accessed.</summary>
    ReadOnlyAccessed = 1,

    /// <summary>Data, read and write.</summary>
    ReadWrite = 2,

    /// <summary>Data, read and write; accessed.</summary>
    ReadWriteAccessed = 3,

    /// <summary>Data, read-only, expand-down: offsets above the limit are valid.</summary>
    ReadOnlyExpandDown = 4,

    /// <summary>Data, read-only, expand-down: offsets above the limit are valid; accessed.</summary>
    ReadOnlyExpandDownAccessed = 5,

    /// <summary>Data, read and write, expand-down.</summary>
    ReadWriteExpandDown = 6,

    /// <summary>Data, read and write, expand-down; accessed.</summary>
    ReadWriteExpandDownAccessed = 7,

    /// <summary>Code, execute-only.</summary>
    ExecuteOnly = 8,

    /// <summary>Code, execute-only; accessed.</summary>
    ExecuteOnlyAccessed = 9,

    /// <summary>Code, execute and read.</summary>
    ExecuteRead = 10,

    /// <summary>Code, execute and read; accessed.</summary>
    ExecuteReadAccessed = 11,

    /// <summary>Code, execute-only, conforming.</summary>
    ExecuteOnlyConforming = 12,

    /// <summary>Code, execute-only, conforming; accessed.</summary>
    ExecuteOnlyConformingAccessed = 13,

    /// <summary>Code, execute and read, conforming.</summary>
    ExecuteReadConforming = 14,

    /// <summary>Code, execute and read, conforming; accessed.</summary>
    ExecuteReadConformingAccessed = 15,
}
