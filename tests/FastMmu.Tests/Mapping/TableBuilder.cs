using FastMmu.Addresses;
using FastMmu.Memory;

namespace FastMmu.Tests.Mapping;

/// <summary>Writes tables entry by entry, as no mapper would.</summary>
internal sealed class TableBuilder(PhysicalMemory memory, ulong root)
{
    public PhysicalAddress Root { get; } = root;

    public TableBuilder Entry(ulong table, int index, ulong raw)
    {
        memory.Write(table + (8 * (ulong)index), raw);
        return this;
    }

    /// <summary>Writes the same entry everywhere in a table.</summary>
    public TableBuilder Everywhere(ulong table, ulong raw)
    {
        for (int i = 0; i < 512; i++) Entry(table, i, raw);
        return this;
    }
}
