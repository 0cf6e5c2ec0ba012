using FastMmu.Addresses;

namespace FastMmu.Traces;

/// <summary>One access of a memory trace, in 16 bytes.</summary>
/// <param name="Linear">Its first byte.</param>
/// <param name="Size">How many bytes, at least one.</param>
/// <param name="Kind">What it does.</param>
public readonly record struct TraceAccess(LinearAddress Linear, ushort Size, TraceAccessKind Kind)
{
    /// <summary>Whether its last byte lies in another 4-KiB page than its first.</summary>
    public bool CrossesPage => (Linear.Value & 0xfff) + Size > 0x1000;
}
