using FastMmu.Cli.MmTraces;
using FastMmu.Tests.Generators;
using FsCheck;
using static FastMmu.Cli.MmTraces.TraceCall;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>
/// Random programs of memory calls. Their addresses lie around a few places, at the edges of pages and of the address space, so that calls
/// meet each other's areas; their lengths are a few pages, or absurd. The processes are those that the recorded traces start with.
/// </summary>
internal static class MmProgramGenerator
{
    private const ulong Page = 0x1000;
    private const int Window = 24;
    private const int MostProcesses = 3;
    private const ulong AnyDescriptor = ulong.MaxValue;

    // Nothing that is populated may be larger: the pages are really there.
    private const ulong MostPopulated = 64;

    private const ulong MostLocked = 16UL << 20;

    // What a program may do that makes pages for whatever it maps.
    private const uint Populating = ReferenceMm.MapPopulate | ReferenceMm.MapLocked;

    private static readonly Lazy<IReadOnlyList<TraceHeader>> s_starts = new(ReadStarts);

    private static readonly ulong[] s_protections = [0, 1, 1, 3, 3, 3, 3, 3, 5, 7, 2, 4, 6, 8, 0x10, 0xf0];

    private static readonly uint[] s_flags =
    [
        ReferenceMm.MapFixed, ReferenceMm.MapFixed, ReferenceMm.MapFixed, ReferenceMm.MapFixedNoReplace, ReferenceMm.MapNoReserve,
        ReferenceMm.MapGrowsDown, ReferenceMm.MapLocked, ReferenceMm.MapPopulate, ReferenceMm.MapStack, ReferenceMm.Map32Bit, ReferenceMm.MapAbove4G,
        ReferenceMm.MapSync, ReferenceMm.MapNonBlock,
    ];

    public static Arbitrary<MmProgram> Programs(int calls, bool forks) => EdgeRandom.Cases(random => Make(random, calls, forks), Smaller);

    private static List<TraceHeader> ReadStarts()
    {
        List<TraceHeader> starts = [];
        foreach (string level in new[] { "level2", "level4", "level6" })
        {
            using TraceReader reader = TraceReader.Open(RepositoryRoot.Data("mm", $"{level}.jsonl.gz"));
            while (reader.ReadNext() is { } trace) starts.Add(trace.Header);
        }

        return starts;
    }

    private static MmProgram Make(EdgeRandom random, int calls, bool forks)
    {
        TraceHeader start = random.Among(s_starts.Value);
        ulong[] places = Places(random, start);
        List<MmCall> list = [];
        int processes = 1;
        while (list.Count < calls)
        {
            int process = random.Below(processes);
            if (forks && random.OneIn(30))
            {
                list.Add(processes > 1 && random.OneIn(2) ? new MmCall(process, Exit, []) : new MmCall(process, Fork, []));
                processes = MostProcesses;
                continue;
            }

            list.Add(Call(random, process, places, start));
        }

        return new MmProgram(start, list);
    }

    // Some of the places where things are or will be, so that a program comes back to them.
    private static ulong[] Places(EdgeRandom random, TraceHeader start)
    {
        ulong stack = start.Areas[^1].Start;
        ulong[] all =
        [
            0x1000_0000, 0x1000_0000, 0x3000_0000, start.Mm.StartBrk - (8 * Page), start.Mm.StartBrk, start.MmapBase - (20 * Page),
            stack - (12 * Page), stack - (262 * Page), start.Areas[^2].End - (12 * Page), start.TaskSize - (8 * Page), 0, 0x4000_0000,
        ];
        return [all[0], .. Enumerable.Range(0, 3).Select(_ => random.Among(all))];
    }

    private static ulong Address(EdgeRandom random, ulong[] places) => random.Below(40) switch
    {
        0 => random.Word(),
        1 => random.Word() & ~(Page - 1),
        2 => random.Among(places) + ((ulong)random.Below(Window) * Page) + random.Pick(1UL, 0x800UL, 0xfffUL),
        _ => random.Among(places) + ((ulong)random.Below(Window) * Page),
    };

