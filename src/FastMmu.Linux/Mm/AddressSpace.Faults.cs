using FastMmu.Addresses;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Pages;
using FastMmu.Processor;

namespace FastMmu.Linux.Mm;

/// <content>Page faults.</content>
public sealed partial class AddressSpace
{
    // Far more than one access can need: the page, its copy, a stack that grows.
    private const int MostFaults = 8;

    /// <summary>The first address beyond any user's (TASK_SIZE_MAX).</summary>
    internal ulong UserEnd { get; }

    /// <summary>Does what the kernel does with a page fault of the program.</summary>
    /// <param name="address">The address that CR2 holds.</param>
    /// <param name="error">The error code of the fault.</param>
    /// <param name="pkru">The protection-key rights of the program; 0 allows everything.</param>
    /// <returns>That the access can be tried again, or the signal.</returns>
    /// <remarks>
    /// The order counts: an area that grows downwards grows before its rights are looked at, and rights are looked at before the page. A
    /// fetch from a page that is not there brings it in whatever the area's rights; the processor faults again. Source: arch/x86/mm/fault.c.
    /// </remarks>
    public FaultOutcome HandleFault(ulong address, PageFaultError error, uint pkru = 0)
    {
        if (!IsCanonical(address))
        {
            return new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0);
        }

        if (address >= UserEnd || !Areas.TryFind(address, out Vma vma))
        {
            return new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, address);
        }

        if (vma.Start > address
            && ((vma.Flags & VmFlags.GrowsDown) == 0 || !TryGrow(ref vma, address)))
        {
            return new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, address);
        }

        bool write = (error & PageFaultError.Write) != 0;
        if ((error & PageFaultError.ProtectionKey) != 0 || !KeyAllows(vma.Flags, error, pkru))
        {
            return new FaultOutcome(FaultOutcome.Segv, FaultOutcome.KeyError, address);
        }

        bool allowed = write
            ? (vma.Flags & VmFlags.Write) != 0
            : (error & PageFaultError.Present) == 0 && (vma.Flags & VmFlags.AccessMask) != 0;
        if (!allowed)
        {
            return new FaultOutcome(FaultOutcome.Segv, FaultOutcome.AccessError, address);
        }

        return Tables.Fault(vma, address, write) switch
        {
            FaultStatus.Resolved => FaultOutcome.Resolved,
            FaultStatus.BusError => new FaultOutcome(FaultOutcome.Bus, FaultOutcome.AddressError, address),
            FaultStatus.SegmentationFault => new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, address),
            _ => new FaultOutcome(FaultOutcome.Kill, 0, address),
        };
    }

    /// <summary>Makes one access of the program, with all the faults it takes: what the processor and the kernel do together.</summary>
    /// <param name="address">Where; the access lies within one page.</param>
    /// <param name="access">What it does.</param>
    /// <param name="physical">Where the byte is.</param>
    /// <returns>Resolved, or the signal that the access ends in; SIGKILL with <see cref="FaultOutcome.Endless"/> if it faults again and again.</returns>
    /// <remarks>Accessed and dirty are set as by the access. No MMU is needed, and no TLB asked.</remarks>
    public FaultOutcome Touch(ulong address, Access access, out PhysicalAddress physical)
    {
        physical = default;
        if (!IsCanonical(address))
        {
            return new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0);
        }

        for (int i = 0; i < MostFaults; i++)
        {
            PageFaultError error = PageFaultError.User | access switch
            {
                Access.Write => PageFaultError.Write,
                Access.Execute => PageFaultError.InstructionFetch,
                _ => 0,
            };
            bool present = false;
            if (address < UserEnd && Tables.TryAccess(address, access, out ulong frame, out present))
            {
                physical = new PhysicalAddress((frame << PageShift) | (address & (PageSize - 1)));
                return FaultOutcome.Resolved;
            }

            FaultOutcome outcome = HandleFault(address, present ? error | PageFaultError.Present : error);
            if (!outcome.IsResolved)
            {
                return outcome;
            }
        }

        return new FaultOutcome(FaultOutcome.Kill, FaultOutcome.Endless, address);
    }

    /// <summary>Reads bytes as the program would, with demand faulting.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where they go.</param>
    /// <returns>Resolved, or the signal of the first page that refuses; bytes before it were read.</returns>
    public FaultOutcome Read(ulong address, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            FaultOutcome outcome = Touch(address, Access.Read, out PhysicalAddress physical);
            if (!outcome.IsResolved)
            {
                return outcome;
            }

            int count = (int)Math.Min((ulong)destination.Length, PageSize - (address & (PageSize - 1)));
            Machine.Memory.Read(physical, destination[..count]);
            destination = destination[count..];
            address += (ulong)count;
        }

        return FaultOutcome.Resolved;
    }

    /// <summary>Writes bytes as the program would, with demand faulting.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>Resolved, or the signal of the first page that refuses; bytes before it were written.</returns>
    public FaultOutcome Write(ulong address, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            FaultOutcome outcome = Touch(address, Access.Write, out PhysicalAddress physical);
            if (!outcome.IsResolved)
            {
                return outcome;
            }

            int count = (int)Math.Min((ulong)source.Length, PageSize - (address & (PageSize - 1)));
            Machine.Memory.Write(physical, source[..count]);
            source = source[count..];
            address += (ulong)count;
        }

        return FaultOutcome.Resolved;
    }

    private bool IsCanonical(ulong address)
    {
        if (Machine.Is32Bit)
        {
            return address <= uint.MaxValue;
        }

        int unused = Machine.Paging == PagingMode.FiveLevel ? 7 : 16;
        return (ulong)((long)(address << unused) >> unused) == address;
    }

    // Fetches are not a key's business.
    private static bool KeyAllows(VmFlags flags, PageFaultError error, uint pkru)
    {
        if (pkru == 0 || (error & PageFaultError.InstructionFetch) != 0)
        {
            return true;
        }

        int key = (int)((ulong)(flags & VmFlags.ProtectionKeyMask) >> 32);
        uint rights = pkru >> (2 * key);
        return (rights & 1) == 0 && ((rights & 2) == 0 || (error & PageFaultError.Write) == 0);
    }
}
