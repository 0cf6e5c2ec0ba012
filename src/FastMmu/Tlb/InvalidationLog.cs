using System.Runtime.CompilerServices;
using FastMmu.Memory;

namespace FastMmu.Tlb;

/// <summary>
/// The mailbox of all virtual CPUs that share page tables: a ring of numbered invalidations, written by anybody, read by each processor at its
/// own pace.
/// </summary>
/// <typeparam name="TPoints">Where a test may switch threads.</typeparam>
/// <remarks>
/// <code>
/// post:          number = ++posted (fence); slot[number] = what, number; fence; done when every reader's acknowledged >= number
/// reader, poll:  slot[seen + 1] has a number of at least seen + 1?  as long as it is seen + 1: take it, and go on; acknowledged = seen = the last one taken
/// reader, leave: acknowledged = infinity, which is how a parked processor acknowledges what comes
/// reader, enter: acknowledged = seen (fence), then poll
/// </code>
/// <para>Why it is right. Tables are changed before <c>posted</c> is raised, so whoever drops something after having read <c>posted</c> finds the new
/// tables. A reader acknowledges after it has dropped, and after every access that it made before. A poster that finds a reader parked has published before
/// it looked, and the reader raises its flag before it looks at what is published, with a fence between on both sides: one of them sees the other.</para>
/// <para>A reader looks at the next slot only, which is one cache line with all that it needs, and shares no other with posters: what a
/// shootdown costs is the way of that line to the reader, and of the acknowledgement back.</para>
/// <para>A reader that is a whole ring behind drops everything instead. It does not wait for a poster that has taken a number and not yet
/// published: it stops in front of it, and that poster goes on waiting for an acknowledgement. A poster waits for another only if that one is a
/// whole ring behind.</para>
/// </remarks>
internal sealed class InvalidationLog<TPoints>
    where TPoints : struct, IInterleavingPoints
{
    internal const int Slots = 64;

    private readonly Lock _membership = new();
    private readonly InvalidationSlots _slots = new(Slots);
    private Reader[] _readers = [];
    private OwnLine _posted;

    internal InvalidationLog()
    {
        for (int i = 1; i < Slots; i++) _slots[i].Stamp = InvalidationSlot.Published(i - Slots);
    }

    /// <summary>Adds a reader, parked, which has seen nothing and so drops everything when it enters.</summary>
    internal Reader Join()
    {
        var reader = new Reader(this);
        lock (_membership) Volatile.Write(ref _readers, [.. _readers, reader]);
        return reader;
    }

    /// <summary>Posts an invalidation: the tables must have been changed before.</summary>
    /// <returns>Its number.</returns>
    internal long Post(in Invalidation what)
    {
        TPoints.Reach();
        long number = Interlocked.Increment(ref _posted.Number);
        ref InvalidationSlot slot = ref _slots[number % Slots];
        var spin = default(SpinWait);
        while (Volatile.Read(ref slot.Stamp) != InvalidationSlot.Published(number - Slots)) spin.SpinOnce();
        TPoints.Reach();
        // Readers that come late for the slot's former content notice.
        Volatile.Write(ref slot.Stamp, InvalidationSlot.Published(number) - 1);
        Volatile.WriteBarrier();
        slot.What = what;
        TPoints.Reach();
        Volatile.Write(ref slot.Stamp, InvalidationSlot.Published(number));
        Interlocked.MemoryBarrier();
        return number;
    }

    /// <summary>Whether every reader has acknowledged a number, or is parked.</summary>
    internal bool IsAcknowledged(long number)
    {
        foreach (Reader reader in Volatile.Read(ref _readers))
        {
            TPoints.Reach();
            if (reader.Acknowledged < number) return false;
        }

        return true;
    }

    private Taken TryTake(long number, out Invalidation what)
    {
        ref InvalidationSlot slot = ref _slots[number % Slots];
        TPoints.Reach();
        long before = Volatile.Read(ref slot.Stamp);
        what = slot.What;
        Volatile.ReadBarrier();
        TPoints.Reach();
        long after = Volatile.Read(ref slot.Stamp);
        long wanted = InvalidationSlot.Published(number);
        if (before == wanted && after == wanted) return Taken.Yes;
        return after > wanted ? Taken.TooLate : Taken.TooEarly;
    }

    private void Remove(Reader reader)
    {
        lock (_membership) Volatile.Write(ref _readers, [.. _readers.Where(r => r != reader)]);
    }

    private enum Taken
    {
        Yes,
        TooEarly,
        TooLate,
    }

    /// <summary>One virtual CPU's place in the log. All but <see cref="Acknowledged"/> belongs to the thread that drives it.</summary>
    internal sealed class Reader
    {
        private const long Parked = long.MaxValue;

        private readonly InvalidationLog<TPoints> _log;
        private OwnLine _acknowledged;
        private long _seen;
        private bool _fresh = true;

        internal Reader(InvalidationLog<TPoints> log)
        {
            _log = log;
            _acknowledged.Number = Parked;
        }

        /// <summary>What this has dropped for; everything while it is parked.</summary>
        internal long Acknowledged => Volatile.Read(ref _acknowledged.Number);

        /// <summary>Whether it may translate.</summary>
        internal bool Entered => Acknowledged != Parked;

        /// <summary>Whether there is something to take. One compare.</summary>
        internal bool Pending
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Volatile.Read(ref _log._slots[(_seen + 1) % Slots].Stamp) >= InvalidationSlot.Published(_seen + 1);
        }

        /// <summary>Begins to translate: what was posted meanwhile is dropped first.</summary>
        internal void Enter<TTarget>(ref TTarget target) where TTarget : IInvalidationTarget
        {
            TPoints.Reach();
            Interlocked.Exchange(ref _acknowledged.Number, _seen);
            Take(ref target);
        }

        /// <summary>Stops translating; nothing of an access may be under way.</summary>
        internal void Exit()
        {
            TPoints.Reach();
            Volatile.Write(ref _acknowledged.Number, Parked);
        }

        /// <summary>Drops what was posted, and acknowledges.</summary>
        internal void Take<TTarget>(ref TTarget target) where TTarget : IInvalidationTarget
        {
            bool overrun = _fresh;
            while (!overrun)
            {
                Taken taken = _log.TryTake(_seen + 1, out Invalidation what);
                if (taken == Taken.TooEarly) break;
                overrun = taken == Taken.TooLate;
                if (overrun) break;
                target.Invalidate(in what);
                _seen++;
            }

            if (overrun)
            {
                // Read before all is dropped: whoever has taken a number by then had changed the tables before.
                TPoints.Reach();
                long posted = Volatile.Read(ref _log._posted.Number);
                TPoints.Reach();
                target.Invalidate(Invalidation.Everything);
                _seen = posted;
                _fresh = false;
            }

            TPoints.Reach();
            // Between an exit and an entry it stays parked.
            if (Entered) Volatile.Write(ref _acknowledged.Number, _seen);
        }

        /// <summary>Leaves for good.</summary>
        internal void Remove()
        {
            Exit();
            _log.Remove(this);
        }
    }
}
