using FastMmu.Addresses;

namespace FastMmu.Memory;

/// <summary>A byte of memory that is not what a snapshot says. Found by <see cref="Snapshot.Verify"/>.</summary>
/// <param name="Address">Where.</param>
/// <param name="Expected">What the byte was when the snapshot was taken.</param>
/// <param name="Actual">What it is.</param>
public readonly record struct MemoryDifference(PhysicalAddress Address, byte Expected, byte Actual)
{
    /// <summary>The difference as <c>0x1000: 01 instead of 00</c>.</summary>
    public override string ToString() => $"{Address}: {Actual:x2} instead of {Expected:x2}";
}
