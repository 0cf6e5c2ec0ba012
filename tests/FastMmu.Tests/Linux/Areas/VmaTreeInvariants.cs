using FastMmu.Linux.Areas;
using Xunit;

namespace FastMmu.Tests.Linux.Areas;

/// <summary>What holds in every node of a tree, between any two calls.</summary>
internal static unsafe class VmaTreeInvariants
{
    private const int FewestEntries = 5;

    /// <summary>Checks the nodes of one tree.</summary>
    public static void Check(VmaTree tree)
    {
        int areas = 0;
        ulong end = 0;
        if (tree.Root != null)
        {
            if (tree.Root->Level > 0) Assert.True(tree.Root->Count > 1, "An inner root has one child.");
            Check(tree.Root, isFirst: true, isLast: true, ref areas, ref end);
        }

        Assert.Equal(tree.Count, areas);
    }

    /// <summary>Checks that the trees of one family hold each node as often as it says, and that no other node lives.</summary>
    public static void CheckReferences(IReadOnlyCollection<VmaTree> family)
    {
        Dictionary<nint, int> references = [];
        foreach (VmaTree tree in family)
        {
            if (tree.Root != null) Count(tree.Root, references);
        }

        foreach ((nint node, int count) in references) Assert.Equal(count, ((VmaNode*)node)->References);
        int spares = family.Sum(tree => tree.SpareNodes);
        Assert.Equal(references.Count + spares, family.First().Pool.LiveNodes);
    }

    private static void Count(VmaNode* node, Dictionary<nint, int> references)
    {
        bool known = references.TryGetValue((nint)node, out int count);
        references[(nint)node] = count + 1;
        if (known || node->Level == 0) return;
        for (int i = 0; i < node->Count; i++) Count(VmaNode.Children(node)[i], references);
    }

    private static void Check(VmaNode* node, bool isFirst, bool isLast, ref int areas, ref ulong end)
    {
        Assert.InRange(node->Count, isFirst || isLast ? 1 : FewestEntries, VmaNode.Capacity);
        for (int i = node->Count; i < VmaNode.Capacity; i++) Assert.Equal(ulong.MaxValue, node->Ends[i]);
        for (int i = 0; i < node->Count; i++)
        {
            if (node->Level == 0)
            {
                Vma area = VmaNode.Areas(node)[i];
                Assert.Equal((area.Start, area.End), (node->Starts[i], node->Ends[i]));
                Assert.True(end <= area.Start && area.Start < area.End, $"The area at {area.Start:x} begins below {end:x}, or is empty.");
                end = area.End;
                areas++;
                continue;
            }

            VmaNode* child = VmaNode.Children(node)[i];
            Assert.Equal(node->Level - 1, child->Level);
            int before = areas;
            Check(child, isFirst && i == 0, isLast && i == node->Count - 1, ref areas, ref end);
            Assert.True(areas > before);
            Assert.Equal(child->Starts[0], node->Starts[i]);
            Assert.Equal(end, node->Ends[i]);
            Assert.Equal(LargestGap(child), VmaNode.Gaps(node)[i]);
        }
    }

    private static ulong LargestGap(VmaNode* node)
    {
        ulong end = node->Starts[0], largest = 0;
        Measure(node, ref end, ref largest);
        return largest;
    }

    private static void Measure(VmaNode* node, ref ulong end, ref ulong largest)
    {
        for (int i = 0; i < node->Count; i++)
        {
            if (node->Level > 0)
            {
                Measure(VmaNode.Children(node)[i], ref end, ref largest);
                continue;
            }

            largest = Math.Max(largest, node->Starts[i] - end);
            end = node->Ends[i];
        }
    }
}
