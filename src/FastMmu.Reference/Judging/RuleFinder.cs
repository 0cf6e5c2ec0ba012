using FastMmu.Processor;

namespace FastMmu.Reference.Judging;

/// <summary>
/// Says which rule a failure broke: first what was stale, then what is wrong with the answer, by the difference between it and that of a full walk.
/// </summary>
internal static class RuleFinder
{
    private const int Present = 1 << 0, Reserved = 1 << 3, Fetch = 1 << 4, Key = 1 << 5, ShadowStack = 1 << 6;

    public static ManualRule RuleOf(Failure failure)
    {
        if (failure.Threw) return ManualRules.Exception;
        if (failure.Instruction is { } instruction) return ManualRules.Number(instruction.Kind == MmuInstructionKind.InvalidateProcessContext ? 31 : 7);
        if (failure.WronglyMarked is { } marked) return OfMarks(failure, marked);
        ReferenceAnswer expected = failure.Expected!;
        ObservedAnswer observed = failure.Observed;
        // The address is right, so it is the flags that are missing: always, or where an earlier access was remembered.
        if (expected.Difference(observed) is null) return failure.IsFirstAccess ? ManualRules.Flags : ManualRules.Number(36);
        if (failure.Stale != CacheDrops.None) return OfStale(failure);
        if (failure.HasOtherPdptes) return ManualRules.Number(7);
        if (expected.Fault is { } fault) return observed.Ok ? OfMissed(failure, fault) : OfOtherFault(failure, fault);
        return observed.Ok ? OfOtherPage(failure) : OfInvented(failure);
    }

    private static ManualRule OfMarks(Failure failure, TableWord marked)
    {
        const ulong flags = (1UL << 5) | (1UL << 6);
        if ((marked.Value & ~flags) != 0) return ManualRules.Memory;
        if (failure.State.Mode == PagingMode.Pae && marked.Level == 3) return ManualRules.Number(7);
        if (!failure.Observed.Ok) return ManualRules.Number(27);
        return ManualRules.Flags;
    }

    // What was still believed although this dropped it.
    private static ManualRule OfStale(Failure failure) => failure.Stale switch
    {
        CacheDrops.PageFault => ManualRules.Number(29),
        CacheDrops.InvalidatePage => ManualRules.Number(30),
        CacheDrops.WriteControlRegister when failure.TurnedGlobalPages => ManualRules.Number(32),
        _ => ManualRules.Number(31),
    };

    /// <summary>An access that must be refused, and was not.</summary>
    private static ManualRule OfMissed(Failure failure, ReferenceFault fault)
    {
        if (fault.Reason == FaultReason.ReservedBit) return OfReserved(failure.State, failure.Expected!.Entries[^1]);
        if (failure.State.Mode == PagingMode.Pae && fault.Level == 3) return ManualRules.Number(7);
        if (failure.Expected!.Entries is { Count: > 1 } entries)
        {
            if (failure.State is { Mode: PagingMode.TwoLevel, Cr4.Pse: false } && Bits.IsSet(entries[0].Before, 7)) return ManualRules.Number(5);

            // The leaf alone would have allowed it.
            ulong leaf = entries[^1].Before;
            bool leafAllows = fault.Reason switch
            {
                FaultReason.SupervisorPage => Bits.IsSet(leaf, 2),
                FaultReason.WriteProtected => Bits.IsSet(leaf, 1),
                FaultReason.ExecuteDisabled => !Bits.IsSet(leaf, 63),
                _ => false,
            };
            if (leafAllows) return ManualRules.Number(17);
        }

        return ManualRules.For(fault.Reason);
    }

    /// <summary>A reserved bit that was not looked at.</summary>
    private static ManualRule OfReserved(in PagingState state, in ReferenceEntry entry)
    {
        var controls = new Controls(state);
        ulong set = entry.Before & EntryRules.Reserved(controls, entry.Level, entry.Before);
        if (controls.Mode == ReferenceMode.TwoLevel) return ManualRules.Number(4);
        if (controls.Mode == ReferenceMode.Pae && entry.Level == 3) return ManualRules.Number(7);
        if ((set & Bits.Range(63, controls.PhysicalWidth)) != 0) return ManualRules.Number(8);
        return ManualRules.Number(set == 1UL << 8 ? 10 : 9);
    }

