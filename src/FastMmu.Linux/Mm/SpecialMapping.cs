namespace FastMmu.Linux.Mm;

/// <summary>The numbers in <see cref="Areas.Vma.Name"/> that mean one of the kernel's own mappings; from <see cref="FirstAnonymousName"/> on they mean names of anonymous memory.</summary>
public static class SpecialMapping
{
    /// <summary>[vvar].</summary>
    public const int Vvar = 1;

    /// <summary>[vvar_vclock].</summary>
    public const int VvarClock = 2;

    /// <summary>[vdso].</summary>
    public const int Vdso = 3;

    /// <summary>[vdso] of a 32-bit program.</summary>
    public const int Vdso32 = 4;

    /// <summary>The first number of a name given with PR_SET_VMA_ANON_NAME.</summary>
    public const int FirstAnonymousName = 16;

    /// <summary>Whether a number means one of the kernel's own mappings, which cannot be split.</summary>
    public static bool IsSpecial(int name) => name is > 0 and < FirstAnonymousName;
}
