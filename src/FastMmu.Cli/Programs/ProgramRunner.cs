using System.Diagnostics;
using FastMmu.Addresses;
using FastMmu.Cli.Report;
using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Linux.Physical;
using FastMmu.Linux.Proc;
using FastMmu.Memory;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu.Cli.Programs;

/// <summary>Executes a program up to its first instruction, touches every page of it, and translates every page that is mapped then.</summary>
internal static class ProgramRunner
{
    // What is left for tables and for what the page cache holds.
    private const long MostTouched = (long)(ProgramMachine.MemoryBytes >> 12) / 4 * 3;
    private const ulong PageBytes = 4096;

    /// <summary>Runs.</summary>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments, its name first.</param>
    /// <param name="profile">The kernel's release.</param>
    /// <param name="kernel">Which kernel.</param>
    /// <param name="aslr">Randomised addresses, or fixed ones.</param>
    /// <exception cref="InputException">It cannot be executed.</exception>
    public static ProgramReport Run(
        ProgramChoice program, IReadOnlyList<string> arguments, KernelProfile profile, KernelKind kernel, AslrSeed aslr)
    {
        WarmUp(kernel);
        using var machine = new ProgramMachine(program, arguments, profile, aslr, kernel);
        Linux.Mm.Task task = machine.Execute();
        TimeSpan execTime = machine.ExecTime;
        AddressSpace mm = task.Mm;
        MemoryStatus before = MemoryStatus.Of(mm);
        List<(Vma Vma, ulong Resident)> areas = Areas(mm);
        TouchCount touched = Touch(mm);
        MemoryStatus after = MemoryStatus.Of(mm);
        IReadOnlyList<TranslationRun> translations = Translate(mm, out IReadOnlyList<TableCost> costs);
        var report = new ProgramReport
        {
            Path = program.Path,
            Release = profile.Name,
            Architecture = kernel,
            Aslr = aslr,
            Comm = task.Comm,
            Bits = mm.Is32Bit ? 32 : 64,
            Places =
            [
                ("code", mm.StartCode, mm.EndCode), ("data", mm.StartData, mm.EndData), ("brk", mm.StartBrk, mm.CurrentBrk),
                ("arg", mm.ArgStart, mm.ArgEnd), ("env", mm.EnvStart, mm.EnvEnd),
            ],
            TaskSize = mm.TaskSize,
            MmapBase = mm.MmapBase,
            Registers = task.Registers,
            AuxiliaryVector = mm.AuxiliaryVector,
            Areas = [.. areas.Select(a => Describe(mm, a.Vma, a.Resident))],
            Before = before,
            After = after,
            Touched = touched,
            Costs = costs,
            Tables = (long)mm.Tables.Tables,
            Kernel = kernel.Half is null ? null : KernelPart.Of(machine, mm.Tables.Root),
            Zones = Zones(mm),
            Translations = translations,
            ExecTime = execTime,
        };
        task.Exit();
        return report;
    }

    // Times shall be those of optimised code: a small program is executed and touched a few times on a machine of its own.
    private static void WarmUp(KernelKind kernel)
    {
        const int Rounds = 40;
        using PhysicalMemory memory = PhysicalMemory.Create(64UL << 20);
        var machine = new LinuxMachine(memory) { Paging = kernel.Paging };
        machine.ExecSettings.Files = ProgramChoice.Sample(!kernel.Is64Bit).Files;
        for (int i = 0; i < Rounds; i++)
        {
            Linux.Mm.Task task = machine.Exec(SampleProgram.Path, [SampleProgram.Path]).Task;
            Touch(task.Mm);
            task.Exit();
        }
    }

