using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <content>Splitting and merging areas as mm/vma.c does: who may join whom is decided by flags, file, offset, policy, name and anon_vma.</content>
public sealed partial class AddressSpace
{
    // Flags that do not keep neighbours apart; the merged area has those of both.
    private const VmFlags StickyFlags = VmFlags.SoftDirty | VmFlags.MaybeGuard;

    /// <summary>Finds the area that contains an address.</summary>
    internal bool TryLookup(ulong address, out Vma vma) => Areas.TryFind(address, out vma) && vma.Start <= address;

    // split_vma: keeps to max_map_count.
    private long SplitWithinLimit(in Vma vma, ulong address) =>
        Areas.Count >= Machine.Settings.MaxMapCount ? -Errno.ENOMEM : Split(vma, address);

    // __split_vma: the lower part keeps the start, the upper part goes on with the file or the anonymous object.
    private long Split(in Vma vma, ulong address)
    {
        if (SpecialMapping.IsSpecial(vma.Name) || (address & PageMaskOf(vma)) != 0)
        {
            return -Errno.EINVAL;
        }

        Vma lower = vma, upper = vma;
        lower.End = address;
        upper.Start = address;
        upper.PageOffset += (address - vma.Start) >> PageShift;
        Areas.Replace(vma.Start, lower);
        Areas.Insert(upper);
        Machine.AnonVmas.Attach(upper);
        Machine.Files.Attach(upper.File);
        return 0;
    }

    // vma_modify_flags
    private long ModifyFlags(in Vma vma, ulong start, ulong end, VmFlags flags, out Vma result) => Modify(vma, start, end, flags, vma.Name, out result);

    // vma_modify: gives [start, end) of an area other flags or another name, merging with neighbours or splitting; the result is the area that holds the range then.
    // On failure splits that were made stay.
    private long Modify(in Vma vma, ulong start, ulong end, VmFlags flags, int name, out Vma result)
    {
        if (TryMergeExisting(vma, start, end, flags, name, out result))
        {
            return 0;
        }

        result = vma;
        if (vma.Start < start)
        {
            long error = SplitWithinLimit(vma, start);
            if (error != 0)
            {
                return error;
            }

            result.Start = start;
            result.PageOffset += (start - vma.Start) >> PageShift;
        }

        if (vma.End > end)
        {
            long error = SplitWithinLimit(result, end);
            if (error != 0)
            {
                return error;
            }

            result.End = end;
        }

        result.Flags = flags;
        result.Name = name;
        Areas.Replace(start, result);
        return 0;
    }

    // vma_merge_existing_range: a part of an area that touches one of its edges joins the neighbour there, or both neighbours.
    private bool TryMergeExisting(in Vma middle, ulong start, ulong end, VmFlags flags, int name, out Vma merged)
    {
        bool leftEdge = start == middle.Start, rightEdge = end == middle.End;
        merged = default;
        if ((flags & VmFlags.Special) != 0 || (!leftEdge && !rightEdge))
        {
            return false;
        }

        Merge merge = new(middle, start, end, flags) { Name = name, SourceIsForkChild = IsForkChild(middle) };
        Vma previous = default, next = default;
        bool left = leftEdge && Areas.TryFindBefore(start, out previous) && CanMergeAfter(previous, merge);
        bool right = rightEdge && Areas.TryFind(end, out next) && CanMergeBefore(next, merge)
            && (!left || AreCompatible(previous, next));
        if (!left && !right)
        {
            return false;
        }

        bool whole = leftEdge && rightEdge;
        VmFlags sticky = flags & StickyFlags;
        if (left && right)
        {
            merged = previous;
            merged.End = next.End;
            merged.Flags |= sticky | (next.Flags & StickyFlags);
            Adopt(ref merged, next.AnonVma != 0 ? next : middle);
            RemoveArea(next);
            RemoveArea(middle);
            Areas.Replace(previous.Start, merged);
        }
        else if (left)
        {
            merged = previous;
            merged.End = end;
            merged.Flags |= sticky;
            Adopt(ref merged, middle);
            if (whole)
            {
                RemoveArea(middle);
            }
            else
            {
                Vma rest = middle;
                rest.Start = end;
                rest.PageOffset += (end - middle.Start) >> PageShift;
                Areas.Replace(middle.Start, rest);
            }

            Areas.Replace(previous.Start, merged);
        }
        else
        {
            merged = next;
            merged.Start = start;
            merged.PageOffset = next.PageOffset - ((end - start) >> PageShift);
            merged.Flags |= sticky;
            Adopt(ref merged, middle);
            if (whole)
            {
                RemoveArea(middle);
            }
            else
            {
                Vma rest = middle;
                rest.End = start;
                Areas.Replace(middle.Start, rest);
            }

            Areas.Replace(next.Start, merged);
        }

        return true;
    }

