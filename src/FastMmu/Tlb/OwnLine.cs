using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <summary>A number that shares its cache line, and the neighbour that processors prefetch with it, with nothing else.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct OwnLine
{
    /// <summary>The number.</summary>
    [FieldOffset(128)]
    internal long Number;
}
