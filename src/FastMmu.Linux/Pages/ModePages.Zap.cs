using FastMmu.Linux.Areas;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>Dropping pages.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    internal override void Zap(in Vma vma, ulong start, ulong end) => Zap(start, end, ZapScope.Everything, reclaim: false);

    internal override void Unmap(in Vma vma, ulong start, ulong end, bool copiesToo) =>
        Zap(start, end, copiesToo ? ZapScope.Pages : ZapScope.FilePages, reclaim: false);

    private protected override void Clear()
    {
        if (_top == null)
        {
            return;
        }

        ulong end = Space.UserEnd;
        Zap(0, end, ZapScope.Everything, reclaim: false);
        FreeTables(0, end, 0, 0);
        PutTable(_root);
        _top = null;
        RootAddress = _root = 0;
        _lastRegion = NoRegion;
        Tables--;
    }

    private void Zap(ulong start, ulong end, ZapScope scope, bool reclaim)
    {
        NoteHiwater();
        var zapper = new Zapper(this, scope);
        Walk(start, end, ref zapper, reclaim);
        Flush();
    }

    private enum ZapScope
    {
        /// <summary>Pages and markers: the area goes.</summary>
        Everything,

        /// <summary>All pages.</summary>
        Pages,

        /// <summary>The file's pages, not private copies of them.</summary>
        FilePages,
    }

    private readonly ref struct Zapper(ModePages<TEntry> tables, ZapScope scope) : ILeafVisitor<TEntry>
    {
        private readonly bool _walked = tables.Walked;

        public bool Visit(TEntry* entries, int count, ulong address)
        {
            bool empty = true;
            PageAllocator pages = tables._pages;
            for (int i = 0; i < count; i++)
            {
                ulong entry = entries[i].Value;
                if (entry == 0)
                {
                    i = Skip(entries, i, count) - 1;
                    continue;
                }

                if (!Pte.IsPresent(entry))
                {
                    if (scope == ZapScope.Everything)
                    {
                        entries[i] = default;
                    }

                    empty &= scope == ZapScope.Everything;
                    continue;
                }

                if (scope == ZapScope.FilePages && (entry & Pte.Special) == 0 && pages[Pte.Frame(entry)].IsAnonymous)
                {
                    empty = false;
                    continue;
                }

                entry = Take(entries + i, _walked).Value;
                if ((entry & Pte.Special) == 0)
                {
                    ulong frame = Pte.Frame(entry);
                    ref PageFrame page = ref pages[frame];
                    if (Pte.IsDirty(entry) && !page.IsAnonymous)
                    {
                        page.MarkDirty();
                    }

                    tables.Uncount(ref page);
                    page.MapCount--;
                    pages.Put(frame);
                }

                tables.Changed(address + ((ulong)i << PageShift));
            }

            return empty;
        }
    }
}
