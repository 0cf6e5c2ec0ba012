using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu.Tlb;

/// <content>What is in it, for people.</content>
internal sealed unsafe partial class FastTable
{
    /// <summary>Both forms' entries of all contexts, each page once.</summary>
    internal IReadOnlyList<FastEntry> Contents()
    {
        var found = new SortedDictionary<(int Context, int Row, ulong Linear), (ulong Physical, uint Attributes)>();
        int width = _generationShift == 52 ? PackedTable.LinearBits : 57;
        for (int i = 0; i < FastContexts.Count; i++)
        {
            uint generation = _contexts[i].Generation;
            if (generation == 0) continue;
            for (int row = 0; row < Rows; row++)
            {
                int bank = BankOf(generation);
                if ((_addends.Made(bank) >> row & 1) != 0)
                {
                    byte* table = _addends.Row(bank, row);
                    for (nuint slot = 0; slot < Slots; slot++)
                    {
                        if (!AddendTable.TryDecode(table, slot, generation, out ulong linear, out ulong physical)) continue;
                        found[(i, row, linear)] = (physical, Attributes(table, slot));
                    }
                }

                if ((_packed.Made(bank) >> row & 1) != 0)
                {
                    byte* table = _packed.Row(bank, row);
                    for (nuint slot = 0; slot < Slots; slot++)
                    {
                        if (!PackedTable.TryDecode(table, slot, PackedKeyOf(generation), out ulong linear, out ulong physical, out uint attributes)) continue;
                        // Another generation's is taken for an address that is not canonical.
                        if (new LinearAddress(linear).IsCanonical(width)) found[(i, row, linear)] = (physical, attributes);
                    }
                }
            }
        }

        GC.KeepAlive(this);
        return [.. found.Select(e => ToEntry(e.Key, e.Value))];
    }

    private FastEntry ToEntry((int Context, int Row, ulong Linear) key, (ulong Physical, uint Attributes) value) => new(
        key.Linear, new PhysicalAddress(value.Physical), (Access)(key.Row / 3), (Privilege)(key.Row % 3), _contexts[key.Context].Fingerprint.Pcid,
        key.Context == _current, (PageSize)(byte)(value.Attributes >> 8), (Rights)(byte)(value.Attributes >> 16), (byte)(value.Attributes >> 24));
}
