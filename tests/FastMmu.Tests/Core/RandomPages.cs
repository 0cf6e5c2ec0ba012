using FastMmu.Paging;
using FastMmu.Processor;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Core;

/// <summary>Pages by address space, those behind taking the place of those they overlap; who changes one tells the TLBs.</summary>
internal sealed class RandomPages : ILinearTranslator
{
    private static readonly int[] Shifts = [12, 12, 12, 14, 16, 21, 22, 24, 30, 39];

    private readonly List<(int Space, ulong Start, SoftPage Page)> _pages = [];

    public Action<SoftTlb>? Asked { get; set; }

    public bool Exact { get; init; }

    public static ulong Place(Random random)
    {
        ulong[] places = [0, 0x5000, 0x1f_f000, 0x40_0000, 0x3fff_e000, 0x7f_ffff_f000, 0x7fff_ffff_f000, 0xffff_ffff_f000, 1UL << 60, ulong.MaxValue - 0xfff];
        return places[random.Next(places.Length)] + ((ulong)random.Next(3) << 12);
    }

    public void Add(int space, ulong linear, SoftPage page) => _pages.Add((space, linear, page));

    public void Map(Random random, int space, params ReadOnlySpan<SoftTlb> tlbs)
    {
        int shift = Shifts[random.Next(Shifts.Length)];
        ulong start = Place(random) >> shift << shift;
        bool global = random.Next(5) == 0;
        ulong physical = ((ulong)random.Next(16) << 12) + (shift > 20 ? 0 : (ulong)random.Next(8) << 20);
        Rights rights = Rights.Read | (random.Next(3) == 0 ? 0 : Rights.User) | (random.Next(2) == 0 ? Rights.Write : 0)
            | (random.Next(2) == 0 ? Rights.Execute : 0) | (global ? Rights.Global : 0);
        bool Overlaps((int Space, ulong Start, SoftPage Page) other) =>
            (other.Space == space || global || (other.Page.Rights & Rights.Global) != 0)
            && (other.Start ^ start) >> Math.Max(shift, other.Page.Shift) == 0;
        foreach ((int Space, ulong Start, SoftPage Page) gone in _pages.Where(Overlaps))
        {
            int how = random.Next(4);
            ulong any = gone.Start + ((ulong)random.NextInt64() & ((1UL << gone.Page.Shift) - 1));
            foreach (SoftTlb tlb in tlbs)
            {
                switch (how)
                {
                    case 0 when (gone.Page.Rights & Rights.Global) == 0: tlb.InvalidateAddressSpace(gone.Space); break;
                    case 1: tlb.InvalidateRange(gone.Start, 1UL << gone.Page.Shift, gone.Space); break;
                    case 2: tlb.InvalidateAll(); break;
                    default: tlb.InvalidatePage(any, gone.Space); break;
                }
            }
        }

        _pages.RemoveAll(Overlaps);
        if (random.Next(4) != 0) _pages.Add((space, start, new(physical, shift, rights, Cached: random.Next(8) != 0)));
    }

    public bool TryFind(int space, ulong linear, Access access, Privilege privilege, ulong regime, out SoftPage page)
    {
        page = default;
        foreach ((int owner, ulong start, SoftPage mapped) in _pages)
        {
            if ((owner != space && (mapped.Rights & Rights.Global) == 0) || (linear ^ start) >> mapped.Shift != 0) continue;
            // Regime 1 lets supervisors alone in.
            if (privilege == Privilege.User && ((mapped.Rights & Rights.User) == 0 || regime == 1)) return false;
            Rights needed = access switch { Access.Write => Rights.Write, Access.Execute => Rights.Execute, _ => Rights.Read };
            // Large pages show the same 16 MiB again and again.
            ulong offset = (linear - start) & (mapped.Shift > 20 ? (8 * MiB) - 1 : ulong.MaxValue);
            page = mapped with { Physical = new(mapped.Physical.Value + offset) };
            return (mapped.Rights & needed) != 0;
        }

        return false;
    }

    public bool TryTranslate(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page)
    {
        Asked?.Invoke(tlb);
        if (!Exact) return TryFind(tlb.AddressSpace, linear, access, privilege, tlb.Regime, out page);
        page = _pages[0].Page;
        return true;
    }
}