    private static ulong Length(EdgeRandom random) => random.Below(40) switch
    {
        0 => 0,
        1 => random.Word(),
        2 => random.Pick(1UL << 21, 1UL << 22, (1UL << 21) + Page, 1UL << 40, 1UL << 46, ~(Page - 1), ulong.MaxValue),
        3 or 4 => ((ulong)random.Below(8) * Page) + random.Pick(1UL, 0x123UL, 0xfffUL),
        _ => (ulong)random.Between(1, 10) * Page,
    };

    private static ulong SmallLength(EdgeRandom random)
    {
        ulong length = Length(random);
        return length > MostPopulated * Page ? length % (MostPopulated * Page) : length;
    }

    private static MmCall Call(EdgeRandom random, int process, ulong[] places, TraceHeader start)
    {
        ulong address = Address(random, places);
        switch (random.Below(100))
        {
            case < 8:
                return new(process, Brk, [random.OneIn(8) ? address : start.Mm.StartBrk + ((ulong)random.Below(Window) * Page) + (ulong)random.Pick(0, 0, 1, 0xfff)]);
            case < 32:
                return MapCall(random, process, address);
            case < 42:
                return new(process, Munmap, [address, Length(random)]);
            case < 54:
                return new(process, Mprotect, [address, Length(random), Protection(random)]);
            case < 64:
                return RemapCall(random, process, address, places);
            case < 73:
                return Advise(random, process, address);
            case < 77:
                return new(process, Mlock, [address, SmallLength(random)]);
            case < 79:
                return new(process, Mlock2, [address, SmallLength(random), (ulong)random.Below(3)]);
            case < 81:
                return new(process, Munlock, [address, Length(random)]);
            case < 82:
                // Whoever may lock everything would fill the machine with the next absurd length.
                bool all = start.HasCapabilities || start.MemLock.Hard > MostLocked;
                return all || random.OneIn(2) ? new(process, Munlockall, []) : new(process, Mlockall, [(ulong)random.Below(9)]);
            case < 84:
                return new(process, Msync, [address, Length(random), (ulong)random.Below(8)]);
            case < 86:
                return new(process, Mincore, [address, SmallLength(random)]);
            case < 87:
                return new(process, Mseal, [address, SmallLength(random), random.OneIn(8) ? 1UL : 0]);
            case < 88:
                return new(process, RemapFilePages, [address, SmallLength(random), random.OneIn(8) ? 1UL : 0, (ulong)random.Below(6), 0]);
            case < 90:
                return random.OneIn(5) ? new(process, Prctl, [(ulong)random.Pick(65, 65, 65, 66), (ulong)random.Below(5), random.OneIn(9) ? 1UL : 0]) : Limit(random, process);
            default:
                return new(process, Touch, [address + (ulong)random.Pick(0, 0, 0x10, 0xfff), random.Pick('r', 'w', 'w', 'x'), 0x91]);
        }
    }

    private static ulong Protection(EdgeRandom random) => random.OneIn(12)
        ? random.Among(s_protections) | random.Pick(0x100_0000UL, 0x200_0000UL, 0x300_0000UL)
        : random.Among(s_protections);

