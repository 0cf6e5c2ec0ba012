using System.Diagnostics;
using FastMmu.Addresses;
using FastMmu.Cli.Images;
using FastMmu.Cli.Images.Judging;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;

namespace FastMmu.Cli.Report;

/// <summary>Takes a recorded guest apart.</summary>
internal static class GuestReporter
{
    /// <summary>Loads a guest, takes its page tables apart, compares all recorded answers and translates every page.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="cr3">Another address space than the running one.</param>
    /// <param name="quirks">Where its answerers deviate from the architecture.</param>
    /// <param name="mismatchesKept">How many mismatches are kept to be shown.</param>
    /// <param name="work">Told how far it is.</param>
    /// <exception cref="InputException">The folder cannot be used.</exception>
    public static GuestReport Examine(string path, ulong? cr3, ImageQuirks quirks, int mismatchesKept, LongWork work)
    {
        long start = Stopwatch.GetTimestamp();
        using RecordedGuest guest = RecordedGuest.Load(path, work);
        TimeSpan loadTime = Stopwatch.GetElapsedTime(start);

        start = Stopwatch.GetTimestamp();
        using var processor = GuestProcessor.Create(guest, cr3, cpl: null);
        PagingState state = processor.Mmu.State;
        bool paging = state.Mode != PagingMode.None;
        var view = paging ? new AddressSpaceView(guest.Memory, in state) : null;
        GuestLayout? layout = paging ? GuestLayout.Create(guest, in state) : null;
        AddressSpaceSummary? summary = view?.Summarize();
        List<RegionUse> regions = [];
        List<AreaUse> areas = [];
        if (view is not null && layout is not null) CountPages(view, layout, out regions, out areas);
        GuestDescriptorTable? gdt = GuestDescriptorTable.Read(processor, out string gdtProblem);
        TimeSpan walkTime = Stopwatch.GetElapsedTime(start);

        start = Stopwatch.GetTimestamp();
        GuestVerdict verdict = ImageJudge.Compare(guest, quirks, mismatchesKept, work);
        TimeSpan compareTime = Stopwatch.GetElapsedTime(start);

        // Translating sets accessed bits, which the recorded answers show: it comes last.
        IReadOnlyList<TranslationRun> translations = paging ? TranslatePages(guest, cr3, verdict) : [];
        return new()
        {
            Description = guest.Description,
            State = state,
            Segmentation = processor.Mmu.Segments.Mode,
            Gdt = gdt,
            GdtProblem = gdtProblem,
            Isolation = PageTableIsolation.Find(guest.Description, in state),
            Layout = layout,
            Spaces = paging ? CountSpaces(guest) : [],
            Summary = summary,
            Costs = view is null ? [] : TableCost.Of(view, pageLimit: GuestLayout.MostPages),
            CostsOfSmallPages = view is null ? [] : TableCost.Of(view, largePages: false, GuestLayout.MostPages),
            Regions = regions,
            Areas = areas,
            Translations = translations,
            Verdict = verdict,
            LoadTime = loadTime,
            WalkTime = walkTime,
            CompareTime = compareTime,
        };
    }

    private static List<SpaceUse> CountSpaces(RecordedGuest guest)
    {
        GuestDescription description = guest.Description;
        var spaces = new List<SpaceUse>();
        using Mmu mmu = guest.CreateMmu(ImageQuirks.PdpteAccessed);
        foreach (ulong cr3 in description.Spaces.Select(s => s.Cr3).Prepend(description.Cr3.Value).Distinct())
        {
            string name = description.ProcessOf(cr3).Process;
            if (!guest.TrySelect(mmu, cr3, ImageQuirks.PdpteAccessed, out string refusal))
            {
                spaces.Add(new(cr3, name, 0, 0, 0, refusal));
                continue;
            }

            PagingState state = mmu.State;
            if (PageTableIsolation.Find(description, in state) is PageTableIsolation isolation) name += isolation.IsUserHalf ? ", user half" : ", kernel half";
            AddressSpaceSummary summary = new AddressSpaceView(guest.Memory, in state).Summarize();
            ulong user = summary.Mapped.Where(k => k.Rights.HasFlag(Rights.User)).Aggregate(0UL, (sum, kind) => sum + kind.Bytes);
            spaces.Add(new(cr3, name, summary.Tables, summary.MappedBytes, user, ""));
        }

        return spaces;
    }

    private static IReadOnlyList<TranslationRun> TranslatePages(RecordedGuest guest, ulong? cr3, GuestVerdict verdict)
    {
        IReadOnlyList<TranslationRun> runs = PageTranslator.Run(guest, cr3);
        foreach (TranslationRun run in runs)
        {
            AnswerTally tally = verdict.Open($"pages, {run.Way}");
            tally.Checked = run.Pages;
            tally.Elapsed = run.First;
            tally.Remark = "translation against enumeration";
            if (run.Wrong == 0) continue;
            verdict.Refuse(tally, guest.Directory.Path, run.FirstWrong, "the enumerated address", "another");
            tally.Mismatched = run.Wrong;
        }

        return runs;
    }

    private static void CountPages(AddressSpaceView view, GuestLayout layout, out List<RegionUse> regions, out List<AreaUse> areas)
    {
        regions = [.. layout.Regions.Select(r => new RegionUse(r))];
        var unnamed = new RegionUse(new(0, ulong.MaxValue, "in no known region"));
        Dictionary<string, AreaUse> byName = NameAreas(layout);
        long left = GuestLayout.MostPages;
        int from = 0;
        foreach (MappedPage page in view.Pages())
        {
            if (left-- == 0) break;
            ulong first = page.Linear.Value, last = page.Range.Last.Value;
            while (from < regions.Count && regions[from].Region.Last < first) from++;
            bool named = false;
            // A large page may lie in several regions.
            for (int i = from; i < regions.Count && regions[i].Region.First <= last; i++)
            {
                Count(regions[i], in page, first, last);
                named = true;
            }

            if (!named) Count(unnamed, in page, first, last);
            if (layout.AreaOf(first) is MapsArea area) byName[NameOf(area)].Pages.Add(in page, page.Size.Bytes());
        }

        regions.RemoveAll(r => r.Pages.Bytes == 0);
        if (unnamed.Pages.Bytes > 0) regions.Add(unnamed);
        areas = [.. byName.Values];
    }

    private static void Count(RegionUse use, in MappedPage page, ulong first, ulong last)
    {
        ulong from = Math.Max(first, use.Region.First), to = Math.Min(last, use.Region.Last);
        use.Pages.Add(in page, to - from + 1);
        use.Touch(from, to);
    }

    private static Dictionary<string, AreaUse> NameAreas(GuestLayout layout)
    {
        var byName = new Dictionary<string, AreaUse>(StringComparer.Ordinal);
        foreach (MapsArea area in layout.Areas)
        {
            string name = NameOf(area);
            if (!byName.TryGetValue(name, out AreaUse? use)) byName.Add(name, use = new(name));
            use.Areas++;
            use.Bytes += area.End - area.Start;
            if (!use.Permissions.Contains(area.Permissions)) use.Permissions.Add(area.Permissions);
        }

        return byName;
    }

    private static string NameOf(MapsArea area) => area.Name.Length == 0 ? "anonymous" : area.Name;
}
