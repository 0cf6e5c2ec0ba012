using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>
/// Where the words lie that a JIT's inlined probe of the fast table reads, and what they mean: stable across versions of one major number.
/// </summary>
/// <remarks>
/// <code>
/// at Mmu.InlineProbeAddress:                      at a row's pointer:  8,192 entries, one for each slot
///   +0   key                                        63        28 27           0
///   +8   sign bias                                 +------------+--------------+
///   +16  sign mask                                 | tag        | frame number |
///   +24  pointer to the entries of row 0           +------------+--------------+
///   ...  and so on, 8 bytes a row
///
/// slot = linear[24:12]      x = entry ^ (linear[63:25] &lt;&lt; 28) ^ key
/// hit if (x | ((linear + bias) &amp; mask)) &lt; 2^28; then the host address is Mmu.HostBase + (x &lt;&lt; 12) + linear[11:0]
/// </code>
/// The sequence of instructions is in <c>docs/jit-probe.md</c>.
/// </remarks>
/// <example><code>
/// Console.WriteLine(InlineProbe.RowOffset(Access.Write, Privilege.User));     // 56
/// </code></example>
public static class InlineProbe
{
    /// <summary>Offset of the key in bytes: it changes with the context, and with every flush.</summary>
    public const int KeyOffset = 0;

    /// <summary>Offset of the sign bias in bytes: added to an address, so that canonical ones have no bit of the sign mask.</summary>
    public const int SignBiasOffset = 8;

    /// <summary>Offset of the sign mask in bytes.</summary>
    public const int SignMaskOffset = 16;

    /// <summary>Offset of the pointer to row 0 in bytes.</summary>
    public const int RowsOffset = 24;

    /// <summary>Where the slot begins in an address.</summary>
    public const int SlotShift = 12;

    /// <summary>How many bits the slot has.</summary>
    public const int SlotBits = FastTable.SlotBits;

    /// <summary>Where the tag begins in an address.</summary>
    public const int TagShift = FastTable.TagShift;

    /// <summary>How many bits a frame number has: where the tag begins in an entry.</summary>
    public const int FrameBits = FastTable.FrameBits;

    /// <summary>Offset of the pointer to the entries for one kind of access, in bytes.</summary>
    /// <param name="access">What the access does; a constant of the code that is made.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <example><code>
    /// Console.WriteLine(InlineProbe.RowOffset(Access.Read, Privilege.Supervisor));        // 24
    /// </code></example>
    public static int RowOffset(Access access, Privilege privilege) => RowsOffset + (8 * PermissionTable.RowOf(access, privilege));
}
