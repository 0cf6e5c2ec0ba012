using FastMmu.Memory;
using FastMmu.Processor;
using FsCheck;

namespace FastMmu.Tests.Generators;

/// <summary>Machines that nobody would build.</summary>
internal static class HostileGenerator
{
    private const ulong Page = 0x1000;

    public static Arbitrary<HostileMachine> Machines(int steps) => EdgeRandom.Cases(random => Make(random, steps), Smaller);

    private static HostileMachine Make(EdgeRandom random, int steps)
    {
        IReadOnlyList<MemoryRange> ranges = Ranges(random);
        var kind = (MachineKind)random.Below(6);
        PagingState state = RegisterGenerator.State(random, kind);
        ulong physical = (1UL << state.Features.PhysicalAddressBits) - 1;
        ulong root = random.OneIn(8) ? random.Word() : random.Among(ranges).Start.Value + (random.Next64() & 0xf000);
        // Whatever CR3 may hold: also tables where there is no memory.
        state.Cr3 = state.Cr3.Value | (root & (state.Efer.Lma ? physical & ~0xfffUL : 0xffff_ffe0));
        var list = new HostileStep[steps];
        for (int i = 0; i < steps; i++) list[i] = Step(random);
        return new HostileMachine(ranges, random.Next64(), state, MmuChoice.Any(random), list);
    }

    private static List<MemoryRange> Ranges(EdgeRandom random)
    {
        List<MemoryRange> ranges = [];
        ulong[] places = [0, 0x20_0000 - Page, 0xffff_0000, 1UL << 32, (1UL << 40) - (2 * Page), 1UL << 40, (1UL << 52) - (16 * Page), random.Next64() & 0x000f_ffff_ffff_0000];
        Array.Sort(places);
        ulong free = 0;
        foreach (ulong place in places)
        {
            if (place < free || random.OneIn(3)) continue;
            ulong pages = Math.Min((ulong)random.Pick(1, 1, 2, 3, 16), ((1UL << 52) - place) / Page);
            ranges.Add(new MemoryRange(place, pages * Page, random.OneIn(6) ? MemoryKind.Rom : MemoryKind.Ram));
            free = place + (pages * Page);
        }

        if (ranges.Count == 0) ranges.Add(new MemoryRange(0x8000UL, Page));
        return ranges;
    }

    private static HostileStep Step(EdgeRandom random)
    {
        ulong first = Linear(random);
        int length = random.Pick(0, 1, 2, 8, 15, 4096, random.Between(1, 9000), random.Between(1, 9000), 70_000);
        return new HostileStep(
            (HostileVerb)random.Below(Enum.GetValues<HostileVerb>().Length), first, random.OneIn(2) ? random.Word() : random.Next64(), length,
            (Access)random.Below(5), (Privilege)random.Below(3));
    }

    private static ulong Linear(EdgeRandom random) => random.Below(6) switch
    {
        0 => random.Word(),
        1 => LinearGenerator.Page(random, PagingMode.FiveLevel) + LinearGenerator.Offset(random),
        2 => LinearGenerator.Page(random, PagingMode.FourLevel) + LinearGenerator.Offset(random),
        3 => (ulong)(long)(int)random.Next64(),
        _ => LinearGenerator.Page(random, PagingMode.TwoLevel) + LinearGenerator.Offset(random),
    };

    private static IEnumerable<HostileMachine> Smaller(HostileMachine machine)
    {
        foreach (IReadOnlyList<HostileStep> steps in Shrinking.Without(machine.Steps)) yield return machine with { Steps = steps };
        foreach (MmuChoice choice in machine.Choice.Smaller()) yield return machine with { Choice = choice };
        foreach (PagingState state in RegisterChoice.Smaller(machine.State)) yield return machine with { State = state };
        foreach (IReadOnlyList<HostileStep> steps in Shrinking.Each(machine.Steps, Simpler)) yield return machine with { Steps = steps };
    }

    private static IEnumerable<HostileStep> Simpler(HostileStep step)
    {
        if (step.Length > 1) yield return step with { Length = step.Length / 2 };
        foreach (ulong first in Shrinking.Bits(step.First)) yield return step with { First = first };
        foreach (ulong second in Shrinking.Bits(step.Second)) yield return step with { Second = second };
    }
}
