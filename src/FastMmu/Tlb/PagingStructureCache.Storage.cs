using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastMmu.Tlb;

/// <content>The native memory of the caches: sets, tags, values, and the numbers that stand for PCIDs.</content>
public sealed unsafe partial class PagingStructureCache
{
    private static PagingStructureEntry EntryOf(ulong tag, ulong value, int level) =>
        new(TlbArray.LinearOf(tag), (int)(value >> PcidPosition), value & TableMask, level, (int)value & 15);

    private void Free()
    {
        if (_block == null) return;
        for (int level = 1; level <= TopLevel; level++) _levels[level].Sets = 0;
        NativeMemory.AlignedFree(_block);
        _block = null;
        Interlocked.Decrement(ref s_liveBlocks);
    }

    /// <summary>How many low address bits a table of a level translates.</summary>
    private int ReachOf(int level) => 12 + (_indexBits * level);

    private ulong TagOf(ulong linear, int level)
    {
        int low = ReachOf(level) + TlbArray.LinearShift;

        // Two-level paging has no tables of levels 3 and 4, whose reach of 42 and 52 bits still fits a tag.
        return (linear << TlbArray.LinearShift) >> low << low;
    }

    private bool Lives(ulong tag, ulong value)
    {
        uint context = (uint)(tag & TlbArray.ContextMask);
        return context != 0 && context == _contexts.Of((int)(value >> PcidPosition));
    }

    /// <summary>A way for a new entry: an empty one, one whose context is dead, or the least recently used.</summary>
    private int FreeWay(ref Level cache, byte* record)
    {
        for (int way = 0; way < cache.Ways; way++)
        {
            if (!Lives(((ulong*)record)[way], cache.Values(record)[way])) return way;
        }

        ulong unused = 0;
        return TrueLru.Victim(record + cache.AgesOffset, cache.Ways, ref unused);
    }

    private void Select(int pcid)
    {
        uint own = _contexts.Of(pcid);
        if (own == 0)
        {
            if (_contexts.Exhausted) RenumberContexts();
            own = _contexts.Give(pcid);
        }

        _pcid = pcid;
        _own = own;
    }

    private void RenumberContexts()
    {
        ForEachTag(static (cache, tag, value) => cache.Lives(tag, value) ? tag : 0);
        _contexts.Renumber();
        ForEachTag(static (cache, tag, value) =>
            tag == 0 ? 0 : (tag & ~TlbArray.ContextMask) | cache._contexts.Of((int)(value >> PcidPosition)));
    }

    private void ForEachTag(Func<PagingStructureCache, ulong, ulong, ulong> rewrite)
    {
        for (int level = 1; level <= TopLevel; level++)
        {
            ref Level cache = ref _levels[level];
            for (int set = 0; set < cache.Sets; set++)
            {
                byte* record = cache.Record(set);
                for (int way = 0; way < cache.Ways; way++) ((ulong*)record)[way] = rewrite(this, ((ulong*)record)[way], cache.Values(record)[way]);
            }
        }
    }

    /// <summary>One cache in native memory.</summary>
    private struct Level
    {
        public byte* Records;
        public int Sets;
        public int Ways;
        public int RecordBytes;
        public int AgesOffset;
        public int ValuesOffset;

        public readonly byte* Record(int set) => Records + ((nint)set * RecordBytes);

        public readonly byte* RecordOf(ulong linear, int reach) => Record((int)(linear >> reach) & (Sets - 1));

        public readonly ulong* Values(byte* record) => (ulong*)(record + ValuesOffset);
    }

    /// <summary>Levels 1 to 4; element 0 is not used.</summary>
    [InlineArray(TopLevel + 1)]
    private struct Levels
    {
        private Level _first;
    }
}
