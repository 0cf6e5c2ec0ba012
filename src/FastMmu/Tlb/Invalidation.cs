using FastMmu.Addresses;

namespace FastMmu.Tlb;

/// <summary>
/// What the virtual CPUs that share page tables must drop after a change of them. With translations go the paging-structure-cache entries
/// of the same PCID, as with INVLPG, so that page tables may be freed behind it.
/// </summary>
/// <remarks>Unlike INVLPG it names its PCID: the processors that are asked may be running in others.</remarks>
/// <example><code>
/// var one = Invalidation.OfPages(new LinearRange(0x40_0000, 4096), pcid: 3);
/// Console.WriteLine(one);                                     // Pages of PCID 3: 0000000000400000-0000000000400fff
/// </code></example>
public readonly record struct Invalidation
{
    private readonly ulong _start;
    private readonly ulong _length;
    private readonly ushort _pcid;

    private Invalidation(InvalidationKind kind, int pcid, LinearRange range)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pcid);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pcid, 4095);
        Kind = kind;
        _pcid = (ushort)pcid;
        _start = range.Start.Value;
        _length = range.Length;
    }

    /// <summary>Everything, of all PCIDs, global translations included.</summary>
    public static Invalidation Everything => default;

    /// <summary>Everything but global translations, of all PCIDs.</summary>
    public static Invalidation NonGlobal => new(InvalidationKind.NonGlobal, 0, default);

    /// <summary>
    /// What each processor drops when it writes to CR3 the value that is there. With PAE it reads its four PDPTEs again, which nothing else makes it do: this
    /// goes behind a change of the top table.
    /// </summary>
    /// <remarks>A PDPTE with reserved bits, for which the write would be #GP, leaves the registers as they are; what is cached goes all the same.</remarks>
    /// <example><code>
    /// Console.WriteLine(Invalidation.Cr3Write);                   // Cr3Write
    /// </code></example>
    public static Invalidation Cr3Write => new(InvalidationKind.Cr3Write, 0, default);

    /// <summary>What is dropped.</summary>
    public InvalidationKind Kind { get; }

    /// <summary>The PCID, 0 to 4095; 0 where there is none.</summary>
    public int Pcid => _pcid;

    /// <summary>The range; empty where there is none.</summary>
    public LinearRange Range => new(_start, _length);

    /// <summary>Everything of one PCID but global translations.</summary>
    /// <param name="pcid">0 to 4095; 0 where CR4.PCIDE=0.</param>
    /// <exception cref="ArgumentOutOfRangeException">No PCID.</exception>
    /// <example><code>
    /// Console.WriteLine(Invalidation.OfPcid(7));                  // Pcid 7
    /// </code></example>
    public static Invalidation OfPcid(int pcid) => new(InvalidationKind.Pcid, pcid, default);

    /// <summary>The pages of a range, whatever their size, of one PCID.</summary>
    /// <param name="range">The range, as <see cref="Paging.Mapping.MapOutcome.Invalidate"/> names it.</param>
    /// <param name="pcid">0 to 4095; 0 where CR4.PCIDE=0.</param>
    /// <param name="globals">Whether global translations in the range go too.</param>
    /// <exception cref="ArgumentOutOfRangeException">No PCID.</exception>
    /// <example><code>
    /// var kernel = new LinearRange(0xffff_8000_0000_0000, 8192);
    /// Console.WriteLine(Invalidation.OfPages(kernel, pcid: 0, globals: true));    // PagesAndGlobals of PCID 0: ffff800000000000-ffff800000001fff
    /// </code></example>
    public static Invalidation OfPages(LinearRange range, int pcid = 0, bool globals = false) =>
        new(globals ? InvalidationKind.PagesAndGlobals : InvalidationKind.Pages, pcid, range);

    /// <summary><c>Everything</c>, <c>Pcid 7</c>, <c>Pages of PCID 3: 0000000000400000-0000000000400fff</c>.</summary>
    public override string ToString() => Kind switch
    {
        InvalidationKind.Pages or InvalidationKind.PagesAndGlobals => $"{Kind} of PCID {Pcid}: {Range}",
        InvalidationKind.Pcid => $"{Kind} {Pcid}",
        _ => Kind.ToString(),
    };
}
