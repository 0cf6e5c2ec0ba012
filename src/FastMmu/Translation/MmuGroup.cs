using FastMmu.Memory;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>
/// Virtual CPUs that share a memory and its page tables, each driven by a thread of its own: who changes a table asks the others to drop what
/// they have cached of it, and knows when they have.
/// </summary>
/// <remarks>
/// <para>Nobody is interrupted: a running member takes requests where it calls <see cref="MmuMember.Poll"/>, between two instructions of its
/// guest; a parked one owes nothing until it enters again. Requests and acknowledgements take no lock and allocate nothing. Whoever waits waits for every
/// running member: a thread that ends parks its member before, or disposes it; that its <see cref="Mmu"/> was disposed is not enough.</para>
/// <para>Thread-safe, but for the members, each of which belongs to one thread at a time.</para>
/// Source: Intel SDM vol. 3A, "Propagation of Paging-Structure Changes to Multiple Processors" (4.10.5).
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// PageMapper space = PageMapper.Create&lt;Paging4Level&gt;(memory, new BitmapFrameAllocator(memory));
/// space.Map(0x1000, 0x20_0000, 4096, Rights.SupervisorReadWrite);
/// using var first = new Mmu(memory, ProcessorFeatures.Zen4);
/// using var second = new Mmu(memory, ProcessorFeatures.Zen4);
/// first.EnablePaging(space.Root);
/// second.EnablePaging(space.Root);
/// var group = new MmuGroup(memory);
/// MmuMember one = group.Join(first), other = group.Join(second);
/// one.Enter();
/// other.Enter();
/// Console.WriteLine(second.Translate(0x1000UL).Physical);     // 0x200000
/// </code></example>
public sealed class MmuGroup : IMemoryListener
{
    private readonly InvalidationLog<NoInterleavingPoints> _log = new();
    private readonly Lock _membership = new();
    private MmuMember[] _members = [];

    /// <summary>An empty group.</summary>
    /// <param name="memory">The memory that the members share.</param>
    public MmuGroup(PhysicalMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Memory = memory;
        _ = new MemoryListener(memory, this);
    }

    /// <summary>The memory that the members share.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>
    /// Takes an <see cref="Mmu"/>, a <see cref="SoftTlb"/> or another cache into the group, parked: <see cref="MmuMember.Enter"/> drops what it has cached so far.
    /// </summary>
    /// <param name="target">Who joins; a member of this group once and of no other.</param>
    /// <exception cref="ArgumentException">It is over another memory.</exception>
    /// <exception cref="InvalidOperationException">It is in a group already.</exception>
    /// <example><code>
    /// using var third = new Mmu(memory, ProcessorFeatures.Zen4);
    /// using MmuMember late = group.Join(third);
    /// Console.WriteLine(late.IsRunning);                          // False
    /// </code></example>
    public MmuMember Join(IInvalidationTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target is IMemoryTarget other && other.Memory != Memory) throw new ArgumentException("It is over another memory.", nameof(target));
        lock (_membership)
        {
            // Two members would take the same news on two threads, and the first to leave would take the target out of both groups.
            if (target is IMemoryTarget { JoinedGroup: not null } || _members.Any(m => m.Target == target)) throw new InvalidOperationException("It is in a group already.");
            var member = new MmuMember(target, this, _log);
            Volatile.Write(ref _members, [.. _members, member]);
            return member;
        }
    }

    /// <summary>
    /// Asks all members to drop something, from a thread that is none of theirs or does not want to wait: the page tables have been changed before.
    /// </summary>
    /// <param name="what">What.</param>
    /// <returns>Tells when all have: until then they may use the old tables, and the frames that those named.</returns>
    /// <example><code>
    /// space.Unmap(0x1000, 4096);
    /// ShootdownRequest request = group.Post(Invalidation.OfPages(new LinearRange(0x1000, 4096)));
    /// one.Poll();
    /// Console.WriteLine(request.IsAcknowledged);                  // False
    /// Console.WriteLine(second.Translate(0x1000UL).Physical);     // 0x200000
    /// other.Poll();                                               // between two instructions of the other processor
    /// Console.WriteLine(request.IsAcknowledged);                  // True
    /// Console.WriteLine(second.Translate(0x1000UL));              // #PF(0) at 0x1000: not present at level 4
    /// </code></example>
    public ShootdownRequest Post(in Invalidation what) => new(_log, _log.Post(in what));

    /// <summary>
    /// Has all members drop something, and returns when they have: from any thread, after a change of page tables. Members that the calling thread has entered take
    /// part while it waits: no address that was translated before may be used after.
    /// </summary>
    /// <param name="what">What.</param>
    /// <remarks>
    /// Waits for running members only, as long as the longest of them takes to its next <see cref="MmuMember.Poll"/>; there is no limit of time. So a thread
    /// that waits for a lock which the caller may hold has to have parked its member.
    /// </remarks>
    /// <example><code>
    /// Console.WriteLine(second.Translate(0x1000UL).Ok);           // True
    /// space.Unmap(0x1000, 4096);
    /// group.ShootDown(Invalidation.OfPages(new LinearRange(0x1000, 4096)));       // both members were entered on this thread
    /// Console.WriteLine(second.Translate(0x1000UL).Ok);           // False
    /// </code></example>
    public void ShootDown(in Invalidation what)
    {
        long number = _log.Post(in what);
        var wait = default(ShootdownWait);
        while (true)
        {
            foreach (MmuMember member in Volatile.Read(ref _members)) member.PollHere();
            if (_log.IsAcknowledged(number)) return;
            wait.Once();
        }
    }

    internal void Remove(MmuMember member)
    {
        lock (_membership) Volatile.Write(ref _members, [.. _members.Where(m => m != member)]);
    }

    void IMemoryListener.OnDisposing() => _log.Post(Invalidation.Everything);

    void IMemoryListener.OnMapChanged() => _log.Post(Invalidation.Everything);

    void IMemoryListener.OnRestored() => _log.Post(Invalidation.Everything);

    void IMemoryListener.OnWriteGuarded(ulong page) => _log.Post(Invalidation.Everything);
}
