namespace FastMmu.Cli.MmTraces;

/// <summary>The calls of recorded traces and of scripts.</summary>
internal enum TraceCall
{
    Brk,
    Mmap,
    Munmap,
    Mprotect,
    Mremap,
    Madvise,
    Mlock,
    Mlock2,
    Munlock,
    Mlockall,
    Munlockall,
    Msync,
    Mincore,
    Mseal,
    RemapFilePages,
    Setrlimit,
    Ftruncate,
    Touch,
    Pagemap,
    Fork,
    Exit,
    Prctl,
}