    /// <summary>An access that is allowed, and was refused.</summary>
    private static ManualRule OfInvented(Failure failure)
    {
        ObservedAnswer observed = failure.Observed;
        PagingState state = failure.State;
        ReferenceAccess access = failure.Access!.Value;
        if (observed.Vector != ExceptionVector.PageFault) return OfAddress(state);
        if ((observed.ErrorCode & Reserved) != 0) return OfInventedReserved(state, failure.Expected!.Entries);
        if ((observed.ErrorCode & ShadowStack) != 0) return ManualRules.Number(22);
        if ((observed.ErrorCode & Key) != 0) return ManualRules.Number(20);
        if ((observed.ErrorCode & Present) == 0) return OfMissedPresence(state);
        if (access.Privilege != Privilege.User && failure.Expected!.Rights.HasFlag(Paging.Rights.User) && !access.IsWrite) return ManualRules.Number(access.IsFetch ? 18 : 19);
        if (access.IsFetch) return ManualRules.For(FaultReason.ExecuteDisabled);
        return ManualRules.For(access.IsWrite && failure.Expected!.Rights.HasFlag(Paging.Rights.User) ? FaultReason.WriteProtected : FaultReason.SupervisorPage);
    }

    // A page that is there was not found: another table was read, or another address was looked for.
    private static ManualRule OfMissedPresence(in PagingState state) => state.Mode switch
    {
        PagingMode.TwoLevel => ManualRules.Number(13),
        PagingMode.Pae => ManualRules.Number(7),
        _ => HasMasks(state) ? ManualRules.Number(24) : ManualRules.For(FaultReason.NotPresent),
    };

    private static ManualRule OfInventedReserved(in PagingState state, IReadOnlyList<ReferenceEntry> entries)
    {
        switch (state.Mode)
        {
            case PagingMode.TwoLevel:
                bool large = Bits.IsSet(entries[0].Before, 7);
                return ManualRules.Number(!large ? 6 : state.Cr4.Pse ? 4 : 5);
            case PagingMode.Pae:
                return ManualRules.Number(8);
            default:
                if (entries.Any(entry => (entry.Before & Bits.Range(62, 52)) != 0)) return ManualRules.Number(8);
                if (entries.SkipLast(1).Any(entry => Bits.IsSet(entry.Before, 8))) return ManualRules.Number(10);
                return ManualRules.Number(Bits.IsSet(entries[^1].Before, 12) ? 11 : 9);
        }
    }

    private static ManualRule OfAddress(in PagingState state) =>
        ManualRules.Number(HasMasks(state) ? 24 : state.Cr4.Lass ? 23 : state.Efer.Lma ? 2 : 15);

    private static bool HasMasks(in PagingState state) => state.Cr4.LamSup || state.Cr3.LamU48 || state.Cr3.LamU57;

    /// <summary>An access that is refused rightly, in the wrong way.</summary>
    private static ManualRule OfOtherFault(Failure failure, ReferenceFault fault)
    {
        ObservedAnswer observed = failure.Observed;
        if (observed.Vector != fault.Vector || fault.Vector != ExceptionVector.PageFault) return OfAddress(failure.State);
        int turned = observed.ErrorCode ^ fault.ErrorCode;
        if ((turned & Fetch) != 0) return ManualRules.Number(3);
        if (turned == Present && fault.Reason == FaultReason.ReservedBit) return ManualRules.Number(1);
        if ((turned & (Reserved | Present)) != 0 && failure.State.Mode == PagingMode.Pae && fault.Level == 3) return ManualRules.Number(7);
        if ((turned & Reserved) != 0 && fault.Reason == FaultReason.ReservedBit) return OfReserved(failure.State, failure.Expected!.Entries[^1]);
        if ((turned & (Reserved | Present)) != 0) return ManualRules.Number(12);
        if ((turned & Key) != 0) return ManualRules.Number(20);
        if ((turned & ShadowStack) != 0) return ManualRules.Number(22);
        if (turned != 0) return ManualRules.ErrorCode;
        if (HasMasks(failure.State)) return ManualRules.Number(24);
        return failure.State.Efer.Lma ? ManualRules.FaultAddress : ManualRules.Number(15);
    }

    /// <summary>An access that is allowed rightly, and went elsewhere.</summary>
    private static ManualRule OfOtherPage(Failure failure)
    {
        ReferenceAnswer expected = failure.Expected!;
        ObservedAnswer observed = failure.Observed;
        PagingState state = failure.State;
        if (observed.Physical == expected.Physical)
        {
            bool onlyPat = observed.PageSize is null || observed.PageSize == expected.PageSize;
            onlyPat &= observed.Rights is null || observed.Rights == expected.Rights;
            return onlyPat ? ManualRules.Number(11) : ManualRules.Page;
        }

        if (state.Mode == PagingMode.None) return ManualRules.Number(15);
        ulong leaf = expected.Entries[^1].Before;
        if (expected.Entries[^1].Level > 1 && (observed.Physical ^ expected.Physical) == 1UL << 12 && Bits.IsSet(leaf, 12)) return ManualRules.Number(11);
        if (state.Mode == PagingMode.TwoLevel && Bits.IsSet(expected.Entries[0].Before, 7)) return ManualRules.Number(state.Cr4.Pse ? 4 : 5);
        return HasMasks(state) ? ManualRules.Number(24) : ManualRules.Translation;
    }
}
