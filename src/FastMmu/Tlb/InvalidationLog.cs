using System.Runtime.CompilerServices;

namespace FastMmu.Tlb;

/// <summary>
/// The mailbox of all virtual CPUs that share page tables: a ring of numbered invalidations, written by anybody, read by each processor at its
/// own pace.
/// </summary>
/// <typeparam name="TPoints">Where a test may switch threads.</typeparam>
/// <remarks>
/// <code>
/// post:          number = ++posted (fence); slot[number] = what, number; fence; done when every reader's acknowledged >= number
/// reader, poll:  posted != seen?  for each number behind seen, up to posted: take it; acknowledged = seen = the last one taken
/// reader, leave: acknowledged = infinity, which is how a parked processor acknowledges what comes
/// reader, enter: acknowledged = seen (fence), then poll
/// </code>
/// <para>Why it is right. Tables are changed before <c>posted</c> is raised, so whoever drops something after having read <c>posted</c> finds the new
/// tables. A reader acknowledges after it has dropped, and after every access that it made before. A poster that finds a reader parked has published before
/// it looked, and the reader raises its flag before it looks at what is published, with a fence between on both sides: one of them sees the other.</para>
/// <para>A reader that is a whole ring behind drops everything instead. It does not wait for a poster that has taken a number and not yet
/// published: it stops in front of it, and that poster goes on waiting for an acknowledgement. A poster waits for another only if that one is a
/// whole ring behind.</para>
/// </remarks>
internal sealed class InvalidationLog<TPoints>
    where TPoints : struct, IInterleavingPoints
{
    internal const int Slots = 64;

    private readonly Lock _membership = new();
    private readonly Slot[] _slots = new Slot[Slots];
    private Reader[] _readers = [];
    private OwnLine _posted;

    internal InvalidationLog()
    {
        for (int i = 1; i < Slots; i++) _slots[i].Number = i - Slots;
    }

    /// <summary>The number posted last.</summary>
    internal long Posted
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref _posted.Number);
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
        ref Slot slot = ref _slots[number % Slots];
        var spin = default(SpinWait);
        while (Volatile.Read(ref slot.Number) != number - Slots) spin.SpinOnce();
        TPoints.Reach();
        // What is being written has a negative number, and readers that come late for the slot's former content notice.
        Volatile.Write(ref slot.Number, -number);
        Interlocked.MemoryBarrier();
        slot.What = what;
        TPoints.Reach();
        Volatile.Write(ref slot.Number, number);
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
        ref Slot slot = ref _slots[number % Slots];
        TPoints.Reach();
        long before = Volatile.Read(ref slot.Number);
        what = slot.What;
        Interlocked.MemoryBarrier();
        TPoints.Reach();
        long after = Volatile.Read(ref slot.Number);
        if (before == number && after == number) return Taken.Yes;
        return Math.Abs(after) > number ? Taken.TooLate : Taken.TooEarly;
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

    private struct Slot
    {
        internal long Number;
        internal Invalidation What;
    }

    /// <summary>One virtual CPU's place in the log. All but <see cref="Acknowledged"/> belongs to the thread that drives it.</summary>
    internal sealed class Reader
    {
        private const long Parked = long.MaxValue;

        private readonly InvalidationLog<TPoints> _log;
        private long _seen = long.MinValue;
        private OwnLine _acknowledged;

        internal Reader(InvalidationLog<TPoints> log)
        {
            _log = log;
            _acknowledged.Number = Parked;
        }

        /// <summary>What this has dropped for; everything while it is parked.</summary>
        internal long Acknowledged => Volatile.Read(ref _acknowledged.Number);

        /// <summary>Whether it may translate.</summary>
        internal bool Entered => Acknowledged != Parked;

        /// <summary>Whether there is something to take. One load and one compare.</summary>
        internal bool Pending
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => _log.Posted != _seen;
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
            TPoints.Reach();
            long posted = _log.Posted;
            bool overrun = _seen < posted - Slots;
            for (long number = _seen + 1; !overrun && number <= posted; number++)
            {
                Taken taken = _log.TryTake(number, out Invalidation what);
                if (taken == Taken.TooEarly) break;
                overrun = taken == Taken.TooLate;
                if (overrun) break;
                target.Drop(in what);
                _seen = number;
            }

            if (overrun)
            {
                target.Drop(Invalidation.Everything);
                _seen = posted;
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
