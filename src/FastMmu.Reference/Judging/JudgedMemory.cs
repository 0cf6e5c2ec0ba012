namespace FastMmu.Reference.Judging;

/// <summary>The memory of the unit under test, as the model reads it.</summary>
internal sealed class JudgedMemory(IMmuUnderTest mmu) : IReferenceMemory
{
    private readonly ulong[] _frozen = new ulong[4];
    private ulong _frozenAt = ulong.MaxValue;

    /// <summary>
    /// From now on four words read as they are now. PDPTEs read on demand need that: an accessed bit is a reserved bit there, and a table that is its
    /// own PDPT gets one from the very access that is to be judged.
    /// </summary>
    public void Freeze(ulong address)
    {
        for (int i = 0; i < _frozen.Length; i++) _frozen[i] = mmu.ReadPhysical(address + (8 * (ulong)i), 8);
        _frozenAt = address;
    }

    public ulong ReadPhysical(ulong address, int bytes) =>
        bytes == 8 && address - _frozenAt < 32 ? _frozen[(address - _frozenAt) / 8] : mmu.ReadPhysical(address, bytes);

    public void WritePhysical(ulong address, ulong value, int bytes) => throw new InvalidOperationException("A judge changes nothing.");
}
