using FastMmu.Processor;

namespace FastMmu.Reference;

/// <summary>
/// Somebody's memory-management unit, with the physical memory below it, as <see cref="Conformance"/> drives it: five methods, the two of
/// <see cref="IReferenceMemory"/> among them.
/// </summary>
/// <remarks>
/// <para>
/// Memory holds zeros at first, at least from 0 to <see cref="ConformanceOptions.MemoryBytes"/>. Page tables are put there and cleared again
/// through <see cref="IReferenceMemory.WritePhysical"/>, behind the unit's back, as another processor or a device would do it; and flags that
/// walks set in them are looked for there. Page tables may lead elsewhere: reading where nothing is must give something, best all ones, and
/// must not throw. Pages may lie anywhere; nothing is read from them or written to them.
/// </para>
/// <para>One thread calls. What a method throws is a counter-example like any other wrong answer.</para>
/// </remarks>
public interface IMmuUnderTest : IReferenceMemory
{
    /// <summary>Takes all registers at once, and forgets all cached translations. Memory stays as it is.</summary>
    /// <param name="state">
    /// The registers, PDPTE registers included, and what the processor has; features are always those that the run was asked for, but with recorded rows those of
    /// each row unless <see cref="PagingVectorOptions.Features"/> says otherwise. Privilege is that of each access: CPL is 0 here and means nothing.
    /// </param>
    void Reset(in PagingState state);

    /// <summary>Makes one access to one byte: translates, checks, and sets accessed and dirty flags in memory. No data is moved.</summary>
    /// <param name="access">The address, what is done, and by whom.</param>
    /// <returns>The physical address, or the fault. What the unit does not know of a page (size, rights, PAT index) it leaves out.</returns>
    ObservedAnswer Access(in ReferenceAccess access);

    /// <summary>Executes one instruction that invalidates something or writes a register.</summary>
    /// <param name="instruction">The instruction. Only values that a processor accepts are written to registers, but for PDPTEs with reserved bits in memory.</param>
    /// <returns>False if it raises #GP(0), and nothing changed.</returns>
    bool Execute(in MmuInstruction instruction);
}
