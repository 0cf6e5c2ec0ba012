using FastMmu.Linux.Areas;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Linux.Areas;

/// <summary>The tree against a plain list, over random programs on a family of forks.</summary>
public sealed unsafe class VmaTreeProperties
{
    private const int MostTrees = 6;

    [Fact]
    public void TreeEqualsList() => Prop.ForAll(TreeProgramGenerator.Programs(600), program =>
    {
        List<(VmaTree Tree, VmaList List)> family = [(new VmaTree(), new VmaList())];
        try
        {
            for (int i = 0; i < program.Steps.Count; i++)
            {
                Run(program.Steps[i], family);
                if (i % 32 == 0) Check(family);
            }

            Check(family);
        }
        finally
        {
            VmaNodePool pool = family[0].Tree.Pool;
            foreach ((VmaTree tree, _) in family) tree.Dispose();
            Assert.Equal(0, pool.LiveNodes);
        }
    }).Holds(120);

    [Fact]
    public void EveryReadingOfANodeFindsTheSameEntry() =>
        Prop.ForAll(EdgeRandom.Cases(random => (Ends: Ends(random), Address: random.Word()), _ => []), node =>
    {
        fixed (ulong* ends = node.Ends)
        {
            foreach (ulong address in node.Ends.SelectMany(end => new[] { end - 1, end, end + 1 }).Append(node.Address))
            {
                int expected = node.Ends.Count(end => end <= address);
                Assert.Equal(expected, VmaNode.FirstAboveScalar(ends, address));
                Assert.Equal(expected, VmaNode.FirstAbove256(ends, address));
                Assert.Equal(expected, VmaNode.FirstAbove512(ends, address));
            }
        }
    }).Holds(300);

    private static ulong[] Ends(EdgeRandom random)
    {
        ulong[] ends = new ulong[VmaNode.Capacity];
        int used = random.Between(0, ends.Length);
        for (int i = 0; i < ends.Length; i++) ends[i] = i < used ? random.Word() : ulong.MaxValue;
        Array.Sort(ends);
        return ends;
    }

    private static void Check(List<(VmaTree Tree, VmaList List)> family)
    {
        foreach ((VmaTree tree, VmaList list) in family)
        {
            VmaTreeInvariants.Check(tree);
            int i = 0;
            foreach (Vma area in tree) Assert.Equal(list.Areas[i++], area);
            Assert.Equal(list.Areas.Count, i);
        }

        VmaTreeInvariants.CheckReferences([.. family.Select(member => member.Tree)]);
    }

    private static void Run(TreeStep step, List<(VmaTree Tree, VmaList List)> family)
    {
        int number = step.Tree % family.Count;
        (VmaTree tree, VmaList list) = family[number];
        switch (step.Kind)
        {
            case TreeStepKind.Insert:
                Vma vma = Area(step.A, step.A + step.B, step.C);
                Refuses(!list.TryInsert(vma), () => tree.Insert(vma));
                break;
            case TreeStepKind.Remove:
                ulong start = Near(list, step.A);
                Refuses(!list.TryRemove(start), () => tree.Remove(start));
                break;
            case TreeStepKind.Replace:
                Replace(step, tree, list);
                break;
            case TreeStepKind.Find:
                Find(step.A, tree, list);
                break;
            case TreeStepKind.Gap:
                Assert.Equal(list.HighestGap(step.A, step.B, step.C), tree.TryFindHighestGap(step.A, step.B, step.C, out ulong high) ? high : null);
                Assert.Equal(list.LowestGap(step.A, step.B, step.C), tree.TryFindLowestGap(step.A, step.B, step.C, out ulong low) ? low : null);
                break;
            case TreeStepKind.Enumerate:
                Enumerate(step, tree, list);
                break;
            case TreeStepKind.Fork:
                if (family.Count < MostTrees) family.Add((tree.Fork(), list.Fork()));
                break;
            case TreeStepKind.Dispose:
                if (family.Count == 1) return;
                tree.Dispose();
                family.RemoveAt(number);
                return;
            case TreeStepKind.Clear:
                tree.Clear();
                list.Clear();
                break;
        }

        Assert.Equal(list.Areas.Count, tree.Count);
    }

    private static void Replace(TreeStep step, VmaTree tree, VmaList list)
    {
        ulong start = Near(list, step.A);
        Vma vma = list.Find(start) ?? Area(step.A, step.A + 1, 0);
        vma.Start += (step.B << 12) - 0x1000;
        vma.End += (step.C << 12) - 0x1000;
        vma.PageOffset++;
        Refuses(!list.TryReplace(start, vma), () => tree.Replace(start, vma));
    }

    private static void Find(ulong address, VmaTree tree, VmaList list)
    {
        foreach (ulong at in new[] { address, address - 1, address + 1, address })
        {
            Assert.Equal(list.Find(at), tree.TryFind(at, out Vma found) ? found : null);
            Assert.Equal(list.FindBefore(at), tree.TryFindBefore(at, out Vma before) ? before : null);
            Vma? exact = list.Find(at);
            Assert.Equal(exact?.Start == at ? exact : null, tree.TryFindExact(at, out Vma same) ? same : null);
        }
    }

    // With a change on the way: a removal of whatever is there.
    private static void Enumerate(TreeStep step, VmaTree tree, VmaList list)
    {
        ulong next = step.A << 12;
        foreach (Vma area in tree.EnumerateFrom(step.A << 12))
        {
            Assert.Equal(list.Find(next), area);
            next = area.End;
            if (step.B == 0 || area.Start < step.B << 12) continue;
            step = step with { B = 0 };
            ulong victim = Near(list, step.A);
            if (list.TryRemove(victim)) tree.Remove(victim);
        }

        Assert.Null(list.Find(next));
    }

    private static void Refuses(bool refused, Action call)
    {
        if (refused)
        {
            Assert.ThrowsAny<ArgumentException>(call);
        }
        else
        {
            call();
        }
    }

    // Mostly an area that is there; else nothing but a number.
    private static ulong Near(VmaList list, ulong page) => page % 8 == 0 ? page << 12 : list.Find(page << 12)?.Start ?? page << 12;

    private static Vma Area(ulong first, ulong end, ulong value) =>
        new() { Start = first << 12, End = end << 12, Flags = (VmFlags)value, PageOffset = value >> 3, File = (int)value, AnonVma = (int)(value >> 32) };
}
