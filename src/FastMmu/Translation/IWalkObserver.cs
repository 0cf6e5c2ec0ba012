using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>Is told of the page walks of an <see cref="Mmu"/>: <see cref="Mmu.WalkObserver"/>.</summary>
public interface IWalkObserver
{
    /// <summary>Called after a walk, before its access goes on.</summary>
    /// <param name="mmu">Whose walk. It may be asked anything (<see cref="Mmu.Probe(Addresses.LinearAddress, Access, Privilege, bool)"/>) and must not translate meanwhile.</param>
    /// <param name="walk">What it did.</param>
    void OnWalk(Mmu mmu, in PageWalk walk);
}
