using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>mprotect's side of entries.</content>
public sealed unsafe partial class UserPages
{
    /// <summary>Puts an area's flags, which it already carries, into its entries (change_protection).</summary>
    /// <param name="vma">The area.</param>
    /// <param name="start">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <remarks>
    /// What a private area may write stays read-only in the entry until a fault has seen that nobody shares the page, except where it is known
    /// already; what a file wants to hear of stays read-only except where it has heard.
    /// </remarks>
    internal void Protect(in Vma vma, ulong start, ulong end)
    {
        bool notify = WantsWriteNotify(vma);
        bool shared = (vma.Flags & VmFlags.Shared) != 0;
        bool upgrade = (vma.Flags & VmFlags.Write) != 0 && (!shared || notify);
        var protector = new Protector(this, PageProtection.Of(vma.Flags, notify), upgrade, shared);
        Walk(start, end, ref protector);
        Flush();
    }

    /// <summary>Whether the file of a shared writable area wants to hear of the first write to each page: disk files do, shared memory does not.</summary>
    private bool WantsWriteNotify(in Vma vma) =>
        vma.File != 0 && (vma.Flags & VmFlags.Shared) != 0 && _machine.Files[vma.File].Inode.Kind == InodeKind.Regular;

    private readonly ref struct Protector(UserPages tables, ulong protection, bool upgrade, bool shared) : ILeafVisitor
    {
        public bool Visit(ulong* entries, int count, ulong address)
        {
            PageAllocator pages = tables._pages;
            for (int i = 0; i < count; i++)
            {
                ulong old = entries[i];
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
                    entries[i] = entry;
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
