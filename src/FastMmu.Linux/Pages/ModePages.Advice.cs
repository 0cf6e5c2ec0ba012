using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>The page side of madvise.</content>
internal sealed unsafe partial class ModePages<TEntry>
{
    private const VmFlags NotForReclaim = VmFlags.Locked | VmFlags.PfnMap | VmFlags.HugeTlb;

    internal override long Advise(in Vma vma, ulong start, ulong end, int advice) => advice switch
    {
        Advice.DontNeed or Advice.DontNeedLocked => DontNeed(vma, start, end, advice == Advice.DontNeedLocked),
        Advice.Free => Free(vma, start, end),
        Advice.Remove => Remove(vma, start, end),
        Advice.Cold or Advice.PageOut => GrowCold(vma, start, end, advice == Advice.PageOut),
        Advice.WillNeed => WillNeed(vma, start, end),
        Advice.GuardInstall => InstallGuards(vma, start, end),
        Advice.GuardRemove => RemoveGuards(vma, start, end),
        _ => -Errno.EINVAL,
    };

    private long DontNeed(in Vma vma, ulong start, ulong end, bool lockedToo)
    {
        if ((vma.Flags & VmFlags.HugeTlb) != 0)
        {
            // Where a huge page begins something can be dropped; pages that are not whole stay.
            return (start & Space.PageMaskOf(vma)) == 0 ? 0 : -Errno.EINVAL;
        }

        if ((vma.Flags & VmFlags.PfnMap) != 0 || ((vma.Flags & VmFlags.Locked) != 0 && !lockedToo))
        {
            return -Errno.EINVAL;
        }

        // 32-bit kernels keep empty tables (ARCH_SUPPORTS_PT_RECLAIM).
        Zap(start, end, ZapScope.Pages, reclaim: !Machine.Is32Bit);
        return 0;
    }

    private long Free(in Vma vma, ulong start, ulong end)
    {
        if ((vma.Flags & (VmFlags.PfnMap | VmFlags.Locked)) != 0 || !IsAnonymous(vma))
        {
            return -Errno.EINVAL;
        }

        var aging = new Ager(this, lazyFree: true);
        Walk(start, end, ref aging);
        Flush();
        return 0;
    }

    private long Remove(in Vma vma, ulong start, ulong end)
    {
        if ((vma.Flags & VmFlags.Locked) != 0 || vma.File == 0)
        {
            return -Errno.EINVAL;
        }

        const VmFlags sharedAndWritable = VmFlags.Shared | VmFlags.MayWrite;
        OpenFile file = Machine.Files[vma.File];
        if ((vma.Flags & sharedAndWritable) != sharedAndWritable)
        {
            return -Errno.EACCES;
        }

        if (file.Inode.SealedAgainstWrites)
        {
            return -Errno.EPERM;
        }

        if (file.Inode.Kind == InodeKind.HugePages)
        {
            return 0;
        }

        ulong first = vma.PageOffset + ((start - vma.Start) >> PageShift);
        file.Inode.PunchHole(Machine, first, first + ((end - start) >> PageShift));
        return 0;
    }

    private long GrowCold(in Vma vma, ulong start, ulong end, bool pageOut)
    {
        if ((vma.Flags & NotForReclaim) != 0)
        {
            return -Errno.EINVAL;
        }

        var aging = new Ager(this, lazyFree: false);
        Walk(start, end, ref aging);
        Flush();

        // There is no swap, so only what can be read again from a disk leaves memory.
        if (pageOut && vma.File != 0 && Machine.Files[vma.File].Inode is { Kind: InodeKind.Regular } inode && MayWrite(inode))
        {
            PageCache cache = inode.Cache(Machine);
            for (ulong at = start; at < end; at += PageBytes)
            {
                TEntry* slot = Find(at);
                if (slot != null && Pte.IsPresent(slot->Value) && _pages[Pte.Frame(slot->Value)] is { Mapping: > 0, MapCount: 1 })
                {
                    Zap(at, at + PageBytes, ZapScope.FilePages, reclaim: false);
                    cache.Evict(vma.PageOffset + ((at - vma.Start) >> PageShift));
                }
            }
        }

        return 0;
    }

    private long WillNeed(in Vma vma, ulong start, ulong end)
    {
        if (vma.File != 0 && Machine.Files[vma.File].Inode is { Kind: InodeKind.Regular } inode)
        {
            ulong first = vma.PageOffset + ((start - vma.Start) >> PageShift);
            inode.Cache(Machine).ReadIn(first, Math.Min(first + ((end - start) >> PageShift), inode.PageCount));
        }

        return 0;
    }

    private long InstallGuards(in Vma vma, ulong start, ulong end)
    {
        if ((vma.Flags & (VmFlags.Special | VmFlags.HugeTlb | VmFlags.Locked)) != 0)
        {
            return -Errno.EINVAL;
        }

        Vma marked = vma;
        marked.Flags |= VmFlags.MaybeGuard;
        if (marked.Flags != vma.Flags)
        {
            Space.Areas.Replace(vma.Start, marked);
        }

        if (IsAnonymous(marked))
        {
            PrepareAnonVma(ref marked);
        }

        Zap(start, end, ZapScope.Pages, reclaim: false);
        for (ulong at = start; at < end; at += PageBytes)
        {
            TEntry* slot = Make(at);
            if (slot == null)
            {
                return -Errno.ENOMEM;
            }

            *slot = TEntry.Of(Pte.Guard);
        }

        return 0;
    }

    private long RemoveGuards(in Vma vma, ulong start, ulong end)
    {
        if ((vma.Flags & (VmFlags.Special | VmFlags.HugeTlb)) != 0)
        {
            return -Errno.EINVAL;
        }

        var remover = default(GuardRemover);
        Walk(start, end, ref remover);
        return 0;
    }

    private readonly ref struct Ager(ModePages<TEntry> tables, bool lazyFree) : ILeafVisitor<TEntry>
    {
        private readonly bool _walked = tables.Walked;

        public bool Visit(TEntry* entries, int count, ulong address)
        {
            for (int i = 0; i < count; i++)
            {
                TEntry stored = entries[i];
                ulong entry = stored.Value;
                if (entry == 0)
                {
                    i = Skip(entries, i, count) - 1;
                    continue;
                }

                if (!Pte.IsPresent(entry) || (entry & Pte.Special) != 0)
                {
                    continue;
                }

                ref PageFrame page = ref tables._pages[Pte.Frame(entry)];
                if (page.MapCount != 1)
                {
                    continue;
                }

                ulong aged = entry & ~Pte.Accessed;
                if (lazyFree)
                {
                    aged = Pte.MakeClean(aged);
                    page.MarkLazyFree();
                }

                if (aged != entry)
                {
                    if (!TryReplace(entries + i, stored, TEntry.Of(aged), _walked))
                    {
                        i--;
                        continue;
                    }

                    tables.Changed(address + ((ulong)i << PageShift));
                }
            }

            return false;
        }
    }

    private struct GuardRemover : ILeafVisitor<TEntry>
    {
        public readonly bool Visit(TEntry* entries, int count, ulong address)
        {
            for (int i = 0; i < count; i++)
            {
                if (entries[i].Value == Pte.Guard)
                {
                    entries[i] = default;
                }
            }

            return false;
        }
    }
}
