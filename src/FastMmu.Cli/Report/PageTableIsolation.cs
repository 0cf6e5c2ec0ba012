using FastMmu.Cli.Images;
using FastMmu.Processor;

namespace FastMmu.Cli.Report;

/// <summary>Linux's kernel page-table isolation: a process has two top-level tables, and CR3 holds the poorer one while user code runs.</summary>
/// <param name="IsUserHalf">Whether the address space that was looked into is the user half.</param>
/// <param name="OtherCr3">CR3 of the other half.</param>
internal sealed record PageTableIsolation(bool IsUserHalf, ulong OtherCr3)
{
    // The two top-level tables are neighbours, the kernel's first (PTI_PGTABLE_SWITCH_BIT in arch/x86/include/asm/processor-flags.h).
    private const ulong SwitchBit = 0x1000;

    /// <summary>Finds the other half.</summary>
    /// <param name="description">The guest.</param>
    /// <param name="state">The registers.</param>
    public static PageTableIsolation? Find(GuestDescription description, in PagingState state)
    {
        if (state.Mode is not (PagingMode.Pae or PagingMode.FourLevel or PagingMode.FiveLevel)) return null;
        ulong own = state.Cr3.Value & ~0xfffUL;
        ulong other = own ^ SwitchBit;
        bool known = (description.Cr3.Value & ~0xfffUL) == other
            || description.Spaces.Any(s => (s.Cr3 & ~0xfffUL) == other && s.Pids.Count > 0);
        if (!known || !SharesProcess(description, own, other)) return null;
        return new((own & SwitchBit) != 0, other);
    }

    // Neighbours by accident belong to different processes.
    private static bool SharesProcess(GuestDescription description, ulong own, ulong other)
    {
        IReadOnlyList<int> first = PidsOf(description, own), second = PidsOf(description, other);
        return first.Any(second.Contains);
    }

    private static IReadOnlyList<int> PidsOf(GuestDescription description, ulong root) =>
        (description.Cr3.Value & ~0xfffUL) == root
            ? description.RunningPids
            : description.Spaces.FirstOrDefault(s => (s.Cr3 & ~0xfffUL) == root)?.Pids ?? [];
}
