using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>Goes over linear addresses page by page and looks for bytes, over the borders of pages too.</summary>
/// <param name="mmu">Whose addresses.</param>
/// <param name="privilege">On whose behalf.</param>
/// <param name="handler">Who resolves faults, or null.</param>
internal sealed class PatternSearch(Mmu mmu, Privilege privilege, IFaultHandler? handler)
{
    private const int PageBytes = 4096;

    /// <summary>The matches.</summary>
    /// <param name="range">Where.</param>
    /// <param name="pattern">What; not empty.</param>
    internal IEnumerable<LinearAddress> Run(LinearRange range, ReadOnlyMemory<byte> pattern)
    {
        // What a match may have in the pages before, then a page.
        byte[] buffer = new byte[pattern.Length - 1 + PageBytes];
        int kept = 0;
        ulong at = range.Start.Value;
        for (ulong left = range.Length; left > 0;)
        {
            int most = (int)Math.Min(left, PageBytes - (at & (PageBytes - 1)));
            bool read = TryReadPiece(at, buffer.AsSpan(kept, most), out ulong count);
            count = Math.Min(count, left);
            if (!read)
            {
                kept = 0;
                at += count;
                left -= count;
                continue;
            }

            int end = kept + (int)count, from = 0;
            while (buffer.AsSpan(from, end - from).IndexOf(pattern.Span) is >= 0 and int found)
            {
                from += found;
                yield return new LinearAddress(at - (ulong)kept + (ulong)from++);
            }

            int next = Math.Min(end, pattern.Length - 1);
            buffer.AsSpan(end - next, next).CopyTo(buffer);
            kept = next;
            at += count;
            left -= count;
        }
    }

    // The bytes of a page from an address on that have one thing behind them, or those that need not be looked at. Reading a device has effects, so it is left
    // alone, however small it is, and so is what reads as all ones because nothing is there.
    private bool TryReadPiece(ulong at, Span<byte> destination, out ulong count)
    {
        MmuFault resolved = MmuFault.None;
        count = (ulong)destination.Length;
        if (!mmu.TryTranslatePage(at, Access.Read, privilege, handler, ref resolved, out PhysicalAddress physical, out MmuFault fault))
        {
            if (handler is null) count = BytesUpTo(at, RegionBits(fault));
            return false;
        }

        int length = mmu.Memory.StretchAt(physical.Value, destination.Length, out MemoryKind kind);
        count = (ulong)length;
        if (kind is not (MemoryKind.Ram or MemoryKind.Rom)) return false;
        mmu.Memory.Read(physical, destination[..length]);
        return true;
    }

    // How many low bits of an address may change without another answer.
    private int RegionBits(MmuFault fault) => (fault.Vector, fault.Reason) switch
    {
        // Canonical addresses come in halves.
        (ExceptionVector.GeneralProtection, _) => mmu.State.LinearWidth - 1,
        (_, FaultReason.NotPresent) => 12 + ((fault.Level - 1) * (mmu.Mode == PagingMode.TwoLevel ? 10 : 9)),
        _ => 12,
    };

    private static ulong BytesUpTo(ulong at, int regionBits)
    {
        ulong mask = (1UL << regionBits) - 1;
        return mask - (at & mask) + 1;
    }
}
