using FastMmu.Processor;

namespace FastMmu.Reference.Vectors;

/// <summary>Moves the tables of recorded rows into a memory that has no place where they were recorded.</summary>
internal sealed class MovedTables(ulong memoryBytes)
{
    private const ulong PageOffset = 0xfff;
    private readonly List<(ulong From, ulong To)> _pages = [];
    private ulong _addressBits;

    /// <summary>The row with its tables below the end of memory; the same where they lie there already.</summary>
    /// <param name="row">The row.</param>
    public PagingVector Move(PagingVector row)
    {
        _pages.Clear();
        bool moves = false;
        foreach (TableWord word in row.Words) moves |= Place(word.Address);
        if (!moves) return row;

        // Bits above the width are not part of the address: they are reserved, and a row may be about them.
        _addressBits = ((1UL << row.State.Features.PhysicalAddressBits) - 1) & ~PageOffset;
        if (row.State.Mode == PagingMode.TwoLevel) _addressBits &= uint.MaxValue;
        PagingState state = row.State;
        state.Cr3 = Led(state.Cr3.Value, row.Words[^row.Entries.Count].Address);
        var entries = new PagingVectorEntry[row.Entries.Count];
        for (int i = 0; i < entries.Length; i++)
        {
            PagingVectorEntry entry = row.Entries[i];
            ulong? next = i + 1 < entries.Length ? row.Entries[i + 1].Table : null;
            entries[i] = entry with { Table = Moved(entry.Table), Before = Led(entry.Before, next), After = Led(entry.After, next) };
        }

        int others = row.Words.Count - entries.Length;
        var words = new TableWord[row.Words.Count];
        for (int i = 0; i < others; i++) words[i] = row.Words[i] with { Address = Moved(row.Words[i].Address) };
        for (int i = 0; i < entries.Length; i++)
        {
            words[others + i] = row.Words[others + i] with { Address = entries[i].Address, Value = entries[i].Before };
            // The PDPTE of the path is among the four of the table.
            for (int j = 0; j < others; j++) words[j] = words[j].Address == words[others + i].Address ? words[others + i] : words[j];
        }

        ulong? directory = entries.Length > 1 ? row.Entries[1].Table : null;
        return row with
        {
            State = state,
            Entries = entries,
            Words = words,
            Edit = row.Edit is { } edit ? edit with { Address = Moved(edit.Address), Value = Led(edit.Value, directory) } : null,
            Reload = row.Reload is { Kind: MmuInstructionKind.WriteCr3 } reload ? reload with { Operand = Led(reload.Operand, row.Words[0].Address) } : row.Reload,
        };
    }

    // A page keeps its number modulo those that there are, so that all bits of an address come to be used.
    private bool Place(ulong address)
    {
        ulong page = address & ~PageOffset;
        foreach ((ulong from, _) in _pages)
        {
            if (from == page) return false;
        }

        ulong to = page % memoryBytes;
        while (_pages.Exists(other => other.To == to)) to = (to + PageOffset + 1) % memoryBytes;
        _pages.Add((page, to));
        return to != page;
    }

    private ulong Moved(ulong address) => _pages.Find(page => page.From == (address & ~PageOffset)).To | (address & PageOffset);

    // An entry that leads to the next table leads to where it lies now.
    private ulong Led(ulong entry, ulong? table)
    {
        if (table is not { } at || ((entry ^ at) & _addressBits) != 0) return entry;
        return (entry & ~_addressBits) | (Moved(at) & _addressBits);
    }
}
