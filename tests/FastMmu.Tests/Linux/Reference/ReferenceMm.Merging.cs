using FastMmu.Linux.Areas;
using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

internal sealed partial class ReferenceMm
{
    // What a range would be if it were an area: the question that merging asks.
    private sealed record Proposal(ulong Start, ulong End, VmFlags Flags, ulong PageOffset, ReferenceFile? File)
    {
        public ReferenceAnonVma? AnonVma { get; init; }

        // The area that the range is, or is a part of; and the one that mremap copies.
        public ReferenceArea? Middle { get; init; }

        public ReferenceArea? CopiedFrom { get; init; }
    }

    private static bool SameKind(Proposal proposal, ReferenceArea area) =>
        ((proposal.Flags ^ area.Flags) & ~Sticky) == 0 && proposal.File == area.File;

    private static bool AnonVmasAgree(Proposal proposal, ReferenceArea target)
    {
        if (target.AnonVma is null && proposal.AnonVma is not null)
        {
            return proposal.Middle is not { CameThroughFork: true } && proposal.CopiedFrom is not { CameThroughFork: true };
        }

        if (target.AnonVma is not null && proposal.AnonVma is null) return !target.CameThroughFork;
        return target.AnonVma == proposal.AnonVma;
    }

    private static bool MergesLeft(Proposal proposal, ReferenceArea? left) =>
        left is not null && left.End == proposal.Start && SameKind(proposal, left) && AnonVmasAgree(proposal, left)
        && left.PageOffset + left.Pages == proposal.PageOffset;

    private static bool MergesRight(Proposal proposal, ReferenceArea? left, ReferenceArea? right)
    {
        if (right is null || right.Start != proposal.End || !SameKind(proposal, right) || !AnonVmasAgree(proposal, right)
            || right.PageOffset != unchecked(proposal.PageOffset + ((proposal.End - proposal.Start) >> 12)))
        {
            return false;
        }

        return left is null || left.AnonVma is null || right.AnonVma is null || left.AnonVma == right.AnonVma;
    }

    // A range where nothing is joins its neighbours: the left one grows, and swallows the right one if both fit.
    private ReferenceArea? MergeNew(Proposal proposal, bool leftOnly = false)
    {
        if ((proposal.Flags & VmFlags.Special) != 0) return null;
        ReferenceArea? left = Before(proposal.Start), right = _areas.FirstOrDefault(area => area.Start >= proposal.End);
        bool joinsLeft = MergesLeft(proposal, left);
        bool joinsRight = !leftOnly && MergesRight(proposal, joinsLeft ? left : null, right);
        if (joinsLeft)
        {
            left!.End = joinsRight ? right!.End : proposal.End;
            left.Flags |= proposal.Flags & Sticky;
            if (joinsRight)
            {
                left.Flags |= right!.Flags & Sticky;
                left.TakeAnonVma(right);
                _areas.Remove(right);
            }

            if (proposal.CopiedFrom is not null) left.TakeAnonVma(proposal.CopiedFrom);
            return left;
        }

        if (!joinsRight) return null;
        right!.Start = proposal.Start;
        right.PageOffset = proposal.PageOffset;
        right.Flags |= proposal.Flags & Sticky;
        if (proposal.CopiedFrom is not null) right.TakeAnonVma(proposal.CopiedFrom);
        return right;
    }

    // A range of an area changes its flags: it joins neighbours that are so already.
    private ReferenceArea? MergeExisting(ReferenceArea middle, ulong start, ulong end, VmFlags flags)
    {
        bool leftSide = start == middle.Start, rightSide = end == middle.End;
        if ((flags & VmFlags.Special) != 0 || (!leftSide && !rightSide)) return null;
        var proposal = new Proposal(start, end, flags, middle.PageOffsetAt(start), middle.File) { AnonVma = middle.AnonVma, Middle = middle };
        ReferenceArea? left = Before(middle.Start), right = _areas.FirstOrDefault(area => area.Start >= middle.End);
        bool joinsLeft = leftSide && MergesLeft(proposal, left);
        bool joinsRight = rightSide && MergesRight(proposal, joinsLeft ? left : null, right);
        if (joinsLeft)
        {
            left!.Flags |= middle.Flags & Sticky;
            if (joinsRight)
            {
                left.TakeAnonVma(right!.AnonVma is not null ? right : middle);
                left.Flags |= right.Flags & Sticky;
                left.End = right.End;
                _areas.Remove(right);
                _areas.Remove(middle);
                return left;
            }

            left.TakeAnonVma(middle);
            left.End = end;
            CutFront(middle, end);
            return left;
        }

        if (!joinsRight) return null;
        right!.TakeAnonVma(middle);
        right.Flags |= middle.Flags & Sticky;
        right.PageOffset -= (end - start) >> 12;
        right.Start = start;
        middle.End = start;
        if (middle.Start == middle.End) _areas.Remove(middle);
        return right;
    }

    private void CutFront(ReferenceArea area, ulong start)
    {
        area.PageOffset = area.PageOffsetAt(start);
        area.Start = start;
        if (area.Start == area.End) _areas.Remove(area);
    }

    // Splits an area; the lower part keeps the object. Special mappings are whole or not at all.
    private long Split(ReferenceArea area, ulong address, out ReferenceArea upper)
    {
        upper = area;
        if (area.Special is not null) return Inval;
        upper = area.Copy();
        CutFront(upper, address);
        area.End = address;
        _areas.Insert(_areas.IndexOf(area) + 1, upper);
        return 0;
    }

    // Gives a range of an area other flags: by merging, else by splitting. The result is the area that now is the range, or holds it.
    private long Modify(ReferenceArea area, ulong start, ulong end, VmFlags flags, out ReferenceArea result)
    {
        if (MergeExisting(area, start, end, flags) is { } merged)
        {
            result = merged;
            return 0;
        }

        result = area;
        if (start > area.Start)
        {
            if (MapCount >= (ulong)_settings.MaxMapCount) return Nomem;
            if (Split(area, start, out result) is var error and not 0) return error;
        }

        if (end < result.End)
        {
            if (MapCount >= (ulong)_settings.MaxMapCount) return Nomem;
            if (Split(result, end, out _) is var error and not 0) return error;
        }

        result.Flags = flags | (result.Flags & Sticky);
        return 0;
    }
}
