using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>One access to one linear address. An access that crosses a page is two of these.</summary>
/// <param name="Linear">Linear address in bytes; only bits 31:0 count while EFER.LMA=0.</param>
/// <param name="Kind">What the access does. A read-modify-write is a write.</param>
/// <param name="Privilege">On whose behalf it is made; this, and not the state's CPL, decides.</param>
/// <param name="ThroughStack">Whether the stack segment is used: a non-canonical address is then #SS(0) and not #GP(0).</param>
public readonly record struct ReferenceAccess(ulong Linear, Access Kind, Privilege Privilege, bool ThroughStack = false)
{
    /// <summary>Whether memory is changed: a write, or a write to a shadow stack.</summary>
    public bool IsWrite => Kind is Access.Write or Access.ShadowStackWrite;

    /// <summary>Whether this is an instruction fetch; everything else is a data access.</summary>
    public bool IsFetch => Kind is Access.Execute;

    /// <summary>Whether this is an access to a shadow stack.</summary>
    public bool IsShadowStack => Kind is Access.ShadowStackRead or Access.ShadowStackWrite;

    /// <summary>A user-mode access (made at CPL 3); everything else, implicit accesses included, is a supervisor-mode access.</summary>
    public bool IsUserMode => Privilege is Privilege.User;

    /// <summary><c>write of 0x1234 by user</c>.</summary>
    public override string ToString() => $"{Kind} of 0x{Linear:x} by {Privilege}{(ThroughStack ? " through the stack" : "")}";
}
