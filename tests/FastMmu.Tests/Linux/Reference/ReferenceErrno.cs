namespace FastMmu.Tests.Linux.Reference;

/// <summary>The error numbers of the x86-64 kernel, negated as calls return them.</summary>
internal static class ReferenceErrno
{
    public const long Perm = -1;
    public const long Badf = -9;
    public const long Again = -11;
    public const long Nomem = -12;
    public const long Acces = -13;
    public const long Fault = -14;
    public const long Busy = -16;
    public const long Exist = -17;
    public const long Nodev = -19;
    public const long Inval = -22;
    public const long Overflow = -75;
    public const long Opnotsupp = -95;

    public static bool IsError(ulong value) => value >= unchecked((ulong)-4095L);
}
