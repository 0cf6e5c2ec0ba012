namespace FastMmu.Tests.Linux.Pages;

/// <summary>What a step of a random program does.</summary>
internal enum PageStepKind
{
    Mmap,
    Munmap,
    Mprotect,
    Mremap,
    Madvise,
    Mlock,
    Munlock,
    Ftruncate,
    Touch,
    Write,
    Fork,
    Exit,
}

/// <summary>One step of a random program over processes: the meaning of the numbers is the runner's.</summary>
internal readonly record struct PageStep(PageStepKind Kind, int Process, ulong Page, ulong Pages, int Choice, ulong Other);
