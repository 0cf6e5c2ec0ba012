using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>
/// The answer to one translation, in 16 bytes: a physical address with the page it lies in, or the fault that the processor would deliver.
/// </summary>
/// <remarks>
/// <code>
/// byte  0        8       9          10       11     12           14       15
///      +--------+-------+----------+--------+------+------------+--------+--------+
///      | value  | level | pagesize | rights | type | error code | vector | reason |
///      +--------+-------+----------+--------+------+------------+--------+--------+
/// value: physical address, or the linear address refused; type: PAT index 0–7. Bytes 12 to 15 are zero unless it is a fault.
/// </code>
/// </remarks>
public readonly struct Translation : IEquatable<Translation>
{
    private readonly ulong _value;
    private readonly ulong _bits;

    /// <summary>A translation that succeeded.</summary>
    /// <param name="physical">The physical address in bytes, at most 52 bits.</param>
    /// <param name="size">The page it lies in; <see cref="PageSize.None"/> when paging is off.</param>
    /// <param name="rights">What the path allows.</param>
    /// <param name="patIndex">Index into IA32_PAT: PAT·4 + PCD·2 + PWT of the leaf, 0 to 7.</param>
    internal Translation(ulong physical, PageSize size, Rights rights, int patIndex)
        : this(physical, AttributesOf(size, rights, patIndex))
    {
    }

    /// <summary>A translation that succeeded, with its attributes as the fast table keeps them.</summary>
    /// <param name="physical">The physical address.</param>
    /// <param name="attributes">From <see cref="AttributesOf"/>.</param>
    internal Translation(ulong physical, uint attributes)
    {
        _value = physical;
        _bits = attributes;
    }

    /// <summary>A translation that was refused.</summary>
    /// <param name="fault">The fault; must be one.</param>
    internal Translation(MmuFault fault)
    {
        _value = fault.Address;
        _bits = (uint)fault.Level | ((ulong)fault.ErrorCode << 32) | ((ulong)fault.Vector << 48) | ((ulong)fault.Reason << 56);
    }

    /// <summary>Bytes 8 to 11 of a translation that succeeded: zero, page size, rights, PAT index.</summary>
    internal static uint AttributesOf(PageSize size, Rights rights, int patIndex) =>
        ((uint)size << 8) | ((uint)rights << 16) | ((uint)patIndex << 24);

    /// <summary>Bytes 8 to 11 of this one.</summary>
    internal uint Attributes => (uint)_bits;

    /// <summary>Whether there is a physical address.</summary>
    public bool Ok => _bits <= uint.MaxValue;

    /// <summary>The physical address; zero when there is none.</summary>
    public PhysicalAddress Physical => PhysicalAddress.Within(Ok ? _value : 0);

    /// <summary>The page the address lies in; <see cref="PageSize.None"/> for a fault, or when paging is off.</summary>
    public PageSize PageSize => (PageSize)(byte)(_bits >> 8);

    /// <summary>What the whole path of the translation allows; <see cref="Rights.None"/> for a fault.</summary>
    public Rights Rights => (Rights)(byte)(_bits >> 16);

    /// <summary>Index into IA32_PAT that the leaf selects: PAT·4 + PCD·2 + PWT, 0 to 7.</summary>
    public int PatIndex => (byte)(_bits >> 24);

    /// <summary>The fault, or <see cref="MmuFault.None"/>.</summary>
    public MmuFault Fault => Ok
        ? MmuFault.None
        : new((ExceptionVector)(byte)(_bits >> 48), (ushort)(_bits >> 32), _value, (FaultReason)(byte)(_bits >> 56), (byte)_bits);

    /// <summary>Whether both answers are the same in every field.</summary>
    /// <param name="other">The other answer.</param>
    public bool Equals(Translation other) => _value == other._value && _bits == other._bits;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Translation other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_value, _bits);

    /// <summary>Whether both answers are the same in every field.</summary>
    /// <param name="left">One answer.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(Translation left, Translation right) => left.Equals(right);

    /// <summary>Whether the answers differ in any field.</summary>
    /// <param name="left">One answer.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(Translation left, Translation right) => !left.Equals(right);

    /// <summary><c>0x201234 (2 MiB page, user, writable)</c>, or the fault: <c>#PF(W|U) at 0x1234: not present at level 2</c>.</summary>
    public override string ToString()
    {
        if (!Ok) return Fault.ToString();
        if (PageSize == PageSize.None) return $"0x{_value:x} (no paging)";
        string privilege = Rights.HasFlag(Rights.User) ? "user" : "supervisor";
        string write = Rights.HasFlag(Rights.ShadowStack) ? "shadow stack" : Rights.HasFlag(Rights.Write) ? "writable" : "read-only";
        string execute = Rights.HasFlag(Rights.Execute) ? ", executable" : "";
        string global = Rights.HasFlag(Rights.Global) ? ", global" : "";
        return $"0x{_value:x} ({PageSize.Name()} page, {privilege}, {write}{execute}{global})";
    }
}
