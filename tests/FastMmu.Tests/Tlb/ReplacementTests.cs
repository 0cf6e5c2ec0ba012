using System.Runtime.InteropServices;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Tlb;

public sealed unsafe class ReplacementTests
{
    public static TheoryData<int> Ways() => [1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 72, 96, 127, 128, 129, 250, 255];

    [Theory]
    [MemberData(nameof(Ways))]
    public void TrueLruEvictsTheWayThatAListHoldsLast(int ways)
    {
        var order = new List<int>(Enumerable.Range(0, ways).Reverse());
        Run<TrueLru>(ways, touch: way => { order.Remove(way); order.Insert(0, way); }, victim: () => order[^1]);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void TreePlruEvictsTheWayThatATreeOfObjectsPointsAt(int ways)
    {
        int leaves = 1;
        while (leaves < ways) leaves *= 2;
        var tree = new Node(0, leaves);
        Run<TreePlru>(ways, tree.Touch, () => tree.Victim(ways));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void TreePlruNeverEvictsTheWayTouchedLast(int ways)
    {
        if (ways == 1) return;
        int last = -1;
        Run<TreePlru>(ways, way => last = way, victim: null, chosen => Assert.NotEqual(last, chosen));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void RandomReplacementReachesEveryWayAndNoOther(int ways)
    {
        var seen = new int[ways];
        ulong random = 0x1234_5678_9abc_def1, again = random;
        for (int i = 0; i < ways * 64; i++)
        {
            int way = RandomReplacement.Victim(null, ways, ref random);
            seen[way]++;
            Assert.Equal(way, RandomReplacement.Victim(null, ways, ref again));
        }

        // 64 expected each; a fair source misses these bounds once in far more runs than there will be.
        Assert.All(seen, count => Assert.InRange(count, 16, 160 + (ways == 1 ? 64 : 0)));
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(ulong.MaxValue)]
    public void RandomTlb_OfOneSeed_EvictsTheSame(ulong seed)
    {
        using TranslationCache first = TranslationCache.Create<TinyTlb>(ReplacementKind.Random, seed: seed);
        using TranslationCache second = TranslationCache.Create<TinyTlb>(ReplacementKind.Random, seed: seed);
        using TranslationCache other = TranslationCache.Create<TinyTlb>(ReplacementKind.Random, seed: seed ^ 0x55);
        for (ulong page = 0; page < 100; page++)
        {
            var entry = new TlbEntry(page << 12, page << 12, FastMmu.Addresses.PageSize.Size4K, 0, 3);
            first.Insert(in entry, TlbAccess.Data);
            second.Insert(in entry, TlbAccess.Data);
            other.Insert(in entry, TlbAccess.Data);
        }

        Assert.Equal(first.Contents(), second.Contents());
        Assert.NotEqual(first.Contents(), other.Contents());
    }

    private static void Run<TPolicy>(int ways, Action<int> touch, Func<int>? victim, Action<int>? check = null)
        where TPolicy : struct, IReplacementPolicy
    {
        // One byte more than asked for, to see that it stays as it is.
        int bytes = TPolicy.StateBytes(ways);
        byte* state = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + 8, 64);
        try
        {
            *(ulong*)(state + bytes) = 0xa5a5_a5a5_a5a5_a5a5;
            TPolicy.Initialize(state, ways);
            var random = new Random(ways);
            ulong chance = 1;
            for (int i = 0; i < 2000; i++)
            {
                // Mostly hits on a few ways, as programs do, sometimes a replacement.
                int way = random.Next(3) == 0 ? TPolicy.Victim(state, ways, ref chance) : random.Next(random.Next(2) == 0 ? ways : Math.Min(ways, 5));
                TPolicy.Touch(state, ways, way);
                touch(way);
                int chosen = TPolicy.Victim(state, ways, ref chance);
                if (victim != null) Assert.Equal(victim(), chosen);
                check?.Invoke(chosen);
            }

            Assert.Equal(0xa5a5_a5a5_a5a5_a5a5, *(ulong*)(state + bytes));
        }
        finally
        {
            NativeMemory.AlignedFree(state);
        }
    }

    /// <summary>A node over the ways from <c>first</c> on; it remembers which half was touched less lately.</summary>
    private sealed class Node(int first, int count)
    {
        private readonly Node? _left = count > 1 ? new Node(first, count / 2) : null;
        private readonly Node? _right = count > 1 ? new Node(first + (count / 2), count / 2) : null;
        private bool _victimIsRight;

        public void Touch(int way)
        {
            if (count == 1) return;
            bool isRight = way >= first + (count / 2);
            _victimIsRight = !isRight;
            (isRight ? _right : _left)!.Touch(way);
        }

        public int Victim(int ways)
        {
            if (count == 1) return first;
            bool right = _victimIsRight && first + (count / 2) < ways;
            return (right ? _right : _left)!.Victim(ways);
        }
    }
}
