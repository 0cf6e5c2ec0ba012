namespace FastMmu.Memory;

/// <summary>Hears a memory for somebody whom it must not keep alive: an MMU that nobody uses any more may go before its memory does.</summary>
internal sealed class MemoryListener : IDisposable
{
    private readonly PhysicalMemory _memory;
    private readonly WeakReference<IMemoryListener> _listener;

    internal MemoryListener(PhysicalMemory memory, IMemoryListener listener)
    {
        _memory = memory;
        _listener = new(listener);
        memory.Disposing += OnDisposing;
        memory.MapChanged += OnMapChanged;
        memory.WriteGuarded += OnWriteGuarded;
        memory.Restored += OnRestored;
    }

    /// <summary>Hears no more.</summary>
    public void Dispose()
    {
        _memory.Disposing -= OnDisposing;
        _memory.MapChanged -= OnMapChanged;
        _memory.WriteGuarded -= OnWriteGuarded;
        _memory.Restored -= OnRestored;
    }

    private void OnDisposing() => Listener()?.OnDisposing();

    private void OnMapChanged() => Listener()?.OnMapChanged();

    private void OnWriteGuarded(ulong page) => Listener()?.OnWriteGuarded(page);

    private void OnRestored() => Listener()?.OnRestored();

    private IMemoryListener? Listener()
    {
        if (_listener.TryGetTarget(out IMemoryListener? listener)) return listener;
        Dispose();
        return null;
    }
}
