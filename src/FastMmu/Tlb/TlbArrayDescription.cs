namespace FastMmu.Tlb;

/// <summary>One array of a TLB and who sees it.</summary>
/// <param name="Level">1 or 2.</param>
/// <param name="Data">Whether data accesses go through it.</param>
/// <param name="Instruction">Whether fetches go through it.</param>
/// <param name="Shape">Sets, ways and page sizes.</param>
public readonly record struct TlbArrayDescription(int Level, bool Data, bool Instruction, TlbArrayShape Shape)
{
    /// <summary><c>L1 data: 64 entries, 4-way, Size4K</c>.</summary>
    public override string ToString() => $"L{Level} {(Data && Instruction ? "unified" : Data ? "data" : "instruction")}: {Shape}";
}
