namespace FastMmu;

/// <summary>Hears of an access to watched bytes, and may change what comes of it.</summary>
/// <param name="access">The access; valid during the call.</param>
public delegate void WatchHandler(ref WatchedAccess access);
