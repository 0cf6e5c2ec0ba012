namespace FastMmu.Memory;

/// <summary>
/// Where threads of a protocol may come between one another: a type argument, so that a test can decide who runs on, and a program pays nothing.
/// </summary>
internal interface IInterleavingPoints
{
    /// <summary>Called before each action that other threads can see.</summary>
    static abstract void Reach();

    /// <summary>Called before a lock is taken that another thread may hold at one of its points.</summary>
    /// <param name="gate">The lock.</param>
    static abstract void Await(Lock gate);
}
