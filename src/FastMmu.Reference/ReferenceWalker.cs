using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>
/// The slow, plain answer to one access by a full walk of memory, as a processor without any cached translation gives it.
/// </summary>
/// <remarks>
/// Two things that the architecture leaves open are fixed here: a faulting access changes no entry (a processor may have set A in those
/// above the one that stopped it), and a set-but-reserved bit of a PDPTE register, which no load can produce, is not looked at.
/// A walk costs a few allocations. All members are thread-safe if the memory is.
/// </remarks>
public static class ReferenceWalker
{
    /// <summary>Translates, and checks, one access.</summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="memory">Guest-physical memory.</param>
    /// <param name="access">The access.</param>
    /// <param name="updateEntries">
    /// True for an access: A and D are written to memory if it is allowed. False for a probe: memory stays as it is, the answer is the same.
    /// </param>
    /// <returns>The physical address, or the fault, with the entries that were read.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="memory"/> is null.</exception>
    public static ReferenceAnswer Translate(in PagingState state, IReferenceMemory memory, in ReferenceAccess access, bool updateEntries)
    {
        ArgumentNullException.ThrowIfNull(memory);
        var controls = new Controls(state);

        // 1. Truncate or mask the address, and see whether it may be used at all.
        ulong linear = LinearRules.Effective(controls, access);
        List<FaultReason> refused = LinearRules.Violations(controls, access, linear);
        if (refused.Count != 0) return new ReferenceAnswer { Fault = LinearRules.Fault(access, refused) };

        // 2. Without paging the linear address is the physical address.
        if (controls.Mode == ReferenceMode.None) return new ReferenceAnswer { Physical = linear, Rights = Rights.UserAll };

        // 3. Walk; 4. check; 5. set A and D.
        TableWalk walk = TableWalk.FromRoot(controls, memory, linear);
        ReferenceAnswer answer = Finish(controls, access, linear, walk);
        if (answer.Ok && updateEntries)
        {
            foreach (ReferenceEntry entry in answer.Entries)
            {
                if (entry.After != entry.Before) memory.WritePhysical(entry.Address, entry.After, entry.Bytes);
            }
        }

        return answer;
    }

    /// <summary>The answer that a walk leads to.</summary>
    internal static ReferenceAnswer Finish(Controls controls, in ReferenceAccess access, ulong linear, TableWalk walk)
    {
        if (walk.Mapping is not { } page)
        {
            return new ReferenceAnswer
            {
                Fault = AccessRules.WalkFault(controls, access, linear, walk.Failure, walk.FailedLevel), Entries = walk.Entries,
            };
        }

        ReferenceAnswer answer = Judge(controls, access, linear, page);
        return answer with { Entries = answer.Ok ? walk.EntriesAfter(controls, access.IsWrite) : walk.Entries };
    }

    /// <summary>The answer that a complete translation, fresh or cached, leads to under the current registers.</summary>
    internal static ReferenceAnswer Judge(Controls controls, in ReferenceAccess access, ulong linear, in Mapping page)
    {
        List<FaultReason> violations = AccessRules.Violations(controls, access, page);
        if (violations.Count != 0) return new ReferenceAnswer { Fault = AccessRules.RightsFault(controls, access, linear, violations) };
        return new ReferenceAnswer
        {
            Physical = page.Translate(linear),
            PageSize = page.PageSize,
            Rights = page.RightsUnder(controls),
            PatIndex = page.PatIndex,
            IsGlobal = page.Global,
            ProtectionKey = page.ProtectionKey,
        };
    }
}
