using FastMmu.Processor;

namespace FastMmu.Tests.Generators;

/// <summary>Processors, and registers of theirs.</summary>
internal static class RegisterGenerator
{
    public static bool IsLong(MachineKind kind) => kind is MachineKind.FourLevel or MachineKind.FiveLevel;

    public static bool IsPae(MachineKind kind) => kind is MachineKind.Pae or MachineKind.PaeWithPdptesOnDemand;

    /// <summary>A processor that has a mode, and most of everything else.</summary>
    public static ProcessorFeatures Features(EdgeRandom random, MachineKind kind) => new()
    {
        Vendor = random.Pick(ProcessorVendor.Intel, ProcessorVendor.Amd),
        PhysicalAddressBits = random.Pick(32, 36, 36, 39, 40, 41, 46, 48, 51, 52, 52, 52, random.Between(32, 52)),
        LongMode = IsLong(kind) || random.OneIn(2),
        Pae = IsLong(kind) || IsPae(kind) || random.OneIn(2),
        Pse = !random.OneIn(5),
        Pse36 = !random.OneIn(4),
        GlobalPages = !random.OneIn(6),
        OneGigabytePages = !random.OneIn(4),
        ExecuteDisable = !random.OneIn(6),
        La57 = kind == MachineKind.FiveLevel || random.OneIn(2),
        Pcid = !random.OneIn(6),
        Invpcid = true,
        Smep = !random.OneIn(4),
        Smap = !random.OneIn(4),
        Pku = !random.OneIn(4),
        Pks = !random.OneIn(4),
        ShadowStacks = !random.OneIn(4),
        Lass = !random.OneIn(4),
        Lam = !random.OneIn(4),
        NonLeafBit8 = random.Pick(NonLeafBit8.Ignored, NonLeafBit8.Ignored, NonLeafBit8.ReservedInPml4, NonLeafBit8.ReservedInPml4AndPdpt),
        PdptesReadOnDemand = kind == MachineKind.PaeWithPdptesOnDemand || (kind != MachineKind.Pae && random.OneIn(4)),
    };

    /// <summary>Registers of a mode. CR3 is zero but for what is not its address.</summary>
    public static PagingState State(EdgeRandom random, MachineKind kind) => State(random, kind, Features(random, kind));

    public static PagingState State(EdgeRandom random, MachineKind kind, ProcessorFeatures features) => RegisterChoice.State(random, Mode(kind), features);

    private static PagingMode Mode(MachineKind kind) => kind switch
    {
        MachineKind.NoPaging => PagingMode.None,
        MachineKind.TwoLevel => PagingMode.TwoLevel,
        MachineKind.Pae or MachineKind.PaeWithPdptesOnDemand => PagingMode.Pae,
        MachineKind.FourLevel => PagingMode.FourLevel,
        _ => PagingMode.FiveLevel,
    };
}
