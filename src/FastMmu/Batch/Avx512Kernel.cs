using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FastMmu.Paging.Modes;
using FastMmu.Tlb;

namespace FastMmu.Batch;

/// <summary>
/// Two vectors of eight addresses. A group whose addresses lie in one page costs one probe and a blend. No method is called in the loops:
/// all constants would leave their registers. They are compiled once, without a profile, and never into their callers: with tiers,
/// the same loop came out three to five times slower in every third process on a busy machine.
/// </summary>
internal readonly unsafe struct Avx512Kernel : IBatchKernel
{
    private const int Group = IBatchKernel.Group;
    private const byte Xor3 = 0x96;
    private const byte AndOr = 0xea;    // (a & b) | c
    private const byte OrAnd = 0xa8;    // (a | b) & c
    private const byte OrXor = 0xf6;    // a | (b ^ c)
    private const byte AndXor = 0x6a;   // (a & b) ^ c
    private const byte NotAlike = 0x7e; // (a ^ c) | (b ^ c)

    public static bool IsSupported => Avx512F.IsSupported && Avx512DQ.IsSupported && Bmi1.X64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static int ProbeGroups(ulong* linear, ulong* physical, int groups, in ProbeState probe, out uint missed)
    {
        Vector512<ulong> key = Vector512.Create(probe.Key);
        Vector512<ulong> bias = Vector512.Create(probe.SignBias);
        Vector512<ulong> sign = Vector512.Create(probe.SignMask);
        Vector512<ulong> tagMask = Vector512.Create(ulong.MaxValue << PackedTable.FrameBits);
        Vector512<ulong> pageMask = Vector512.Create(probe.PageMask);
        Vector512<ulong> offsetMask = Vector512.Create(0xfffUL);
        ulong* table = probe.Table;
        ushort control = probe.Control;
        uint notFound = 0;
        int group = 0;
        while (group < groups)
        {
            Vector512<ulong> v0 = Vector512.Load(linear), v1 = Vector512.Load(linear + 8);
            Vector512<ulong> first = Vector512.Create(*linear);
            Vector512<ulong> away = Avx512F.TernaryLogic(v0 ^ first, v1, first, OrXor);
            if ((away & pageMask) == Vector512<ulong>.Zero)
            {
                if (ScalarKernel.Probe(*linear, in probe, out ulong found) != 0)
                {
                    v0.Store(physical);
                    v1.Store(physical + 8);
                    notFound = 0xffff;
                    break;
                }

                // What turns an address of this page into its physical one. Groups of one page come one after the other, and need no probe of their own.
                Vector512<ulong> turn = Vector512.Create(found ^ *linear);
                while (true)
                {
                    (v0 ^ turn).Store(physical);
                    (v1 ^ turn).Store(physical + 8);
                    linear += Group;
                    physical += Group;
                    if (++group == groups) break;
                    v0 = Vector512.Load(linear);
                    v1 = Vector512.Load(linear + 8);
                    if ((Avx512F.TernaryLogic(v0 ^ first, v1, first, OrXor) & pageMask) != Vector512<ulong>.Zero) break;
                }
            }
            else
            {
                // Shifted left by three, address bit 25 meets the lowest bit of the tag. What remains of a hit is generation and frame number.
                Vector512<ulong> f0 = Avx512F.TernaryLogic(v0 << 3, tagMask, Eight(linear, 0, table, control), AndXor);
                Vector512<ulong> f1 = Avx512F.TernaryLogic(v1 << 3, tagMask, Eight(linear, 8, table, control), AndXor);
                Vector512<ulong> unused = Avx512F.TernaryLogic(v0 + bias, v1 + bias, sign, OrAnd);
                Vector512<ulong> wrong = Avx512F.TernaryLogic(Avx512F.TernaryLogic(f0, f1, key, NotAlike), tagMask, unused, AndOr);
                if (wrong != Vector512<ulong>.Zero)
                {
                    Vector512<ulong> p0 = Avx512F.TernaryLogic(v0, offsetMask, f0 << 12, AndOr);
                    Vector512<ulong> p1 = Avx512F.TernaryLogic(v1, offsetMask, f1 << 12, AndOr);
                    Vector512<ulong> w0 = Avx512F.TernaryLogic(f0 ^ key, tagMask, (v0 + bias) & sign, AndOr);
                    Vector512<ulong> w1 = Avx512F.TernaryLogic(f1 ^ key, tagMask, (v1 + bias) & sign, AndOr);
                    notFound = Select(w0, p0, v0, physical) | (Select(w1, p1, v1, physical + 8) << 8);
                    break;
                }

                Avx512F.TernaryLogic(v0, offsetMask, f0 << 12, AndOr).Store(physical);
                Avx512F.TernaryLogic(v1, offsetMask, f1 << 12, AndOr).Store(physical + 8);
                linear += Group;
                physical += Group;
                group++;
            }
        }

        missed = notFound;
        return group;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static int WalkGroups(ulong* linear, ulong* physical, int group, int groups, in WalkState walk, WalkRing* ring, out uint missed)
    {
        Vector512<ulong> key = Vector512.Create(walk.Key);
        Vector512<ulong> bias = Vector512.Create(walk.SignBias);
        Vector512<ulong> sign = Vector512.Create(walk.SignMask);
        Vector512<ulong> mask = Vector512.Create(walk.Mask);
        Vector512<ulong> expected = Vector512.Create(walk.Expected);
        Vector512<ulong> memory = Vector512.Create((ulong)walk.Memory);
        Vector512<ulong> tagMask = Vector512.Create(ulong.MaxValue << 32);
        Vector512<ulong> frameMask = Vector512.Create((ulong)LeafTableCache.FrameMask);
        Vector512<ulong> largeBit = Vector512.Create((ulong)LeafTableCache.LargeBit);
        Vector512<ulong> indexMask = Vector512.Create(0xff8UL);
        Vector512<ulong> offsetMask = Vector512.Create(0xfffUL);
        Vector512<ulong> leafFrame = Vector512.Create(EntryBits.Frame64);
        ulong* tables = walk.Tables;
        ushort control = walk.Control;
        int begun = ring->Begun;
        uint finished = ring->Finished;
        uint notFound = 0;
        for (; group < groups; group++)
        {
            for (; begun < groups && begun <= group + WalkRing.Ahead; begun++)
            {
                ulong* from = linear + (begun * Group);
                int place = begun & (WalkRing.Groups - 1);
                ulong* leaves = ring->Leaves + (place * Group);
                Vector512<ulong> v0 = Vector512.Load(from), v1 = Vector512.Load(from + 8);
                Vector512<ulong> t0 = Eight(from, 0, tables, control), t1 = Eight(from, 8, tables, control);
                // Shifted right by four, address bit 36 meets the lowest bit of the tag.
                Vector512<ulong> x0 = Avx512F.TernaryLogic(t0, v0 >> 4, key, Xor3), x1 = Avx512F.TernaryLogic(t1, v1 >> 4, key, Xor3);
                Vector512<ulong> unused = Avx512F.TernaryLogic(v0 + bias, v1 + bias, sign, OrAnd);
                Vector512<ulong> wrong = Avx512F.TernaryLogic(x0 | x1, tagMask, unused, AndOr);
                Vector512<ulong> large = Avx512F.TernaryLogic(t0, t1, largeBit, OrAnd);
                Vector512<ulong> b0 = (t0 & frameMask) << 12, b1 = (t1 & frameMask) << 12;
                Vector512<ulong> l0 = Avx512F.TernaryLogic(v0 >> 9, indexMask, b0, AndOr) + memory;
                Vector512<ulong> l1 = Avx512F.TernaryLogic(v1 >> 9, indexMask, b1, AndOr) + memory;
                if ((wrong | large) != Vector512<ulong>.Zero)
                {
                    Vector512<ulong> inPage = Vector512.Create(LeafTableCache.LargeOffset);
                    if (wrong == Vector512<ulong>.Zero && (t0 & t1 & largeBit) == largeBit)
                    {
                        ulong* to = physical + (begun * Group);
                        Avx512F.TernaryLogic(v0, inPage, b0, AndOr).Store(to);
                        Avx512F.TernaryLogic(v1, inPage, b1, AndOr).Store(to + 8);
                        finished |= 1u << place;
                        continue;
                    }

                    Vector512<ulong> part = Vector512.Create(LeafTableCache.PartMask);
                    ulong* parts = ring->Parts + (place * Group);
                    (Avx512F.TernaryLogic(v0, part, b0, AndOr) | expected).Store(parts);
                    (Avx512F.TernaryLogic(v1, part, b1, AndOr) | expected).Store(parts + 8);
                    Vector512<ulong> parts0 = Vector512.Create((ulong)parts) + (Vector512<ulong>.Indices << 3);
                    l0 = Vector512.ConditionalSelect(Vector512.Equals(t0 & largeBit, largeBit), parts0, l0);
                    l1 = Vector512.ConditionalSelect(Vector512.Equals(t1 & largeBit, largeBit), parts0 + Vector512.Create(64UL), l1);
                    Vector512<ulong> none = Vector512.Create((ulong)&ring->None);
                    x0 = Avx512F.TernaryLogic(x0, tagMask, (v0 + bias) & sign, AndOr);
                    x1 = Avx512F.TernaryLogic(x1, tagMask, (v1 + bias) & sign, AndOr);
                    l0 = Vector512.ConditionalSelect(Vector512.Equals(x0, Vector512<ulong>.Zero), l0, none);
                    l1 = Vector512.ConditionalSelect(Vector512.Equals(x1, Vector512<ulong>.Zero), l1, none);
                }

                finished &= ~(1u << place);
                l0.Store(leaves);
                l1.Store(leaves + 8);
                PrefetchFour(l0.GetLower());
                PrefetchFour(l0.GetUpper());
                PrefetchFour(l1.GetLower());
                PrefetchFour(l1.GetUpper());
            }

            int at = group & (WalkRing.Groups - 1);
            if ((finished & (1u << at)) != 0) continue;
            ulong* entries = ring->Leaves + (at * Group);
            ulong* into = physical + (group * Group);
            Vector512<ulong> a0 = Vector512.Load(linear + (group * Group)), a1 = Vector512.Load(linear + (group * Group) + 8);
            Vector512<ulong> e0 = Eight(entries, 0), e1 = Eight(entries, 8);
            Vector512<ulong> p0 = Avx512F.TernaryLogic(a0, offsetMask, e0 & leafFrame, AndOr);
            Vector512<ulong> p1 = Avx512F.TernaryLogic(a1, offsetMask, e1 & leafFrame, AndOr);
            Vector512<ulong> differ0 = Avx512F.TernaryLogic(e0, mask, expected, AndXor), differ1 = Avx512F.TernaryLogic(e1, mask, expected, AndXor);
            if ((differ0 | differ1) == Vector512<ulong>.Zero)
            {
                p0.Store(into);
                p1.Store(into + 8);
                continue;
            }

            notFound = Select(differ0, p0, a0, into) | (Select(differ1, p1, a1, into + 8) << 8);
            break;
        }

        ring->Begun = begun;
        ring->Finished = finished;
        missed = notFound;
        return group;
    }

    // What was found where nothing is wrong, else the address. Returns the lanes where something is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Select(Vector512<ulong> wrong, Vector512<ulong> found, Vector512<ulong> address, ulong* physical)
    {
        Vector512<ulong> right = Vector512.Equals(wrong, Vector512<ulong>.Zero);
        Vector512.ConditionalSelect(right, found, address).Store(physical);
        return ~(uint)right.ExtractMostSignificantBits() & 0xff;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Eight(ulong* linear, int lane, ulong* table, ushort control) => Join(
        Avx2Kernel.Four(linear, lane, table, control), Avx2Kernel.Four(linear, lane + 4, table, control));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Eight(ulong* at, int lane) => Join(
        Vector256.Create(Two(at, lane), Two(at, lane + 2)), Vector256.Create(Two(at, lane + 4), Two(at, lane + 6)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Two(ulong* at, int lane) =>
        Sse2.LoadHigh(Sse2.LoadScalarVector128((double*)at[lane]), (double*)at[lane + 1]).AsUInt64();

    // Vector512.Create(low, high) inserts both halves into what the register held before, and so waits for it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Join(Vector256<ulong> low, Vector256<ulong> high) =>
        Avx512F.InsertVector256(low.ToVector512Unsafe(), high, 1);

    // Out of the vector: loading what was just stored as vectors costs a quarter of a nanosecond a lane, because the loads are what the loop waits for.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchFour(Vector256<ulong> at)
    {
        Vector128<ulong> low = at.GetLower(), high = at.GetUpper();
        Sse.Prefetch0((void*)low.ToScalar());
        Sse.Prefetch0((void*)low.GetElement(1));
        Sse.Prefetch0((void*)high.ToScalar());
        Sse.Prefetch0((void*)high.GetElement(1));
    }
}
