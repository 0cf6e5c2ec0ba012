using System.Runtime.CompilerServices;
using FastMmu.Memory;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>A virtual CPU in an <see cref="MmuGroup"/>. Belongs to the thread that drives its <see cref="Mmu"/>, <see cref="SoftTlb"/>, or whatever else it has cached in.</summary>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// PageMapper space = PageMapper.Create&lt;Paging4Level&gt;(memory, new BitmapFrameAllocator(memory));
/// space.Map(0x1000, 0x20_0000, 4096, Rights.SupervisorReadWrite);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// mmu.EnablePaging(space.Root);
/// var group = new MmuGroup(memory);
/// using MmuMember member = group.Join(mmu);
/// Console.WriteLine(member.IsRunning);                        // False
/// </code></example>
public sealed class MmuMember : IDisposable
{
    private readonly InvalidationLog<NoInterleavingPoints> _log;
    private readonly InvalidationLog<NoInterleavingPoints>.Reader _reader;
    private int _thread;
    private bool _left;

    internal MmuMember(IInvalidationTarget target, MmuGroup group, InvalidationLog<NoInterleavingPoints> log)
    {
        Target = target;
        Group = group;
        _log = log;
        _reader = log.Join();
        if (target is IMemoryTarget joined) joined.JoinedGroup = group;
    }

    /// <summary>Who joined: an <see cref="FastMmu.Mmu"/>, a <see cref="SoftTlb"/>, or something of the embedder's.</summary>
    public IInvalidationTarget Target { get; }

    /// <summary>The MMU, where one joined.</summary>
    /// <exception cref="InvalidOperationException">It was something else.</exception>
    public Mmu Mmu => Target as Mmu ?? throw new InvalidOperationException("The member is no Mmu.");

    /// <summary>The group; alive as long as a member is, so that it passes on what the memory says.</summary>
    internal MmuGroup Group { get; }

    /// <summary>Whether it is between <see cref="Enter"/> and <see cref="Exit"/>, and others wait for its acknowledgements.</summary>
    public bool IsRunning => _reader.Entered;

    /// <summary>Begins to run: what was asked for while it was parked is dropped first. It must not translate before.</summary>
    /// <exception cref="InvalidOperationException">It runs already.</exception>
    /// <exception cref="ObjectDisposedException">It has left.</exception>
    /// <example><code>
    /// member.Enter();
    /// Console.WriteLine(mmu.Translate(0x1000UL).Physical);        // 0x200000
    /// </code></example>
    public void Enter()
    {
        ObjectDisposedException.ThrowIf(_left, this);
        if (IsRunning) throw new InvalidOperationException("The virtual CPU runs already.");
        var target = new Caches(Target);
        _thread = Environment.CurrentManagedThreadId;
        _reader.Enter(ref target);
    }

    /// <summary>
    /// Stops running, before the thread waits for something or the guest halts: requests count as acknowledged from here on. It keeps what
    /// it has cached, and drops at its next <see cref="Enter"/> what was asked for meanwhile.
    /// </summary>
    /// <example><code>
    /// member.Enter();
    /// member.Exit();
    /// Console.WriteLine(group.Post(Invalidation.Everything).IsAcknowledged);      // True
    /// </code></example>
    public void Exit() => _reader.Exit();

    /// <summary>
    /// A safe point: drops what others have asked for, and acknowledges. One load and one compare if nobody has. Belongs between two
    /// instructions of the guest: no address that was translated before it may be used after it.
    /// </summary>
    /// <returns>Whether something was asked for.</returns>
    /// <example><code>
    /// member.Enter();
    /// Console.WriteLine(member.Poll());                           // False
    /// group.Post(Invalidation.OfPcid(0));
    /// Console.WriteLine(member.Poll());                           // True
    /// </code></example>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Poll()
    {
        if (!_reader.Pending) return false;
        Take();
        return true;
    }

    /// <summary>
    /// After a change of page tables: drops something here and in all other members, and returns when they have. Takes part in the requests of
    /// others while it waits, so that two members may do this at once; as for <see cref="Poll"/>, no address that was translated before may be used after.
    /// </summary>
    /// <param name="what">What.</param>
    /// <remarks>
    /// Waits for running members only, as long as the longest of them takes to its next <see cref="Poll"/>; there is no limit of time.
    /// </remarks>
    /// <example><code>
    /// member.Enter();
    /// Console.WriteLine(mmu.Translate(0x1000UL).Ok);              // True
    /// MapOutcome outcome = space.Unmap(0x1000, 4096);
    /// member.ShootDown(Invalidation.OfPages(outcome.Invalidate));
    /// Console.WriteLine(mmu.Translate(0x1000UL).Ok);              // False
    /// </code></example>
    public void ShootDown(in Invalidation what)
    {
        long number = _log.Post(in what);
        Take();
        var wait = default(ShootdownWait);
        while (!_log.IsAcknowledged(number))
        {
            Poll();
            wait.Once();
        }
    }

    /// <summary>Leaves the group, parked for good. Who joined is not disposed.</summary>
    public void Dispose()
    {
        if (_left) return;
        _left = true;
        _reader.Remove();
        _reader.Exit();
        if (Target is IMemoryTarget joined)
        {
            joined.JoinedGroup = null;
            joined.ClearExclusive();
        }

        Group.Remove(this);
        // What was posted and not taken, it would never hear of.
        Target.Invalidate(Invalidation.Everything);
    }

    /// <summary>Polls, if it runs and the calling thread is the one that let it.</summary>
    internal void PollHere()
    {
        if (_thread == Environment.CurrentManagedThreadId && IsRunning) Poll();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Take()
    {
        var target = new Caches(Target);
        _reader.Take(ref target);
    }

    private readonly struct Caches(IInvalidationTarget target) : IInvalidationTarget
    {
        public void Invalidate(in Invalidation what) => target.Invalidate(in what);
    }
}
