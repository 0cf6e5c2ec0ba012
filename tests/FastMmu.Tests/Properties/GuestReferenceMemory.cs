using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Reference;

namespace FastMmu.Tests.Properties;

/// <summary>The engine's own memory as the reference model sees it, for judges that follow an engine step by step.</summary>
internal sealed class GuestReferenceMemory(PhysicalMemory memory) : IReferenceMemory
{
    private readonly ulong[] _frozen = new ulong[4];
    private ulong _frozenAt = ulong.MaxValue;

    /// <summary>
    /// From now on four words read as they are now. PDPTEs read on demand need that: an accessed bit is a reserved bit there, and a table that is its
    /// own PDPT gets one from the very access that is to be judged.
    /// </summary>
    public void Freeze(ulong address)
    {
        _frozenAt = address;
        for (int i = 0; i < _frozen.Length; i++) _frozen[i] = memory.Read<ulong>(address + (8 * (ulong)i));
    }

    /// <summary>All words read as they are from now on.</summary>
    public void Thaw() => _frozenAt = ulong.MaxValue;

    public ulong ReadPhysical(ulong address, int bytes)
    {
        if (bytes == 4) return memory.Read<uint>(PhysicalAddress.Truncate(address));
        return address - _frozenAt < 32 ? _frozen[(address - _frozenAt) / 8] : memory.Read<ulong>(PhysicalAddress.Truncate(address));
    }

    public void WritePhysical(ulong address, ulong value, int bytes) => throw new InvalidOperationException("A judge changes nothing.");
}
