using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>
/// What the MMU under test answered. It says as much as that MMU knows: a null page size, rights or PAT index is not compared.
/// </summary>
/// <param name="Vector">The exception, or <see cref="ExceptionVector.None"/> if there is a physical address.</param>
/// <param name="Physical">The physical address in bytes.</param>
/// <param name="ErrorCode">The error code pushed.</param>
/// <param name="Cr2">What CR2 received; null if it stayed as it was.</param>
/// <param name="PageSize">The page size, or null.</param>
/// <param name="Rights">The rights of the path, or null.</param>
/// <param name="PatIndex">The PAT index, or null.</param>
public readonly record struct ObservedAnswer(
    ExceptionVector Vector, ulong Physical, int ErrorCode, ulong? Cr2, PageSize? PageSize, Rights? Rights, int? PatIndex)
{
    /// <summary>Whether there is a physical address.</summary>
    public bool Ok => Vector == ExceptionVector.None;

    /// <summary>An access that was translated.</summary>
    /// <param name="physical">The physical address in bytes.</param>
    /// <param name="pageSize">The page size, if known.</param>
    /// <param name="rights">The rights of the path, if known.</param>
    /// <param name="patIndex">The PAT index, if known.</param>
    public static ObservedAnswer Translated(ulong physical, PageSize? pageSize = null, Rights? rights = null, int? patIndex = null) =>
        new(ExceptionVector.None, physical, 0, null, pageSize, rights, patIndex);

    /// <summary>An access that was refused.</summary>
    /// <param name="vector">The exception.</param>
    /// <param name="errorCode">The error code pushed.</param>
    /// <param name="cr2">What CR2 received; null if it stayed as it was.</param>
    public static ObservedAnswer Faulted(ExceptionVector vector, int errorCode, ulong? cr2) => new(vector, 0, errorCode, cr2, null, null, null);

    /// <summary>Reads the engine's answer; all its fields are compared.</summary>
    /// <param name="translation">The answer.</param>
    public static ObservedAnswer From(in Translation translation)
    {
        if (translation.Ok)
        {
            return Translated(translation.Physical.Value, translation.PageSize, translation.Rights, translation.PatIndex);
        }

        MmuFault fault = translation.Fault;
        return Faulted(fault.Vector, fault.ErrorCode, fault.Vector == ExceptionVector.PageFault ? fault.Address : null);
    }

    /// <summary>The fault, or the address with what is known of its page.</summary>
    public override string ToString() => Ok
        ? $"0x{Physical:x} ({PageSize?.ToString() ?? "?"}, {Rights?.ToString() ?? "?"}, PAT {PatIndex?.ToString() ?? "?"})"
        : $"{Vector}(0x{ErrorCode:x}){(Cr2 is { } cr2 ? $" at 0x{cr2:x}" : "")}";
}
