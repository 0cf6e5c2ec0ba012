namespace FastMmu.Memory;

/// <summary>Who is told of pages that change; a struct type argument, so that it costs a call that is compiled in.</summary>
internal unsafe interface IPageObserver
{
    /// <summary>Called before the bytes of a page change.</summary>
    /// <param name="page">Its number in the native region.</param>
    /// <param name="bytes">Those that it may get.</param>
    void Changes(ulong page, byte* bytes);
}
