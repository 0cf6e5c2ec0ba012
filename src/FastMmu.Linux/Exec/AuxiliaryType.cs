namespace FastMmu.Linux.Exec;

/// <summary>What an entry of the auxiliary vector says (AT_*).</summary>
/// <remarks>Source: include/uapi/linux/auxvec.h and arch/x86/include/uapi/asm/auxvec.h.</remarks>
public enum AuxiliaryType
{
    /// <summary>The end of the vector.</summary>
    Null = 0,

    /// <summary>The address of the program header table.</summary>
    ProgramHeaders = 3,

    /// <summary>Bytes of one of its entries.</summary>
    ProgramHeaderBytes = 4,

    /// <summary>Its entries.</summary>
    ProgramHeaderCount = 5,

    /// <summary>Bytes of a page.</summary>
    PageSize = 6,

    /// <summary>Where the interpreter lies; 0 without one.</summary>
    InterpreterBase = 7,

    /// <summary>Flags: none.</summary>
    Flags = 8,

    /// <summary>The program's own first instruction.</summary>
    Entry = 9,

    /// <summary>The user.</summary>
    UserId = 11,

    /// <summary>The effective user.</summary>
    EffectiveUserId = 12,

    /// <summary>The group.</summary>
    GroupId = 13,

    /// <summary>The effective group.</summary>
    EffectiveGroupId = 14,

    /// <summary>The address of the platform's name.</summary>
    Platform = 15,

    /// <summary>What the processor can do: CPUID leaf 1, EDX.</summary>
    HardwareCapabilities = 16,

    /// <summary>Ticks of times(2) in a second.</summary>
    ClockTick = 17,

    /// <summary>Whether privileges were gained.</summary>
    Secure = 23,

    /// <summary>The address of 16 random bytes.</summary>
    Random = 25,

    /// <summary>More that the processor can do.</summary>
    HardwareCapabilities2 = 26,

    /// <summary>Bytes of struct rseq that the kernel knows.</summary>
    RseqFeatureSize = 27,

    /// <summary>Alignment of struct rseq.</summary>
    RseqAlignment = 28,

    /// <summary>The address of the path that was executed.</summary>
    ExecutedName = 31,

    /// <summary>Where 32-bit programs enter the kernel.</summary>
    SystemInfo = 32,

    /// <summary>The address of the vdso.</summary>
    SystemInfoHeader = 33,

    /// <summary>Bytes that a signal frame needs.</summary>
    MinimumSignalStackSize = 51,
}
