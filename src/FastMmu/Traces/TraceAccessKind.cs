namespace FastMmu.Traces;

/// <summary>What an access of a memory trace does.</summary>
public enum TraceAccessKind : byte
{
    /// <summary>An instruction fetch: <c>I</c>.</summary>
    Fetch = 0,

    /// <summary>A load: <c>L</c>.</summary>
    Load = 1,

    /// <summary>A load and a store of the same bytes by one instruction: <c>M</c>.</summary>
    Modify = 2,

    /// <summary>A store: <c>S</c>.</summary>
    Store = 3,
}