    private static MmCall MapCall(EdgeRandom random, int process, ulong address)
    {
        uint flags = random.Below(10) switch { 0 => (uint)random.Below(16), < 3 => ReferenceMm.MapShared, _ => ReferenceMm.MapPrivate };
        bool file = random.OneIn(4);
        if (!file) flags |= ReferenceMm.MapAnonymous;
        for (int i = random.Below(3); i > 0; i--) flags |= random.Among(s_flags);
        // The reference knows no hugetlbfs: anonymous memory is asked for huge pages of a size that no processor has.
        if (random.OneIn(50)) flags |= random.Pick(file ? ReferenceMm.MapHugeTlb : ReferenceMm.MapHugeTlb | (0x10U << 26), 0x800_0000U, 0x10U << 26);
        ulong length = (flags & Populating) != 0 ? SmallLength(random) : Length(random);
        ulong descriptor = file ? (ulong)random.Between(3, 14) : random.OneIn(4) ? (ulong)random.Between(3, 14) : AnyDescriptor;
        ulong offset = random.Below(12) switch { 0 => random.Word(), 1 => random.Word() & ~(Page - 1), _ => (ulong)random.Below(20) * Page };
        ulong at = random.OneIn(4) && (flags & ReferenceMm.MapFixed) == 0 ? 0 : address;
        return new(process, Mmap, [at, length, random.Among(s_protections), flags, descriptor, file || random.OneIn(8) ? offset : 0]);
    }

    private static MmCall RemapCall(EdgeRandom random, int process, ulong address, ulong[] places)
    {
        ulong oldLength = random.OneIn(12) ? Length(random) : (ulong)random.Below(6) * Page;
        ulong newLength = random.OneIn(2) ? oldLength : SmallLength(random);
        ulong flags = random.Below(8) switch { 0 => (ulong)random.Below(16), < 3 => 1, < 6 => 3, 6 => 5, _ => 7 };
        return new(process, Mremap, [address, oldLength, newLength, flags, Address(random, places)]);
    }

    private static MmCall Advise(EdgeRandom random, int process, ulong address)
    {
        int advice = random.OneIn(30) ? random.Between(-1, 120) : random.Pick(0, 1, 2, 4, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 23, 24, 102, 103);
        // Poisoning pages is for administrators of machines that can do it.
        if (advice is 100 or 101) advice = 99;
        return new(process, Madvise, [address, SmallLength(random), (ulong)(long)advice]);
    }

    private static MmCall Limit(EdgeRandom random, int process)
    {
        ulong resource = (ulong)random.Pick(ReferenceMm.LimitData, ReferenceMm.LimitStack, ReferenceMm.LimitMemlock, ReferenceMm.LimitAddressSpace);
        // No more than can be populated without filling the machine.
        ulong most = resource == ReferenceMm.LimitMemlock ? MostPopulated : 1UL << 30;
        ulong soft = random.Below(4) switch
        {
            0 => 0,
            1 when most > MostPopulated => ulong.MaxValue,
            2 when most > MostPopulated => (ulong)random.Below(400) * Page,
            _ => (ulong)random.Below((int)MostPopulated) * Page,
        };
        ulong hard = random.OneIn(4) ? soft : random.OneIn(8) ? 0UL : ulong.MaxValue;
        return new(process, Setrlimit, [resource, soft, hard]);
    }

    private static IEnumerable<MmProgram> Smaller(MmProgram program)
    {
        foreach (IReadOnlyList<MmCall> calls in Shrinking.Without(program.Calls)) yield return program with { Calls = calls };
        foreach (TraceHeader start in s_starts.Value.Take(1).Where(start => start != program.Start)) yield return program with { Start = start };
        foreach (IReadOnlyList<MmCall> calls in Shrinking.Each(program.Calls, Simpler)) yield return program with { Calls = calls };
    }

    private static IEnumerable<MmCall> Simpler(MmCall call)
    {
        if (call.Process != 0) yield return call with { Process = 0 };
        for (int i = 0; i < call.Arguments.Count; i++)
        {
            // Letters, and the numbers of limits, have no smaller form.
            if ((call.Call == Touch && i == 1) || (call.Call == Setrlimit && i == 0)) continue;
            foreach (ulong bits in Shrinking.Bits(call.Arguments[i]).Reverse().Take(20))
            {
                ulong[] arguments = [.. call.Arguments];
                arguments[i] = bits;
                yield return call with { Arguments = arguments };
            }
        }
    }
}
