using FastMmu.Addresses;

namespace FastMmu;

/// <summary>
/// Linear addresses whose accesses through one <see cref="Mmu"/> somebody hears of, until this is disposed. Made by <see cref="Mmu.Watch"/>, which says what is
/// heard of.
/// </summary>
public sealed class Watch : IDisposable
{
    private readonly Mmu _mmu;
    private volatile bool _disposed;

    internal Watch(Mmu mmu, LinearRange range, WatchKinds kinds, WatchHandler handler)
    {
        _mmu = mmu;
        Range = range;
        Kinds = kinds;
        Handler = handler;
    }

    /// <summary>The addresses, to a byte.</summary>
    public LinearRange Range { get; }

    /// <summary>The accesses.</summary>
    public WatchKinds Kinds { get; }

    /// <summary>Whether it was not disposed.</summary>
    public bool IsActive => !_disposed;

    internal WatchHandler Handler { get; }

    /// <summary>Ends the watch: the handler is not called any more, not for an access that is under way either. Idempotent.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _mmu.Unwatch(this);
    }

    /// <summary>The part of some bytes that is watched.</summary>
    /// <param name="linear">The first byte.</param>
    /// <param name="length">Bytes; they do not go round the address space.</param>
    /// <param name="first">Offset of the first watched byte.</param>
    /// <param name="count">How many are watched.</param>
    internal bool TryIntersect(ulong linear, int length, out int first, out int count)
    {
        ulong start = Math.Max(linear, Range.Start.Value), last = Math.Min(linear + (ulong)length - 1, Range.Last.Value);
        first = count = 0;
        if (start > last) return false;
        first = (int)(start - linear);
        count = (int)(last - start) + 1;
        return true;
    }
}
