using FastMmu.Processor;

namespace FastMmu.Cli.Recorded;

/// <summary>An implementation of paging that recorded rows can judge: a memory for tables, registers, and accesses.</summary>
internal interface IPagingSubject : IDisposable
{
    /// <summary>Puts memory behind the pages of the given physical addresses. What was written before may be lost, and is then zero.</summary>
    void Back(ReadOnlySpan<ulong> addresses);

    /// <summary>Writes an entry to physical memory.</summary>
    void WriteEntry(ulong address, ulong value, int bytes);

    /// <summary>Reads an entry from physical memory.</summary>
    ulong ReadEntry(ulong address, int bytes);

    /// <summary>Loads all registers, with nothing cached; in PAE paging the PDPTEs as MOV to CR3 does.</summary>
    /// <param name="state">Registers that a processor can hold.</param>
    PagingAnswer LoadState(in PagingState state);

    /// <summary>MOV to CR0, CR3 or CR4.</summary>
    PagingAnswer WriteControlRegister(int register, ulong value);

    /// <summary>One access, with its side effects.</summary>
    PagingAnswer Access(ulong linear, Access access, Privilege privilege, bool stack);
}
