using System.Runtime.CompilerServices;

namespace FastMmu.Processor;

/// <summary>The four page-directory-pointer-table entries that PAE paging keeps in the processor, indexed by linear-address bits 31:30.</summary>
/// <remarks>Source: Intel SDM vol. 3A, "PDPTE Registers" (4.4.1).</remarks>
[InlineArray(4)]
public struct PdpteRegisters
{
    private ulong _pdpte0;
}
