using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>A virtual CPU that runs a process's program on a thread of its own, beside others.</summary>
internal sealed class VirtualCpu : IDisposable
{
    private readonly AddressSpace _mm;
    private readonly object _kernel;

    /// <summary>One that stands still, attached to the address space.</summary>
    public VirtualCpu(AddressSpace mm, MmuGroup group, object kernel)
    {
        _mm = mm;
        _kernel = kernel;
        Mmu = new Mmu(mm.Machine.Memory, new ProcessorFeatures { La57 = true });
        Member = group.Join(Mmu);
        mm.Attach(Mmu);
        Mmu.SetCpl(3);
    }

    public Mmu Mmu { get; }

    public MmuMember Member { get; }

    public long Faults { get; private set; }

    /// <summary>Reads as the program does: a fault is the kernel's, which one processor at a time may enter.</summary>
    public bool TryRead(ulong address, out ulong value)
    {
        MmuFault fault;
        while (!Mmu.TryRead(address, out value, out fault))
        {
            if (!Resolves(fault))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Writes as the program does.</summary>
    public bool TryWrite(ulong address, ulong value)
    {
        MmuFault fault;
        while (!Mmu.TryWrite(address, value, out fault))
        {
            if (!Resolves(fault))
            {
                return false;
            }
        }

        return true;
    }

    public void Dispose()
    {
        lock (_kernel)
        {
            _mm.Detach(Mmu);
        }

        Member.Dispose();
        Mmu.Dispose();
    }

    private bool Resolves(MmuFault fault)
    {
        Faults++;
        Member.Exit();
        FaultOutcome outcome;
        lock (_kernel)
        {
            outcome = _mm.HandleFault(fault.Address, fault.PageFaultError);
        }

        Member.Enter();
        return outcome.IsResolved;
    }
}