    // vma_merge_new_range: a free range becomes part of the area before it, the one behind it, or makes one of both.
    private bool TryMergeNew(in Merge merge, bool onlyPrevious, out Vma merged)
    {
        merged = default;
        if ((merge.Flags & VmFlags.Special) != 0)
        {
            return false;
        }

        Vma next = default;
        bool left = Areas.TryFindBefore(merge.Start, out Vma previous) && CanMergeAfter(previous, merge);
        bool right = !onlyPrevious && Areas.TryFind(merge.End, out next) && CanMergeBefore(next, merge)
            && (!left || AreCompatible(previous, next));
        VmFlags sticky = merge.Flags & StickyFlags;
        if (left)
        {
            merged = previous;
            merged.End = merge.End;
            merged.Flags |= sticky;
            if (right)
            {
                merged.End = next.End;
                merged.Flags |= next.Flags & StickyFlags;
                Adopt(ref merged, next);
                RemoveArea(next);
            }

            Adopt(ref merged, merge.AnonVma, merge.AnonChain);
            Areas.Replace(previous.Start, merged);
            return true;
        }

        if (right)
        {
            merged = next;
            merged.Start = merge.Start;
            merged.PageOffset = merge.PageOffset;
            merged.Flags |= sticky;
            Adopt(ref merged, merge.AnonVma, merge.AnonChain);
            Areas.Replace(next.Start, merged);
            return true;
        }

        return false;
    }

    private bool CanMergeAfter(in Vma previous, in Merge merge) =>
        previous.End == merge.Start && IsMergeable(previous, merge)
        && previous.PageOffset + previous.Pages == merge.PageOffset;

    private bool CanMergeBefore(in Vma next, in Merge merge) =>
        next.Start == merge.End && IsMergeable(next, merge)
        && next.PageOffset == merge.PageOffset + ((merge.End - merge.Start) >> PageShift);

    private bool IsMergeable(in Vma target, in Merge merge)
    {
        if (((target.Flags ^ merge.Flags) & ~StickyFlags) != 0 || target.File != merge.File
            || target.Policy != merge.Policy || target.Name != merge.Name)
        {
            return false;
        }

        // Areas that a fork has copied share their parents' groups; joining them with others would make every walk over a group longer.
        if (target.AnonVma == 0 && merge.AnonVma != 0)
        {
            return Machine.Profile.MergesIntoUnfaulted && !merge.SourceIsForkChild;
        }

        return target.AnonVma != 0 && merge.AnonVma == 0 ? !IsForkChild(target) : target.AnonVma == merge.AnonVma;
    }

    private static bool AreCompatible(in Vma previous, in Vma next) =>
        previous.AnonVma == 0 || next.AnonVma == 0 || previous.AnonVma == next.AnonVma;

    private static bool IsForkChild(in Vma vma) => vma.AnonChain != 0;

    private void Adopt(ref Vma target, in Vma source) => Adopt(ref target, source.AnonVma, source.AnonChain);

    // dup_anon_vma: an area without private pages takes over the group of the one that joins it.
    private void Adopt(ref Vma target, int anonVma, int chain)
    {
        if (target.AnonVma == 0 && anonVma != 0)
        {
            target.AnonVma = anonVma;
            target.AnonChain = chain;
            Machine.AnonVmas.Attach(target);
        }
    }

    private void RemoveArea(in Vma vma)
    {
        Areas.Remove(vma.Start);
        Machine.AnonVmas.Detach(vma);
        ReleaseFile(vma.File);
    }

    private void ReleaseFile(int id)
    {
        if (id == 0)
        {
            return;
        }

        OpenFile file = Machine.Files[id];
        Machine.Files.Detach(id);
        if (file.Mappings == 0 && file.ChargedPages != 0)
        {
            Machine.CommittedPages -= file.ChargedPages;
            file.ChargedPages = 0;
        }
    }

    // A range with all that decides whether it may join a neighbour (vma_merge_struct).
    private readonly struct Merge
    {
        public readonly ulong Start;
        public readonly ulong End;
        public readonly VmFlags Flags;
        public readonly ulong PageOffset;
        public readonly int File;
        public readonly int AnonVma;
        public readonly int AnonChain;
        public readonly int Policy;

        public Merge(ulong start, ulong end, VmFlags flags, ulong pageOffset, int file)
        {
            Start = start;
            End = end;
            Flags = flags;
            PageOffset = pageOffset;
            File = file;
        }

        public Merge(in Vma vma, ulong start, ulong end, VmFlags flags)
            : this(start, end, flags, vma.PageOffset + ((start - vma.Start) >> PageShift), vma.File)
        {
            AnonVma = vma.AnonVma;
            AnonChain = vma.AnonChain;
            Name = vma.Name;
            Policy = vma.Policy;
        }

        // The copy of an area that mremap makes at another place.
        public Merge(in Vma source, ulong start, ulong end, ulong pageOffset)
            : this(start, end, source.Flags, pageOffset, source.File)
        {
            AnonVma = source.AnonVma;
            AnonChain = source.AnonChain;
            Name = source.Name;
            Policy = source.Policy;
            SourceIsForkChild = IsForkChild(source);
        }

        public int Name { get; init; }

        public bool SourceIsForkChild { get; init; }
    }
}
