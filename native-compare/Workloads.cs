using FastMmu.Addresses;

namespace FastMmu.NativeCompare;

/// <summary>What is measured.</summary>
internal static class Workloads
{
    private const int FewAddresses = 1 << 18;

    /// <summary>The names, in the order of the table, each with what makes its workload.</summary>
    /// <param name="quick">Whether fewer addresses will do.</param>
    public static IReadOnlyList<(string Name, Func<Workload> Create)> All(bool quick)
    {
        // Enough addresses that those of one round do not find the leaf entries of the round before in a cache.
        int many = quick ? 1 << 20 : 1 << 22;
        return
        [
            ("seq", () => new("seq", 4096, PageSize.Size4K, 0, Sequence(FewAddresses))),
            ("rand32", () => Random("rand32", 32, PageSize.Size4K, FewAddresses)),
            ("rand512", () => Random("rand512", 512, PageSize.Size4K, FewAddresses)),
            ("rand4k", () => Random("rand4k", 4096, PageSize.Size4K, FewAddresses)),
            ("rand256k", () => Random("rand256k", 1 << 18, PageSize.Size4K, many)),
            ("rand16m", () => Random("rand16m", 1 << 24, PageSize.Size4K, many)),
            ("large2m", () => Random("large2m", 1 << 15, PageSize.Size2M, many)),
            ("trace", () => new("trace", LackeyTrace.Read(TracePath()))),
            ("faults1pct", () => Random("faults1pct", 4096, PageSize.Size4K, FewAddresses, unmappedOneIn: 100)),
        ];
    }

    // One 8-byte word after the other.
    private static ulong[] Sequence(int count)
    {
        var addresses = new ulong[count];
        for (int i = 0; i < count; i++) addresses[i] = Workload.FirstLinear + ((ulong)i * 8);
        return addresses;
    }

    private static Workload Random(string name, ulong pages, PageSize size, int count, ulong unmappedOneIn = 0)
    {
        ulong state = 1;
        var addresses = new ulong[count];
        for (int i = 0; i < count; i++) addresses[i] = Workload.FirstLinear + (Next(ref state) & ((pages << size.Shift()) - 1));
        return new(name, pages, size, unmappedOneIn, addresses);
    }

    // SplitMix64: the same addresses on every machine and version.
    private static ulong Next(ref ulong state)
    {
        state += 0x9e37_79b9_7f4a_7c15;
        ulong z = (state ^ (state >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }

    private static string TracePath()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "tests", "data", "traces", "perl-hash.lackey.gz");
            if (File.Exists(path)) return path;
        }

        throw new FileNotFoundException("tests/data/traces/perl-hash.lackey.gz is in no folder above the program.");
    }
}
