using FastMmu.Tlb;

namespace FastMmu.Tests.Tlb;

/// <summary>Small enough that everything is evicted soon; split at both levels, every page size apart.</summary>
public readonly struct SplitTlb : ITlbGeometry
{
    public static TlbLevelShape Data => new(
        TlbArrayShape.SetAssociative(8, 4, TlbPages.Size4K),
        TlbArrayShape.SetAssociative(4, 2, TlbPages.Large),
        TlbArrayShape.FullyAssociative(1, TlbPages.Size1G));

    public static TlbLevelShape Instruction => new(TlbArrayShape.SetAssociative(6, 3, TlbPages.Size4K), TlbArrayShape.FullyAssociative(3, TlbPages.Large | TlbPages.Size1G));

    public static TlbLevelShape SecondData => new(TlbArrayShape.SetAssociative(20, 5, TlbPages.Size4K | TlbPages.Large));

    public static TlbLevelShape SecondInstruction => new(TlbArrayShape.SetAssociative(16, 8, TlbPages.Size4K), TlbArrayShape.FullyAssociative(2, TlbPages.Size1G));

    public static bool Unified => false;
}

/// <summary>Split first level, second level for everything.</summary>
public readonly struct SharedSecondTlb : ITlbGeometry
{
    public static TlbLevelShape Data => new(TlbArrayShape.FullyAssociative(5, TlbPages.All));

    public static TlbLevelShape Instruction => new(TlbArrayShape.SetAssociative(4, 2, TlbPages.Size4K));

    public static TlbLevelShape SecondData => new(TlbArrayShape.SetAssociative(24, 6, TlbPages.All));

    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    public static bool Unified => true;
}

/// <summary>One array for everything, large enough that the tests evict nothing from it.</summary>
public readonly struct RoomyTlb : ITlbGeometry
{
    public static TlbLevelShape Data => new(TlbArrayShape.FullyAssociative(250, TlbPages.All));

    public static TlbLevelShape Instruction => TlbLevelShape.None;

    public static TlbLevelShape SecondData => TlbLevelShape.None;

    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    public static bool Unified => false;
}

/// <summary>The geometry that the documentation of <see cref="ITlbGeometry"/> shows.</summary>
public readonly struct TinyTlb : ITlbGeometry
{
    public static TlbLevelShape Data => new(TlbArrayShape.FullyAssociative(8, TlbPages.All));

    public static TlbLevelShape Instruction => new(TlbArrayShape.FullyAssociative(4, TlbPages.All));

    public static TlbLevelShape SecondData => new(TlbArrayShape.SetAssociative(64, 4, TlbPages.Size4K | TlbPages.Large));

    public static TlbLevelShape SecondInstruction => TlbLevelShape.None;

    public static bool Unified => true;
}
