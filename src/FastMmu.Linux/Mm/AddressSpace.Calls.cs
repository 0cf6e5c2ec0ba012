namespace FastMmu.Linux.Mm;

public sealed partial class AddressSpace
{
    /// <summary>brk.</summary>
    public long Brk(ulong address) => -38;

    /// <summary>mmap.</summary>
    public long Mmap(ulong address, ulong length, int protection, uint flags, int descriptor, ulong offset) => -38;

    /// <summary>munmap.</summary>
    public long Munmap(ulong address, ulong length) => -38;

    /// <summary>mprotect.</summary>
    public long Mprotect(ulong address, ulong length, int protection) => -38;

    /// <summary>pkey_mprotect.</summary>
    public long PkeyMprotect(ulong address, ulong length, int protection, int key) => -38;

    /// <summary>pkey_alloc.</summary>
    public long PkeyAlloc(uint flags, uint rights) => -38;

    /// <summary>pkey_free.</summary>
    public long PkeyFree(int key) => -38;

    /// <summary>mremap.</summary>
    public long Mremap(ulong address, ulong oldLength, ulong newLength, uint flags, ulong newAddress) => -38;

    /// <summary>madvise.</summary>
    public long Madvise(ulong address, ulong length, int advice) => -38;

    /// <summary>mlock.</summary>
    public long Mlock(ulong address, ulong length) => -38;

    /// <summary>mlock2.</summary>
    public long Mlock2(ulong address, ulong length, int flags) => -38;

    /// <summary>munlock.</summary>
    public long Munlock(ulong address, ulong length) => -38;

    /// <summary>mlockall.</summary>
    public long Mlockall(int flags) => -38;

    /// <summary>munlockall.</summary>
    public long Munlockall() => -38;

    /// <summary>msync.</summary>
    public long Msync(ulong address, ulong length, int flags) => -38;

    /// <summary>mseal.</summary>
    public long Mseal(ulong address, ulong length, ulong flags) => -38;

    /// <summary>remap_file_pages.</summary>
    public long RemapFilePages(ulong address, ulong size, int protection, ulong pageOffset, uint flags) => -38;

    /// <summary>setrlimit.</summary>
    public long SetRlimit(int resource, ulong soft, ulong hard) => -38;
}
