using System.Runtime.CompilerServices;

namespace FastMmu.Tlb;

/// <content>Whose a tag is: the numbers that stand for PCIDs, clearing what bears dead ones, and giving new ones.</content>
public abstract unsafe partial class TlbStorage
{
    /// <summary>Makes the number of a PCID the one that lookups use.</summary>
    /// <param name="pcid">The PCID.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected void Select(int pcid)
    {
        uint own = _contexts.Of(pcid);
        if (own == 0)
        {
            if (_contexts.Exhausted) RenumberContexts();
            own = _contexts.Give(pcid);
        }

        SelectedPcid = pcid;
        Own = own;
    }

    /// <summary>Clears the dead tags of a set, unless nothing died since that was done last.</summary>
    /// <param name="array">The array.</param>
    /// <param name="record">The set.</param>
    /// <param name="ways">Entries of the set, as a constant.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected void SweepIfStale(ref TlbArray array, byte* record, int ways)
    {
        if (TlbArray.Swept(record, ways) != _contexts.Deaths) Sweep(ref array, record);
    }

    private bool Lives(ulong tag, TlbEntry entry)
    {
        uint context = (uint)(tag & TlbArray.ContextMask);
        return context != 0 && context == (entry.Global ? _contexts.Global : _contexts.Of(entry.Pcid));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Sweep(ref TlbArray array, byte* record)
    {
        ulong* tags = TlbArray.Tags(record);
        for (int way = 0; way < array.Ways; way++)
        {
            if (tags[way] != 0 && !Lives(tags[way], array.Entries(record)[way])) Clear(tags + way);
        }

        TlbArray.Swept(record, array.Ways) = _contexts.Deaths;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RenumberContexts()
    {
        foreach (int index in _described)
        {
            ref TlbArray array = ref Arrays12[index];
            for (int set = 0; set <= array.SetMask && _block != null; set++) Sweep(ref array, array.Record(set));
        }

        _contexts.Renumber();
        Globals = _contexts.Global;
        SelectedPcid = NoPcid;
        foreach (int index in _described)
        {
            ref TlbArray array = ref Arrays12[index];
            for (int set = 0; set <= array.SetMask && _block != null; set++)
            {
                byte* record = array.Record(set);
                ulong* tags = TlbArray.Tags(record);
                for (int way = 0; way < array.Ways; way++)
                {
                    if (tags[way] == 0) continue;
                    TlbEntry entry = array.Entries(record)[way];
                    tags[way] = (tags[way] & ~TlbArray.ContextMask) | (entry.Global ? _contexts.Global : _contexts.Of(entry.Pcid));
                }
            }
        }
    }
}
