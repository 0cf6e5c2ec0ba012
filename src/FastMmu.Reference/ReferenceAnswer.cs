using FastMmu.Addresses;
using FastMmu.Paging;

namespace FastMmu.Reference;

/// <summary>What the architecture says about one access: a physical address with the properties of its page, or a fault.</summary>
public sealed record ReferenceAnswer
{
    /// <summary>The physical address in bytes; 0 with a fault.</summary>
    public ulong Physical { get; init; }

    /// <summary>The page that holds it; <see cref="PageSize.None"/> with a fault and while paging is off.</summary>
    public PageSize PageSize { get; init; }

    /// <summary>
    /// What the whole path allows; <see cref="Rights.None"/> with a fault. While paging is off nothing is forbidden: <see cref="Rights.UserAll"/>.
    /// </summary>
    public Rights Rights { get; init; }

    /// <summary>Index into IA32_PAT: PAT·4 + PCD·2 + PWT of the leaf; 0 with a fault and while paging is off.</summary>
    public int PatIndex { get; init; }

    /// <summary>Whether the translation is global: G=1 in the leaf with CR4.PGE=1.</summary>
    public bool IsGlobal { get; init; }

    /// <summary>Bits 62:59 of the leaf in four-level and five-level paging, whether or not keys are enabled; else 0.</summary>
    public int ProtectionKey { get; init; }

    /// <summary>The fault, or null.</summary>
    public ReferenceFault? Fault { get; init; }

    /// <summary>
    /// The entries read from memory, from the top down to the one that mapped the page or stopped the walk. Empty where the walk did
    /// not start: paging off, an address refused, an absent PDPTE register.
    /// </summary>
    public IReadOnlyList<ReferenceEntry> Entries { get; init; } = [];

    /// <summary>Whether there is a physical address.</summary>
    public bool Ok => Fault is null;

    /// <summary>What <paramref name="observed"/> has otherwise, in as far as it says anything.</summary>
    /// <param name="observed">The answer of an MMU.</param>
    /// <returns>Null if it is this answer; else the first field that differs, with both values.</returns>
    public string? Difference(in ObservedAnswer observed)
    {
        if (Matches(observed)) return null;
        if (Fault is { } fault)
        {
            if (observed.Vector != fault.Vector) return $"vector is {observed.Vector}, not {fault.Vector}";
            if (observed.ErrorCode != fault.ErrorCode) return $"error code is 0x{observed.ErrorCode:x}, not 0x{fault.ErrorCode:x}";
            return $"CR2 is {Hex(observed.Cr2)}, not {Hex(fault.Cr2)}";
        }

        if (!observed.Ok) return $"vector is {observed.Vector}, not None";
        if (observed.Physical != Physical) return $"physical address is 0x{observed.Physical:x}, not 0x{Physical:x}";
        if (observed.PageSize is { } size && size != PageSize) return $"page size is {size}, not {PageSize}";
        if (observed.Rights is { } rights && rights != Rights) return $"rights are {rights}, not {Rights}";
        return $"PAT index is {observed.PatIndex}, not {PatIndex}";
    }

    /// <summary>Whether <paramref name="observed"/> is this answer, in as far as it says anything.</summary>
    /// <param name="observed">The answer of an MMU.</param>
    public bool Matches(in ObservedAnswer observed)
    {
        if (Fault is { } fault) return (observed.Vector, observed.ErrorCode, observed.Cr2) == (fault.Vector, fault.ErrorCode, fault.Cr2);
        return observed.Ok
            && observed.Physical == Physical
            && (observed.PageSize ?? PageSize) == PageSize
            && (observed.Rights ?? Rights) == Rights
            && (observed.PatIndex ?? PatIndex) == PatIndex;
    }

    /// <summary>The fault, or the address with its page size and rights.</summary>
    public override string ToString() => Fault?.ToString() ?? $"0x{Physical:x} ({PageSize}, {Rights}, PAT {PatIndex})";

    private static string Hex(ulong? value) => value is { } number ? $"0x{number:x}" : "unchanged";
}
