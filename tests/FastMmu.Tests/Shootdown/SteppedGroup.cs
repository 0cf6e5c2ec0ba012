using FastMmu.Memory;
using FastMmu.Tlb;

namespace FastMmu.Tests.Shootdown;

/// <summary>
/// A group of virtual CPUs as <see cref="MmuGroup"/> makes one: the same mailbox, the same listening to the memory, the same <see cref="Mmu"/>; but every step can be
/// interrupted by a schedule.
/// </summary>
internal sealed class SteppedGroup : IMemoryListener
{
    public SteppedGroup(PhysicalMemory memory)
    {
        Memory = memory;
        _ = new MemoryListener(memory, this);
    }

    public PhysicalMemory Memory { get; }

    public InvalidationLog<Interleaving.Points> Log { get; } = new();

    /// <summary>Returns when all members have taken part in what was asked for so far.</summary>
    public void Await() => Await(Invalidation.Everything);

    /// <summary>Asks for something, and returns when all members have taken part.</summary>
    public void Await(in Invalidation what)
    {
        long number = Log.Post(in what);
        Interleaving.WaitUntil(() => Log.IsAcknowledged(number));
    }

    void IMemoryListener.OnDisposing() => Log.Post(Invalidation.Everything);

    void IMemoryListener.OnMapChanged() => Log.Post(Invalidation.Everything);

    void IMemoryListener.OnRestored() => Log.Post(Invalidation.Everything);

    void IMemoryListener.OnWriteGuarded(ulong page) => Log.Post(Invalidation.Everything);
}
