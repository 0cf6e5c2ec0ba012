using FastMmu.Processor;

namespace FastMmu;

/// <summary>Says where linear addresses are, to a <see cref="SoftTlb"/>: the page walk of another architecture, the areas of a process, a table of the embedder's.</summary>
public interface ILinearTranslator
{
    /// <summary>Translates an address for an access. Asked once for a page, and again when what it answered was invalidated or made room.</summary>
    /// <param name="tlb">Who asks, in the address space that it is in. It may be told to forget, to enter another context, and to read and write meanwhile. If its
    /// <see cref="MmuMember"/> polls or shoots down meanwhile, the answer must be what holds after that.</param>
    /// <param name="linear">The address.</param>
    /// <param name="access">What the access does. What it leaves behind in tables (accessed and dirty bits) is set now: it is asked before the first access of each kind.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <param name="page">Where the address is, if the access is allowed.</param>
    /// <returns>Whether it is. If not, the access fails; why is for the translator to keep.</returns>
    bool TryTranslate(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page);
}
