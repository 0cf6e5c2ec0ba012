namespace FastMmu.Linux.Mm;

/// <summary>Rights that mmap and mprotect ask for (PROT_*).</summary>
public static class Protection
{
    /// <summary>No access.</summary>
    public const int None = 0;

    /// <summary>Read.</summary>
    public const int Read = 1;

    /// <summary>Write.</summary>
    public const int Write = 2;

    /// <summary>Execute.</summary>
    public const int Exec = 4;

    /// <summary>Usable for atomic operations; x86 ignores it.</summary>
    public const int Sem = 8;

    /// <summary>mprotect: down to the start of a growing area.</summary>
    public const int GrowsDown = 0x0100_0000;

    /// <summary>mprotect: up to the end of a growing area.</summary>
    public const int GrowsUp = 0x0200_0000;
}
