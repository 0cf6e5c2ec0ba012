namespace FastMmu.Segmentation;

/// <summary>The type field of a system descriptor (S=0). In long mode the 32-bit numbers mean the 64-bit structures and the others are reserved.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "System Descriptor Types" (3.5), table 3-2.</remarks>
public enum SystemSegmentType : byte
{
    /// <summary>Reserved; in the upper half of a 16-byte descriptor it is what must stand there.</summary>
    Reserved0 = 0,

    /// <summary>16-bit TSS, available.</summary>
    AvailableTss16 = 1,

    /// <summary>LDT.</summary>
    Ldt = 2,

    /// <summary>16-bit TSS, busy.</summary>
    BusyTss16 = 3,

    /// <summary>16-bit call gate.</summary>
    CallGate16 = 4,

    /// <summary>Task gate.</summary>
    TaskGate = 5,

    /// <summary>16-bit interrupt gate.</summary>
    InterruptGate16 = 6,

    /// <summary>16-bit trap gate.</summary>
    TrapGate16 = 7,

    /// <summary>Reserved.</summary>
    Reserved8 = 8,

    /// <summary>32-bit or 64-bit TSS, available.</summary>
    AvailableTss = 9,

    /// <summary>Reserved.</summary>
    Reserved10 = 10,

    /// <summary>32-bit or 64-bit TSS, busy.</summary>
    BusyTss = 11,

    /// <summary>32-bit or 64-bit call gate.</summary>
    CallGate = 12,

    /// <summary>Reserved.</summary>
    Reserved13 = 13,

    /// <summary>32-bit or 64-bit interrupt gate.</summary>
    InterruptGate = 14,

    /// <summary>32-bit or 64-bit trap gate.</summary>
    TrapGate = 15,
}
