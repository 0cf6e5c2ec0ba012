using FastMmu.Addresses;
using FastMmu.Linux.Pages;
using FastMmu.Processor;

namespace FastMmu.Linux.Mm;

/// <summary>
/// A process's memory without a processor's MMU: a <see cref="SoftTlb"/> that takes what it does not know from the areas and pages of an address space, faults included.
/// For emulators of user programs: no control register, no walk, no page-fault exception.
/// </summary>
/// <remarks>
/// The address space may change by any call: the TLB hears of it (<see cref="IMmuNotifier"/>). Not thread-safe, as neither of the two is.
/// </remarks>
public sealed class UserTranslator : ILinearTranslator, IMmuNotifier, IDisposable
{
    private readonly AddressSpace _space;

    /// <summary>Makes the TLB of a process.</summary>
    /// <param name="space">Its address space.</param>
    public UserTranslator(AddressSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        _space = space;
        Tlb = new SoftTlb(space.Machine.Memory, this);
        space.Register(this);
    }

    /// <summary>The TLB, through which the program's accesses go. It is in address space 0 and stays there: another process has another one.</summary>
    public SoftTlb Tlb { get; }

    /// <summary>What became of the last access that the TLB asked about: where it was refused, the signal.</summary>
    public FaultOutcome Outcome { get; private set; }

    /// <inheritdoc/>
    public bool TryTranslate(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page)
    {
        Outcome = _space.Touch(linear, access, out PhysicalAddress physical);
        page = new(physical);
        return Outcome.IsResolved;
    }

    /// <inheritdoc/>
    public void Invalidate(ulong start, ulong end) => Tlb.InvalidateRange(start, end - start, addressSpace: 0);

    /// <summary>Ends both.</summary>
    public void Dispose()
    {
        _space.Unregister(this);
        Tlb.Dispose();
    }
}
