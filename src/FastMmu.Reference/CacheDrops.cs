namespace FastMmu.Reference;

/// <summary>What makes a processor forget cached translations.</summary>
[Flags]
internal enum CacheDrops
{
    None = 0,
    InvalidatePage = 1 << 0,
    InvalidateProcessContext = 1 << 1,
    WriteCr3 = 1 << 2,
    WriteControlRegister = 1 << 3,
    PageFault = 1 << 4,
    All = (1 << 5) - 1,
}
