using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>mprotect's side of entries.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    internal override void Protect(in Vma vma, ulong start, ulong end)
    {
        bool notify = WantsWriteNotify(vma);
        bool shared = (vma.Flags & VmFlags.Shared) != 0;
        bool upgrade = (vma.Flags & VmFlags.Write) != 0 && (!shared || notify);
        var protector = new Protector(this, ProtectionOf(vma.Flags, notify), upgrade, shared);
        Walk(start, end, ref protector);
        Flush();
    }

    private readonly ref struct Protector(ModePages<TEntry> tables, ulong protection, bool upgrade, bool shared) : ILeafVisitor<TEntry>
    {
        private readonly bool _walked = tables.Walked;

        public bool Visit(TEntry* entries, int count, ulong address)
        {
            PageAllocator pages = tables._pages;
            for (int i = 0; i < count; i++)
            {
                TEntry stored = entries[i];
                ulong old = stored.Value;
                if (old == 0)
                {
                    i = Skip(entries, i, count) - 1;
                    continue;
                }

                if (!Pte.IsPresent(old))
                {
                    continue;
                }

                ulong entry = Pte.Modify(old, protection);
                if (upgrade && (entry & (Pte.Write | Pte.Present)) == Pte.Present && MayWrite(pages, entry))
                {
                    entry = Pte.MakeWritable(entry);
                }

                if (entry != old)
                {
                    if (!TryReplace(entries + i, stored, TEntry.Of(entry), _walked))
                    {
                        i--;
                        continue;
                    }

                    if ((old & Pte.Present) != 0)
                    {
                        tables.Changed(address + ((ulong)i << PageShift));
                    }
                }
            }

            return false;
        }

        private bool MayWrite(PageAllocator pages, ulong entry)
        {
            if (shared)
            {
                return Pte.IsDirty(entry);
            }

            if ((entry & Pte.Special) != 0)
            {
                return false;
            }

            ref PageFrame page = ref pages[Pte.Frame(entry)];
            return page.IsAnonymous && page.IsExclusive;
        }
    }
}
