using FastMmu.Processor;

namespace FastMmu.Linux.Mm;

/// <summary>
/// Lets an <see cref="Mmu"/>'s transfers (<see cref="Mmu.ReadBytes"/>, <see cref="Mmu.CopyTo"/>, <see cref="Mmu.Search"/> and the others) take the faults of the
/// program: each goes to the address space that the MMU is attached to.
/// </summary>
/// <param name="machine">The machine whose address spaces they are.</param>
/// <remarks>
/// Transfers are to be made with <see cref="Privilege.User"/>, as the program's own accesses, or the kernel's on its behalf. Not thread-safe; one serves any number of MMUs of a
/// thread.
/// </remarks>
public sealed class DemandFaults(LinuxMachine machine) : IFaultHandler
{
    /// <summary>What became of the last fault: of a transfer that ended with one, the signal that the program's own access would get.</summary>
    public FaultOutcome Outcome { get; private set; }

    /// <inheritdoc/>
    public bool TryResolve(Mmu mmu, MmuFault fault)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        if (!machine.LoadedSpaces.TryGetValue(mmu, out AddressSpace? space))
        {
            throw new ArgumentException("The MMU is attached to no address space of the machine.", nameof(mmu));
        }

        Outcome = space.Deliver(mmu, fault);
        return Outcome.IsResolved;
    }
}
