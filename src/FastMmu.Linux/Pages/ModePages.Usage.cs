using FastMmu.Linux.Areas;
using FastMmu.Linux.Proc;

namespace FastMmu.Linux.Pages;

/// <content>What smaps says of an area.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    public override AreaUsage Usage(in Vma vma)
    {
        var adder = new UsageAdder(this, (vma.Flags & VmFlags.Locked) != 0);
        Walk(vma.Start, vma.End, ref adder);
        return adder.Sum;
    }

    private struct UsageAdder(ModePages<TEntry> pages, bool locked) : ILeafVisitor<TEntry>
    {
        public AreaUsage Sum;

        public static bool Writes => false;

        public bool Visit(TEntry* entries, int count, ulong address)
        {
            for (int i = 0; i < count; i++)
            {
                if (Pte.IsPresent(entries[i].Value))
                {
                    Add(pages.Peek(address + ((ulong)i << PageShift)));
                }
            }

            return false;
        }

        private void Add(in PageView page)
        {
            if (!page.IsResident)
            {
                return;
            }

            ulong share = (PageBytes << AreaUsage.ShareShift) / (ulong)Math.Max(page.MapCount, 1);
            bool shared = page.MapCount > 1;
            Sum.Resident += PageBytes;
            Sum.Share += share;
            Sum.DirtyShare += page.IsDirty ? share : 0;
            Sum.LockedShare += locked ? share : 0;
            Sum.AnonymousShare += page.IsAnonymous ? share : 0;
            Sum.ShmemShare += page.IsSharedMemory ? share : 0;
            Sum.FileShare += page.IsAnonymous || page.IsSharedMemory ? 0 : share;
            Sum.SharedClean += shared && !page.IsDirty ? PageBytes : 0;
            Sum.SharedDirty += shared && page.IsDirty ? PageBytes : 0;
            Sum.PrivateClean += !shared && !page.IsDirty ? PageBytes : 0;
            Sum.PrivateDirty += !shared && page.IsDirty ? PageBytes : 0;
            Sum.Referenced += page.IsReferenced ? PageBytes : 0;
            Sum.Anonymous += page.IsAnonymous ? PageBytes : 0;
            Sum.LazyFree += page.IsLazyFree ? PageBytes : 0;
        }
    }
}
