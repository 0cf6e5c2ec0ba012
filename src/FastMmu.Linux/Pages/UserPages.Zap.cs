using FastMmu.Linux.Areas;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>Dropping pages.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>Drops the pages of a range of an area that goes (unmap_vmas); guard markers too. Tables stay.</summary>
    /// <param name="vma">The area.</param>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    internal void Zap(in Vma vma, ulong start, ulong end) => Zap(start, end, ZapScope.Everything, reclaim: false);

    /// <summary>Drops the pages of a range because its file lost them (unmap_mapping_range).</summary>
    internal void Unmap(in Vma vma, ulong start, ulong end, bool copiesToo) =>
        Zap(start, end, copiesToo ? ZapScope.Pages : ZapScope.FilePages, reclaim: false);

    /// <summary>Drops all pages and tables of the user's half, and the top table.</summary>
    private void Clear()
    {
        if (_top == null)
        {
            return;
        }

        ulong end = 1UL << (_topShift + IndexBits - 1);
        Zap(0, end, ZapScope.Everything, reclaim: false);
        FreeTables(0, end, 0, 0);
        _pages.Put(_root >> PageShift);
        _top = null;
        _root = 0;
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

    private void Uncount(ref PageFrame page)
    {
        Changes++;
        if (page.IsAnonymous)
        {
            RssAnon--;
        }
        else if (page.IsShmem)
        {
            RssShmem--;
        }
        else
        {
            RssFile--;
        }
    }

    private void CountFilePage(ref PageFrame page)
    {
        Changes++;
        if (page.IsShmem)
        {
            RssShmem++;
        }
        else
        {
            RssFile++;
        }
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

    private readonly ref struct Zapper(UserPages tables, ZapScope scope) : ILeafVisitor
    {
        public bool Visit(ulong* entries, int count, ulong address)
        {
            bool empty = true;
            PageAllocator pages = tables._pages;
            for (int i = 0; i < count; i++)
            {
                ulong entry = entries[i];
                if (entry == 0)
                {
                    i = Skip(entries, i, count) - 1;
                    continue;
                }

                if (!Pte.IsPresent(entry))
                {
                    if (scope == ZapScope.Everything)
                    {
                        entries[i] = 0;
                    }

                    empty &= scope == ZapScope.Everything;
                    continue;
                }

                if ((entry & Pte.Special) == 0)
                {
                    ulong frame = Pte.Frame(entry);
                    ref PageFrame page = ref pages[frame];
                    if (scope == ZapScope.FilePages && page.IsAnonymous)
                    {
                        empty = false;
                        continue;
                    }

                    if (Pte.IsDirty(entry) && !page.IsAnonymous)
                    {
                        page.MarkDirty();
                    }

                    tables.Uncount(ref page);
                    page.MapCount--;
                    pages.Put(frame);
                }

                entries[i] = 0;
                tables.Changed(address + ((ulong)i << PageShift));
            }

            return empty;
        }
    }
}
