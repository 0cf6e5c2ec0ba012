using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Tests.Reference;

/// <summary>What a <see cref="LazyProcessor"/> gets wrong.</summary>
public enum Mistake
{
    None,
    KeepsPageAfterInvlpg,
    KeepsGlobalPageOfAnotherContextAfterInvlpg,
    KeepsContextAfterCr3Write,
    KeepsGlobalPagesAfterPgeChange,
    ServesAnotherContext,
    WritesToCleanPageWithoutWalk,
    MixesOldFrameWithNewRights,
    KeepsPageAfterPageFault,
}

/// <summary>
/// A processor that walks as the reference does and remembers every answer for ever, until it must forget it. It holds what real ones
/// hold at most, so all that it answers is permitted; and each of its mistakes is one that a TLB can have.
/// </summary>
internal sealed class LazyProcessor(IReferenceMemory memory, Mistake mistake)
{
    private readonly Dictionary<Key, ReferenceAnswer> _cached = [];

    public ObservedAnswer Access(in PagingState state, in ReferenceAccess access)
    {
        if (Find(state.Pcid, access) is { } remembered)
        {
            ulong physical = (remembered.Physical & ~0xfffUL) | (access.Linear & 0xfff);
            ReferenceAnswer now = ReferenceWalker.Translate(state, memory, access, updateEntries: false);
            bool mixes = mistake == Mistake.MixesOldFrameWithNewRights && now.Ok;
            return ObservedAnswer.Translated(physical, remembered.PageSize, mixes ? now.Rights : remembered.Rights, remembered.PatIndex);
        }

        ReferenceAnswer answer = ReferenceWalker.Translate(state, memory, access, updateEntries: true);
        if (answer.Fault is { } fault)
        {
            int pcid = state.Pcid;
            ulong page = access.Linear >> 12;
            if (mistake != Mistake.KeepsPageAfterPageFault) Forget((key, _) => key.Page == page && key.Pcid == pcid);
            return ObservedAnswer.Faulted(fault.Vector, fault.ErrorCode, fault.Cr2);
        }

        _cached[new Key(state.Pcid, access.Linear >> 12, access.Kind, access.Privilege)] = answer;
        return ObservedAnswer.Translated(answer.Physical, answer.PageSize, answer.Rights, answer.PatIndex);
    }

    public void InvalidatePage(in PagingState state, ulong linear)
    {
        int pcid = state.Pcid;
        if (mistake == Mistake.KeepsPageAfterInvlpg) return;
        bool elsewhere = mistake != Mistake.KeepsGlobalPageOfAnotherContextAfterInvlpg;
        Forget((key, answer) => key.Page == linear >> 12 && (key.Pcid == pcid || (answer.IsGlobal && elsewhere)));
    }

    public void WriteCr3(ulong operand)
    {
        if (operand >> 63 != 0 || mistake == Mistake.KeepsContextAfterCr3Write) return;
        Forget((key, answer) => key.Pcid == (int)(operand & 0xfff) && !answer.IsGlobal);
    }

    public void ChangePge()
    {
        Forget((_, answer) => !answer.IsGlobal || mistake != Mistake.KeepsGlobalPagesAfterPgeChange);
    }

    private ReferenceAnswer? Find(int pcid, in ReferenceAccess access)
    {
        foreach ((Key key, ReferenceAnswer answer) in _cached)
        {
            bool serves = key.Pcid == pcid || answer.IsGlobal || mistake == Mistake.ServesAnotherContext;
            bool kind = key.Kind == access.Kind || (mistake == Mistake.WritesToCleanPageWithoutWalk && answer.Rights.HasFlag(Paging.Rights.Write));
            if (key.Page == access.Linear >> 12 && serves && kind && key.Privilege == access.Privilege) return answer;
        }

        return null;
    }

    private void Forget(Func<Key, ReferenceAnswer, bool> which)
    {
        foreach ((Key key, ReferenceAnswer answer) in _cached)
        {
            if (which(key, answer)) _cached.Remove(key);
        }
    }

    private readonly record struct Key(int Pcid, ulong Page, Access Kind, Privilege Privilege);
}
