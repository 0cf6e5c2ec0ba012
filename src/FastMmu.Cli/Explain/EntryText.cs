using FastMmu.Paging.Entries;
using FastMmu.Paging.Modes;
using FastMmu.Processor;

namespace FastMmu.Cli.Explain;

/// <summary>A paging-structure entry in words.</summary>
internal static class EntryText
{
    /// <summary>What an entry says.</summary>
    /// <param name="state">Registers and features: they decide which bits mean what.</param>
    /// <param name="level">Level of the entry, 1 to 5.</param>
    /// <param name="raw">The entry.</param>
    /// <param name="linux">Whether Linux made it, so that what it keeps in entries that are not present can be read.</param>
    public static string Describe(in PagingState state, int level, ulong raw, bool linux)
    {
        EntryReading reading = EntryReading.Of(in state, level, raw);
        if (reading.Present || raw == 0 || !linux) return reading.Describe();
        if ((raw & EntryBits.Global) == 0) return "not present; Linux keeps a swapped-out page or the like here";
        // The frame is stored inverted in entries of 8 bytes, so that speculation past P=0 (L1TF) finds no memory there.
        bool narrow = state.Mode == PagingMode.TwoLevel;
        ulong frame = (narrow ? raw & EntryBits.Frame32 : ~raw & EntryBits.Frame64) & ~((1UL << TableNames.Shift(state.Mode, level)) - 1);
        return $"not present; Linux keeps a page without rights (PROT_NONE) here, frame 0x{frame:x}{(narrow ? "" : " stored inverted")}";
    }
}
