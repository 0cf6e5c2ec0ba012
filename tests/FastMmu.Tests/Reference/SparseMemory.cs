using FastMmu.Reference;

namespace FastMmu.Tests.Reference;

/// <summary>Memory of 4-byte words that read as zero until written, with ranges where nothing answers.</summary>
internal sealed class SparseMemory : IReferenceMemory
{
    private readonly Dictionary<ulong, uint> _words = [];

    /// <summary>From this address on nothing answers.</summary>
    public ulong Top { get; init; } = 1UL << 52;

    /// <summary>How many writes arrived, lost ones included.</summary>
    public int Writes { get; private set; }

    public ulong ReadPhysical(ulong address, int bytes)
    {
        if (address >= Top) return bytes == 4 ? uint.MaxValue : ulong.MaxValue;
        ulong low = _words.GetValueOrDefault(address);
        return bytes == 4 ? low : low | ((ulong)_words.GetValueOrDefault(address + 4) << 32);
    }

    public void WritePhysical(ulong address, ulong value, int bytes)
    {
        Writes++;
        if (address >= Top) return;
        _words[address] = (uint)value;
        if (bytes == 8) _words[address + 4] = (uint)(value >> 32);
    }
}
