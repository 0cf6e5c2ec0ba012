using FastMmu.Memory;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>A target that has host addresses of a memory, too: what the memory says is passed on to it by its group, so that it hears of it on its own thread.</summary>
internal interface IMemoryTarget : IInvalidationTarget
{
    /// <summary>The memory.</summary>
    PhysicalMemory Memory { get; }

    /// <summary>The group that it is in; while it is in one it does not listen to the memory itself, but for the end of it.</summary>
    MmuGroup? JoinedGroup { get; set; }

    /// <summary>Forgets what it has reserved of a value that another may have changed.</summary>
    void ClearExclusive();
}
