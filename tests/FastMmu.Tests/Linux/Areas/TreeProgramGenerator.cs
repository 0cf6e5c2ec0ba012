using FastMmu.Tests.Generators;
using FsCheck;

namespace FastMmu.Tests.Linux.Areas;

/// <summary>
/// Programs that fill a few hundred pages with areas until nodes split on three levels, and empty them again; over stretches in one direction,
/// as mmap goes, and anywhere.
/// </summary>
internal static class TreeProgramGenerator
{
    private const int Pages = 2048;

    public static Arbitrary<TreeProgram> Programs(int steps) => EdgeRandom.Cases(random => Make(random, steps), Smaller);

    private static TreeProgram Make(EdgeRandom random, int steps)
    {
        List<TreeStep> list = [];
        while (list.Count < steps)
        {
            int stretch = random.Between(1, steps / 3), direction = random.Pick(0, 0, 1, -1);
            bool grows = !random.OneIn(3);
            ulong cursor = (ulong)random.Below(Pages);
            for (int i = 0; i < stretch && list.Count < steps; i++)
            {
                cursor = direction == 0 ? (ulong)random.Below(Pages) : cursor + (ulong)(long)direction;
                list.Add(Step(random, grows, cursor));
            }
        }

        return new TreeProgram(list);
    }

    private static TreeStep Step(EdgeRandom random, bool grows, ulong page)
    {
        int tree = random.OneIn(3) ? random.Below(8) : 0;
        ulong length = random.OneIn(4) ? (ulong)random.Below(12) : 1;
        return random.Below(100) switch
        {
            < 60 => new TreeStep(grows ? TreeStepKind.Insert : TreeStepKind.Remove, tree, page, length, random.Next64()),
            < 68 => new TreeStep(grows ? TreeStepKind.Remove : TreeStepKind.Insert, tree, page, length, random.Next64()),
            < 76 => new TreeStep(TreeStepKind.Replace, tree, page, (ulong)random.Below(4), (ulong)random.Below(4)),
            < 82 => new TreeStep(TreeStepKind.Find, tree, random.OneIn(5) ? random.Word() : page << 12, 0, 0),
            < 92 => new TreeStep(TreeStepKind.Gap, tree, Edge(random), Edge(random), random.OneIn(6) ? random.Word() : (ulong)random.Below(8) << 12),
            < 94 => new TreeStep(TreeStepKind.Enumerate, tree, page, random.OneIn(2) ? 0UL : (ulong)random.Below(Pages), 0),
            < 97 => new TreeStep(TreeStepKind.Fork, tree, 0, 0, 0),
            < 99 => new TreeStep(TreeStepKind.Dispose, tree, 0, 0, 0),
            _ => new TreeStep(random.OneIn(3) ? TreeStepKind.Clear : TreeStepKind.Find, tree, page << 12, 0, 0),
        };
    }

    private static ulong Edge(EdgeRandom random) => random.OneIn(5) ? random.Word() : (ulong)random.Below(Pages) << 12;

    private static IEnumerable<TreeProgram> Smaller(TreeProgram program) =>
        Shrinking.Without(program.Steps).Select(steps => new TreeProgram(steps));
}
