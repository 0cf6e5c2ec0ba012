using FastMmu.Processor;

namespace FastMmu;

/// <summary>How many bytes at once are moved. The default is: for the running program, as far as possible, with nobody to resolve a fault.</summary>
/// <param name="AllOrNothing">
/// Whether nothing is moved if any page refuses, instead of the bytes in front of it. What the faults did that were resolved stays, and so do accessed and dirty bits.
/// </param>
/// <param name="FaultHandler">Who resolves faults; null for nobody.</param>
/// <param name="Privilege">On whose behalf; null for the privilege of the running program.</param>
public readonly record struct TransferOptions(bool AllOrNothing = false, IFaultHandler? FaultHandler = null, Privilege? Privilege = null);
