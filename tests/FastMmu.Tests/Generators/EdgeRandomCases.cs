using FsCheck;
using FsCheck.Fluent;

namespace FastMmu.Tests.Generators;

/// <summary>Random choices as FsCheck knows them: it chooses the number that they follow from, shrinks what was built, and prints its own seed.</summary>
internal static class EdgeRandomCases
{
    private static readonly Gen<ulong> s_seeds =
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        select ((ulong)high << 32) | (uint)low;

    extension(EdgeRandom)
    {
        /// <summary>Cases of any kind.</summary>
        /// <param name="make">Builds a case.</param>
        /// <param name="shrink">Smaller cases.</param>
        public static Arbitrary<T> Cases<T>(Func<EdgeRandom, T> make, Func<T, IEnumerable<T>> shrink) =>
            Arb.From(s_seeds.Select(seed => make(new EdgeRandom(seed))), shrink);
    }
}
