using FastMmu.Processor;

namespace FastMmu;

/// <summary>Does what a kernel does about the faults of a transfer: brings a page in, breaks a copy-on-write, grows a stack.</summary>
/// <remarks>
/// Called between two pages, on the thread of whoever transfers, with no lock held and nothing in progress: it may translate, read, write, map, unmap, invalidate and
/// begin transfers of its own. What it throws comes out of the transfer, and what was transferred until then stays.
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// var frames = new BitmapFrameAllocator(memory);
/// PageMapper space = PageMapper.Create&lt;Paging4Level&gt;(memory, frames);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
/// mmu.EnablePaging(space.Root);
/// var heap = new Heap { Space = space };
/// Console.WriteLine(mmu.WriteBytes(0x1ffcUL, "on demand"u8, new TransferOptions(FaultHandler: heap)));     // 9 bytes
/// Console.WriteLine(mmu.WriteBytes(0x9ffcUL, "too far"u8, new TransferOptions(FaultHandler: heap)));       // 4 bytes, then #PF(W) at 0xa000: not present at level 1
///
/// class Heap : IFaultHandler
/// {
///     public PageMapper Space { get; init; } = null!;
///     public bool TryResolve(Mmu mmu, MmuFault fault) =>
///         fault.Address &lt; 0xa000 &amp;&amp; Space.Map(fault.Address &amp; ~0xfffUL, 0x100_0000 + (fault.Address &amp; ~0xfffUL), 4 * KiB, Rights.UserReadWrite).Ok;
/// }
/// </code></example>
public interface IFaultHandler
{
    /// <summary>Tries to make an access possible.</summary>
    /// <param name="mmu">Whose access it is.</param>
    /// <param name="fault">The fault, any but none; not delivered, so that CR2 is as it was.</param>
    /// <returns>
    /// Whether the access may be tried again. One page is tried again eight times at most; then, as after false, the fault ends the transfer.
    /// </returns>
    bool TryResolve(Mmu mmu, MmuFault fault);
}
