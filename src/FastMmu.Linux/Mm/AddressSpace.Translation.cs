using FastMmu.Addresses;
using FastMmu.Linux.Pages;
using FastMmu.Processor;

namespace FastMmu.Linux.Mm;

/// <content>The pair of an MMU and an address space.</content>
public sealed partial class AddressSpace
{
    /// <summary>Makes an MMU work in this address space: CR3 is loaded, and from now on the MMU's TLB is told of every change.</summary>
    /// <param name="mmu">An MMU over the machine's memory, with paging on in the machine's mode.</param>
    /// <remarks>
    /// <para>To be called on the thread that drives the MMU, or while nobody does. One in an <see cref="MmuGroup"/> (join first) is told through the group: calls and
    /// faults return when every running member has dropped what they changed, and no frame that they freed is used again before. Any other is told
    /// directly, by whoever calls the address space, which has to be the MMU's own thread.</para>
    /// <para>The address spaces of a machine belong to one thread at a time: where several virtual CPUs run they share one lock, and a thread that waits for it has parked
    /// its member (<see cref="MmuMember.Exit"/>), for the one inside may be waiting for that. Translations on the MMUs themselves take no lock.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">It has another memory, or another paging mode.</exception>
    /// <exception cref="InvalidOperationException">The machine's page tables are not in guest memory (<see cref="LinuxMachine.Paging"/>).</exception>
    public void Attach(Mmu mmu)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        if (Machine.Paging == PagingMode.None)
        {
            throw new InvalidOperationException("The machine keeps its page tables outside guest memory, where no MMU walks them: use Touch, or a UserTranslator.");
        }

        if (mmu.Memory != Machine.Memory)
        {
            throw new ArgumentException("The MMU has another memory than the machine.", nameof(mmu));
        }

        if (mmu.Mode != PagingMode.None && mmu.Mode != Machine.Paging)
        {
            throw new ArgumentException($"The MMU is in mode {mmu.Mode}, the machine's tables are for {Machine.Paging}.", nameof(mmu));
        }

        Detach(mmu);
        if (mmu.Mode == PagingMode.None)
        {
            mmu.EnablePaging(Tables.Root, Machine.Paging);
        }

        Tables.Load(mmu);
        Machine.LoadedSpaces[mmu] = this;
    }

    /// <summary>Ends the care for an MMU, whichever address space it works in; CR3 stays.</summary>
    /// <param name="mmu">The MMU.</param>
    public void Detach(Mmu mmu)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        if (Machine.LoadedSpaces.Remove(mmu, out AddressSpace? space))
        {
            space.Tables.Unload(mmu);
        }
    }

    /// <summary>Makes a cache of translations that is no MMU hear of every change (mmu_notifier_register).</summary>
    /// <param name="notifier">The cache; what it took from this address space before is its own affair.</param>
    public void Register(IMmuNotifier notifier)
    {
        ArgumentNullException.ThrowIfNull(notifier);
        Tables.Register(notifier);
    }

    /// <summary>Ends that (mmu_notifier_unregister).</summary>
    /// <param name="notifier">The cache.</param>
    public void Unregister(IMmuNotifier notifier)
    {
        ArgumentNullException.ThrowIfNull(notifier);
        Tables.Unregister(notifier);
    }

    /// <summary>Translates an access of the program, with all the faults that it takes.</summary>
    /// <param name="mmu">An MMU that works in this address space (<see cref="Attach"/>).</param>
    /// <param name="address">Where.</param>
    /// <param name="access">What.</param>
    /// <param name="translation">The physical address and rights, or the fault that nothing could be done about.</param>
    /// <param name="outcome">Resolved, or the signal; SIGKILL with <see cref="FaultOutcome.Endless"/> if the access faults again and again.</param>
    /// <returns>Whether the access may go ahead.</returns>
    /// <exception cref="ArgumentException">It faults again and again, and the MMU works in another address space.</exception>
    /// <remarks>A hit costs what <see cref="Mmu.Translate(LinearAddress, Access, Privilege, bool)"/> costs.</remarks>
    public bool TryTranslate(Mmu mmu, ulong address, Access access, out Translation translation, out FaultOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(mmu);
        translation = default;
        for (int i = 0; i < MostFaults; i++)
        {
            translation = mmu.Translate(address, access, Privilege.User);
            if (translation.Ok)
            {
                outcome = FaultOutcome.Resolved;
                return true;
            }

            outcome = Deliver(mmu, translation.Fault);
            if (!outcome.IsResolved)
            {
                return false;
            }
        }

        if (!Machine.LoadedSpaces.TryGetValue(mmu, out AddressSpace? space) || space != this)
        {
            throw new ArgumentException("The MMU does not work in this address space.", nameof(mmu));
        }

        outcome = new FaultOutcome(FaultOutcome.Kill, FaultOutcome.Endless, address);
        return false;
    }

    /// <summary>Reads bytes of the program through an MMU, with demand faulting.</summary>
    /// <param name="mmu">An MMU that works in this address space.</param>
    /// <param name="address">The first byte; pages may be crossed.</param>
    /// <param name="destination">Where they go.</param>
    /// <param name="outcome">Resolved, or the signal of the first page that refuses; bytes before it were read.</param>
    public bool TryRead(Mmu mmu, ulong address, Span<byte> destination, out FaultOutcome outcome)
    {
        outcome = FaultOutcome.Resolved;
        while (!destination.IsEmpty)
        {
            if (!TryTranslate(mmu, address, Access.Read, out Translation translation, out outcome))
            {
                return false;
            }

            int count = (int)Math.Min((ulong)destination.Length, PageSize - (address & (PageSize - 1)));
            Machine.Memory.Read(translation.Physical, destination[..count]);
            destination = destination[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Writes bytes of the program through an MMU, with demand faulting.</summary>
    /// <param name="mmu">An MMU that works in this address space.</param>
    /// <param name="address">The first byte; pages may be crossed.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="outcome">Resolved, or the signal of the first page that refuses; bytes before it were written.</param>
    public bool TryWrite(Mmu mmu, ulong address, ReadOnlySpan<byte> source, out FaultOutcome outcome)
    {
        outcome = FaultOutcome.Resolved;
        while (!source.IsEmpty)
        {
            if (!TryTranslate(mmu, address, Access.Write, out Translation translation, out outcome))
            {
                return false;
            }

            int count = (int)Math.Min((ulong)source.Length, PageSize - (address & (PageSize - 1)));
            Machine.Memory.Write(translation.Physical, source[..count]);
            source = source[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Does what the kernel does with a fault that an MMU has raised.</summary>
    internal FaultOutcome Deliver(Mmu mmu, MmuFault fault) => fault.Vector == ExceptionVector.PageFault
        ? HandleFault(fault.Address, fault.PageFaultError, mmu.State.Cr4.Pke ? mmu.State.Pkru.Value : 0)
        : new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0);
}
