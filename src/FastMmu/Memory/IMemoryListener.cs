namespace FastMmu.Memory;

/// <summary>Whoever holds host addresses of a memory, and must hear when they are good no more.</summary>
internal interface IMemoryListener
{
    /// <summary>The memory goes. Called on the thread that disposes it.</summary>
    void OnDisposing();

    /// <summary>What stands behind addresses has changed.</summary>
    void OnMapChanged();

    /// <summary>A page may not be written without asking any more. Must wait for nobody: the memory's lock may be held.</summary>
    /// <param name="page">Its address, or <see cref="PhysicalMemory.AllPages"/>.</param>
    void OnWriteGuarded(ulong page);

    /// <summary>The bytes are those of a snapshot, the tables among them.</summary>
    void OnRestored();
}
