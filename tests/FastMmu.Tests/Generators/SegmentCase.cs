using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FsCheck;

namespace FastMmu.Tests.Generators;

/// <summary>An access through a segment register.</summary>
internal sealed record SegmentAccess(SegmentRegister Register, ulong Offset, int Size, Access Kind)
{
    public override string ToString() => $"{Kind} of {Size} at {Register}:0x{Offset:x}";
}

/// <summary>Six segment registers with anything in them, in any mode, and accesses through them.</summary>
internal sealed record SegmentCase(PagingState State, IReadOnlyList<CachedSegment> Segments, IReadOnlyList<SegmentAccess> Accesses)
{
    public override string ToString()
    {
        var text = new System.Text.StringBuilder().AppendLine(RegisterChoice.Describe(State));
        for (int i = 0; i < Segments.Count; i++) text.AppendLine($"  {(SegmentRegister)i}: base 0x{Segments[i].Base:x}, limit 0x{Segments[i].Limit:x}, {Segments[i].Attributes} (0x{Segments[i].Attributes.Value:x})");
        Listing.Append(text, Accesses);
        return text.ToString();
    }
}

/// <summary>Segments whose bases and limits are edges, and offsets at the edges of those.</summary>
internal static class SegmentGenerator
{
    public static Arbitrary<SegmentCase> Cases(int accesses) => EdgeRandom.Cases(random => Make(random, accesses), Smaller);

    private static SegmentCase Make(EdgeRandom random, int accesses)
    {
        var kind = (MachineKind)random.Below(6);
        PagingState state = RegisterGenerator.State(random, kind, RegisterGenerator.Features(random, kind) with { RealModeLimits = !random.OneIn(4) });
        if (kind == MachineKind.NoPaging && random.OneIn(2)) state.Cr0 = state.Cr0.Value & ~(Cr0.PeBit | Cr0.PgBit);
        if (!state.Efer.Lma && random.OneIn(3)) state.RFlags = state.RFlags.Value | RFlags.VmBit;
        var segments = new CachedSegment[6];
        for (int i = 0; i < segments.Length; i++) segments[i] = Segment(random);
        var list = new SegmentAccess[accesses];
        for (int i = 0; i < accesses; i++)
        {
            var register = (SegmentRegister)random.Below(6);
            list[i] = Access(random, register, segments[(int)register]);
        }

        return new SegmentCase(state, segments, list);
    }

    private static CachedSegment Segment(EdgeRandom random)
    {
        ulong start = random.Below(4) switch { 0 => 0, 1 => random.Word(), 2 => (uint)random.Word(), _ => 0xffff_f000 };
        uint limit = random.Pick<uint>(0, 1, 7, 0xfff, 0xfffe, 0xffff, 0x10000, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff, (uint)random.Word());
        ushort attributes = (ushort)random.Next64();
        // Most are present, and segments rather than gates.
        if (!random.OneIn(6)) attributes |= SegmentAttributes.PBit;
        if (!random.OneIn(6)) attributes |= SegmentAttributes.SBit;
        return new CachedSegment((ushort)random.Next64(), start, limit, attributes);
    }

    private static SegmentAccess Access(EdgeRandom random, SegmentRegister register, in CachedSegment segment)
    {
        int size = random.Pick(1, 1, 2, 4, 8, 16, 4096);
        ulong edge = random.Below(8) switch
        {
            0 => 0,
            1 => 0x1_0000,
            2 => 0x1_0000_0000,
            3 => 0 - segment.Base,
            4 => (1UL << random.Pick(47, 48, 56, 57, 63)) - segment.Base,
            5 => random.Word(),
            _ => segment.Limit + 1UL,
        };
        ulong offset = edge + (ulong)random.Pick(0, 1, -1, -size, 1 - size, -size - 1);
        return new SegmentAccess(register, offset, size, (Access)random.Below(5));
    }

    private static IEnumerable<SegmentCase> Smaller(SegmentCase segments)
    {
        foreach (IReadOnlyList<SegmentAccess> accesses in Shrinking.Without(segments.Accesses)) yield return segments with { Accesses = accesses };
        foreach (PagingState state in RegisterChoice.Smaller(segments.State)) yield return segments with { State = state };
        foreach (IReadOnlyList<CachedSegment> smaller in Shrinking.Each(segments.Segments, Simpler)) yield return segments with { Segments = smaller };
        foreach (IReadOnlyList<SegmentAccess> accesses in Shrinking.Each(segments.Accesses, access => Shrinking.Bits(access.Offset).Select(offset => access with { Offset = offset })))
        {
            yield return segments with { Accesses = accesses };
        }
    }

    private static IEnumerable<CachedSegment> Simpler(CachedSegment segment)
    {
        if (segment.Selector.Value != 0) yield return segment with { Selector = 0 };
        foreach (ulong start in Shrinking.Bits(segment.Base)) yield return segment with { Base = start };
        foreach (ulong limit in Shrinking.Bits(segment.Limit)) yield return segment with { Limit = (uint)limit };
        foreach (ulong attributes in Shrinking.Bits(segment.Attributes.Value)) yield return segment with { Attributes = (ushort)attributes };
    }
}