    private static List<(Vma Vma, ulong Resident)> Areas(AddressSpace mm)
    {
        var areas = new List<(Vma, ulong)>();
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End) areas.Add((vma, mm.Tables.Count(vma).Rss));
        return areas;
    }

    private static ProgramArea Describe(AddressSpace mm, in Vma vma, ulong residentAtStart)
    {
        (ulong resident, ulong anonymous) = mm.Tables.Count(vma);
        return new ProgramArea(
            vma.Start, vma.End, VmFlagCodes.Permissions(vma.Flags), vma.File != 0 ? vma.PageOffset << 12 : 0, AreaNames.Of(mm, vma),
            VmFlagCodes.Text(vma.Flags), residentAtStart, resident, anonymous);
    }

    // The strongest access that an area allows, once in each page.
    private static TouchCount Touch(AddressSpace mm)
    {
        var refused = new SortedDictionary<string, long>(StringComparer.Ordinal);
        long pages = 0, mapped = 0, leftOut = 0;
        long start = Stopwatch.GetTimestamp();
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            Access access = (vma.Flags & VmFlags.Write) != 0 ? Access.Write : (vma.Flags & VmFlags.Exec) != 0 ? Access.Execute : Access.Read;
            long room = Math.Min((long)vma.Pages, MostTouched - pages);
            leftOut += (long)vma.Pages - room;
            pages += room;
            for (ulong page = vma.Start; page < vma.Start + ((ulong)room << 12); page += PageBytes)
            {
                if (mm.Tables.Peek(page).IsPresent) mapped++;
                FaultOutcome outcome = mm.Touch(page, access, out _);
                if (outcome.IsResolved) continue;
                string signal = outcome.Signal switch { FaultOutcome.Bus => "SIGBUS", FaultOutcome.Segv => "SIGSEGV", _ => "SIGKILL" };
                refused[signal] = refused.GetValueOrDefault(signal) + 1;
            }
        }

        return new TouchCount(pages, mapped, refused, Stopwatch.GetElapsedTime(start), leftOut);
    }

    // Where the pages lie that entries of the program show.
    private static List<(ZoneType Zone, long Pages)> Zones(AddressSpace mm)
    {
        var zones = new SortedDictionary<ZoneType, long>();
        foreach (UserPage page in mm.Tables.Pages(0, mm.TaskSize))
        {
            ZoneType zone = mm.Machine.Pages.ZoneOf(page.Physical.Value >> 12).Type;
            zones[zone] = zones.GetValueOrDefault(zone) + 1;
        }

        return [.. zones.Select(z => (z.Key, z.Value))];
    }

    private static IReadOnlyList<TranslationRun> Translate(AddressSpace mm, out IReadOnlyList<TableCost> costs)
    {
        PhysicalMemory memory = mm.Machine.Memory;
        if (mm.Machine.Paging == PagingMode.None)
        {
            costs = ProcessTables.OfPages(mm);
            return TranslateWithoutMmu(mm);
        }

        using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);
        using var walker = new Mmu(memory, ProcessorFeatures.Zen4, MmuOptions.Default with { Tlb = TlbPreset.None });
        mm.Attach(mmu);
        mm.Attach(walker);
        PagingState state = mmu.State;
        var view = new AddressSpaceView(memory, in state);
        var linear = new List<ulong>();
        var physical = new List<ulong>();
        // The program's own: the kernel's half is everybody's.
        foreach (MappedPage page in view.Pages(new LinearRange(0UL, mm.TaskSize)))
        {
            ulong offset = OffsetIn(linear.Count);
            linear.Add(page.Linear.Value + offset);
            physical.Add(page.Physical.Value + offset);
        }

        costs = ProcessTables.OfPages(mm);
        ulong[] addresses = [.. linear], expected = [.. physical];
        IReadOnlyList<TranslationRun> runs =
        [
            .. PageTranslator.Run(mmu, walker, addresses, expected, Privilege.User),
            PageTranslator.RunBatches("through a TLB, in batches", mmu, addresses, expected, Privilege.User),
        ];
        mm.Detach(mmu);
        mm.Detach(walker);
        return runs;
    }

    // What the TLB does not know it asks the areas and pages.
    private static IReadOnlyList<TranslationRun> TranslateWithoutMmu(AddressSpace mm)
    {
        using var user = new UserTranslator(mm);
        IReadOnlyList<UserPage> pages = mm.Tables.Pages(0, mm.TaskSize);
        ulong[] linear = new ulong[pages.Count], physical = new ulong[pages.Count];
        for (int i = 0; i < pages.Count; i++)
        {
            linear[i] = pages[i].Address + OffsetIn(i);
            physical[i] = pages[i].Physical.Value + OffsetIn(i);
        }

        return PageTranslator.Run(user.Tlb, linear, physical);
    }

    // Somewhere in the page, not always at its beginning.
    private static ulong OffsetIn(int page) => (0x9e37_79b9_7f4a_7c15 * (ulong)(page + 1)) & (PageBytes - 1);
}
