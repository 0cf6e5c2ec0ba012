using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>
/// Makes cases: page tables most of whose entries are legal, shared between paths and levels, in a few address spaces over few pages; and programs
/// that change them and do not always say so, so that what was cached and what is true differ much of the time.
/// </summary>
internal sealed class CaseGenerator
{
    private readonly ProcessorFeatures _features;
    private readonly ConformanceOptions _options;
    private readonly PagingMode[] _modes;

    public CaseGenerator(ProcessorFeatures features, ConformanceOptions options)
    {
        _features = features;
        _options = options;
        // The modes with most levels most often: more can go wrong there.
        PagingMode[] wanted =
        [
            PagingMode.FourLevel, PagingMode.FourLevel, PagingMode.FourLevel, PagingMode.FiveLevel, PagingMode.FiveLevel, PagingMode.Pae,
            PagingMode.Pae, PagingMode.TwoLevel, PagingMode.TwoLevel,
        ];
        _modes = [.. wanted.Where(features.Has)];
    }

    /// <summary>A case.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="number">The number of the case in it.</param>
    public ConformanceCase Make(ulong seed, long number)
    {
        // The numbers of a run are far apart in the stream that follows from its seed, and streams of other seeds cross it nowhere near.
        var random = new EdgeRandom(new EdgeRandom(seed).Next64() + ((ulong)number * 0xd134_2543_de82_ef95));
        PagingMode mode = random.OneIn(48) ? PagingMode.None : _modes[random.Below(_modes.Length)];
        PagingState state = RegisterChoice.State(random, mode, _features);
        state.Cpl = 0;
        TableRoom room = new(random, in state, _options.MemoryBytes);
        state.Cr3 = state.Cr3.Value | room.Root(0);

        bool still = !_options.Instructions || random.OneIn(3);
        IReadOnlyList<ulong> pages = still ? ScatteredPages(random, mode) : CloseTogether(random, mode);
        var builder = new TableBuilder(random, state, room.Table, room.Page);
        if (mode != PagingMode.None)
        {
            for (int root = 0; root < room.Roots; root++)
            {
                foreach (ulong page in pages) builder.Reach(room.Root(root), page);
            }

            if (random.OneIn(still ? 2 : 4)) builder.Bend(random.Between(1, 4), spareLevel: mode == PagingMode.Pae && !random.OneIn(8) ? 3 : 0);
        }

        var program = new ProgramGenerator(random, state, builder, room, pages);
        IReadOnlyList<ConformanceStep> steps = still ? program.Accesses(random.Between(6, 24)) : program.Steps(random.Between(8, 40));
        return new ConformanceCase(state, [.. builder.Words.Where(word => room.Holds(word.Address))], steps);
    }

    private static List<ulong> ScatteredPages(EdgeRandom random, PagingMode mode)
    {
        List<ulong> pages = [];
        for (int i = random.Between(2, 6); i > 0; i--) pages.Add(LinearGenerator.Page(random, mode));
        return pages;
    }

    // A few neighbours in one place or two, and in the same place 2 MiB further.
    private static List<ulong> CloseTogether(EdgeRandom random, PagingMode mode)
    {
        bool longMode = mode is PagingMode.FourLevel or PagingMode.FiveLevel;
        List<ulong> pages = [];
        for (int region = random.Between(1, 2); region > 0; region--)
        {
            ulong start = LinearGenerator.Page(random, mode) & ~0x3f_ffffUL;
            for (int page = random.Between(1, 4); page > 0; page--)
            {
                ulong linear = start + random.Pick<ulong>(0, 0, 0x20_0000) + (random.Pick<ulong>(0, 1, 2, 3, 511) << 12);
                pages.Add(longMode ? linear : (uint)linear);
            }
        }

        return pages;
    }
}
