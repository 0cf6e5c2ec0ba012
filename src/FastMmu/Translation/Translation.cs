using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>
/// The answer to one translation, in 16 bytes: a physical address with the page it lies in, or the fault that the processor would deliver.
/// </summary>
/// <remarks>
/// <code>
/// byte  0        8            10       11       12      13         14       15
///      +--------+------------+--------+--------+-------+----------+--------+------+
///      | value  | error code | vector | reason | level | pagesize | rights | type |
///      +--------+------------+--------+--------+-------+----------+--------+------+
/// value: physical address, or the linear address refused; type: PAT index 0–7.
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public readonly struct Translation : IEquatable<Translation>
{
    private readonly ulong _value;
    private readonly ushort _errorCode;
    private readonly byte _vector;
    private readonly byte _reason;
    private readonly byte _level;
    private readonly byte _pageSize;
    private readonly byte _rights;
    private readonly byte _patIndex;

    /// <summary>A translation that succeeded.</summary>
    /// <param name="physical">The physical address in bytes, at most 52 bits.</param>
    /// <param name="size">The page it lies in; <see cref="PageSize.None"/> when paging is off.</param>
    /// <param name="rights">What the path allows.</param>
    /// <param name="patIndex">Index into IA32_PAT: PAT·4 + PCD·2 + PWT of the leaf, 0 to 7.</param>
    internal Translation(ulong physical, PageSize size, Rights rights, int patIndex)
    {
        _value = physical;
        _pageSize = (byte)size;
        _rights = (byte)rights;
        _patIndex = (byte)patIndex;
    }

    /// <summary>A translation that succeeded, with its attributes as the fast table keeps them: bytes 12 to 15, level zero.</summary>
    /// <param name="physical">The physical address.</param>
    /// <param name="attributes">Page size in bits 15:8, rights in 23:16, PAT index in 31:24.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Translation(ulong physical, uint attributes)
    {
        Unsafe.SkipInit(out this);
        Unsafe.As<Translation, ulong>(ref this) = physical;
        Unsafe.Add(ref Unsafe.As<Translation, ulong>(ref this), 1) = (ulong)attributes << 32;
    }

    /// <summary>A translation that was refused.</summary>
    /// <param name="fault">The fault; must be one.</param>
    internal Translation(MmuFault fault)
    {
        _value = fault.Address;
        _errorCode = fault.ErrorCode;
        _vector = (byte)fault.Vector;
        _reason = (byte)fault.Reason;
        _level = (byte)fault.Level;
    }

    /// <summary>Whether there is a physical address.</summary>
    public bool Ok => _vector == 0;

    /// <summary>The physical address; zero when there is none.</summary>
    public PhysicalAddress Physical => PhysicalAddress.Truncate(Ok ? _value : 0);

    /// <summary>The page the address lies in; <see cref="PageSize.None"/> for a fault, or when paging is off.</summary>
    public PageSize PageSize => (PageSize)_pageSize;

    /// <summary>What the whole path of the translation allows; <see cref="Rights.None"/> for a fault.</summary>
    public Rights Rights => (Rights)_rights;

    /// <summary>Index into IA32_PAT that the leaf selects: PAT·4 + PCD·2 + PWT, 0 to 7.</summary>
    public int PatIndex => _patIndex;

    /// <summary>The fault, or <see cref="MmuFault.None"/>.</summary>
    public MmuFault Fault => Ok ? MmuFault.None : new((ExceptionVector)_vector, _errorCode, _value, (FaultReason)_reason, _level);

    /// <summary>Whether both answers are the same in every field.</summary>
    /// <param name="other">The other answer.</param>
    public bool Equals(Translation other) =>
        _value == other._value && _errorCode == other._errorCode && _vector == other._vector && _reason == other._reason
        && _level == other._level && _pageSize == other._pageSize && _rights == other._rights && _patIndex == other._patIndex;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Translation other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_value, _errorCode, _vector, _pageSize, _rights, _patIndex);

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
