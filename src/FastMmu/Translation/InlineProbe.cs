using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>
/// Where the words lie that a JIT's inlined probe of the fast table reads, and what they mean: stable across versions of one major number.
/// </summary>
/// <remarks>
/// <code>
/// at Mmu.InlineProbeAddress:                      at a row's pointer: 8,192 entries of 16 bytes
///   +0   generation                                 +0   tag      linear[63:12] in place, and the generation in bits 11:0
///   +8   pointer to row 0                           +8   addend   physical − linear
///   ...  and so on, 8 bytes a row
///
/// slot = linear[24:12]
/// hit if tag == ((linear + size − 1) &amp; ~0xfff | generation); then the host address is Mmu.HostBase + linear + addend
/// </code>
/// The sequence of instructions is in <c>docs/jit-probe.md</c>.
/// </remarks>
/// <example><code>
/// Console.WriteLine(InlineProbe.RowOffset(Access.Write, Privilege.User));     // 40
/// </code></example>
public static class InlineProbe
{
    /// <summary>Offset of the generation in bytes: it changes with the context, and with every flush.</summary>
    public const int GenerationOffset = 0;

    /// <summary>Offset of the pointer to row 0 in bytes.</summary>
    public const int RowsOffset = 8;

    /// <summary>Bytes of an entry.</summary>
    public const int EntryBytes = AddendTable.EntryBytes;

    /// <summary>Offset of the addend in an entry, in bytes.</summary>
    public const int AddendOffset = AddendTable.Addend;

    /// <summary>Where the slot begins in an address.</summary>
    public const int SlotShift = 12;

    /// <summary>How many bits the slot has.</summary>
    public const int SlotBits = FastTable.SlotBits;

    /// <summary>Offset of the pointer to the row of one kind of access, in bytes.</summary>
    /// <param name="access">What the access does; a constant of the code that is made.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <example><code>
    /// Console.WriteLine(InlineProbe.RowOffset(Access.Read, Privilege.Supervisor));        // 8
    /// </code></example>
    public static int RowOffset(Access access, Privilege privilege) => RowsOffset + (8 * PermissionTable.RowOf(access, privilege));
}
