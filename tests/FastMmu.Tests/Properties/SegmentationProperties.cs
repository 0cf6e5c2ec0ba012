using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Segmentation;
using FastMmu.Tests.Generators;
using FastMmu.Tests.Segmentation;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>Segmentation against its plain restatement.</summary>
public sealed class SegmentationProperties
{
    [Fact]
    public void SegmentationEqualsReference()
    {
        long allowed = 0, refused = 0;
        Prop.ForAll(SegmentGenerator.Cases(100), segments =>
        {
            SegmentationUnit unit = Load(segments);
            foreach (SegmentAccess access in segments.Accesses)
            {
                ReferenceLinear expected = ReferenceSegmentation.Translate(
                    segments.State, segments.Segments[(int)SegmentRegister.CS], access.Register, segments.Segments[(int)access.Register],
                    access.Offset, access.Size, access.Kind);
                ReferenceLinear actual = Answer(unit, segments.State, access, out MmuFault fault);
                bool same = expected.Fault?.Vector == actual.Fault?.Vector && (!expected.Ok || expected.Linear == actual.Linear);
                if (!same || fault.ErrorCode != 0) Assert.Fail($"{access}: {actual}, expected {expected}");
                if (expected.Fault is { } reasons && fault.IsFault) Assert.Contains(fault.Reason, reasons.Reasons);
                if (expected.Ok) allowed++;
                else refused++;
            }
        }).Holds(1500);
        Assert.True(PropertyRun.Cases(1500) < 100 || (allowed > 10_000 && refused > 10_000), $"{allowed} accesses were allowed and {refused} refused.");
    }

    [Fact]
    public void DescriptorsHaveTheFieldsThatTheReferenceReads() => Prop.ForAll(EdgeRandom.Cases(random => random.Word() ^ random.Word(), Shrinking.Bits), raw =>
    {
        SegmentDescriptor descriptor = raw;
        Assert.Equal(ReferenceSegmentation.Base(raw), descriptor.Base);
        Assert.Equal(ReferenceSegmentation.Limit(raw), descriptor.Limit);
        Assert.Equal(ReferenceSegmentation.Attributes(raw), descriptor.Attributes.Value);
        CachedSegment loaded = CachedSegment.FromDescriptor(8, descriptor);
        Assert.Equal((descriptor.Base, descriptor.Limit, descriptor.Attributes), ((uint)loaded.Base, loaded.Limit, loaded.Attributes));
    }).Holds(2000);

    [Fact]
    public void DescriptorEncodeThenDecodeRoundTrips() => Prop.ForAll(EdgeRandom.Cases(random => (random.Word(), random.Word()), _ => []), words =>
    {
        // Every bit of the eight bytes belongs to one field, so nothing can be lost in either direction.
        SegmentDescriptor descriptor = words.Item1;
        Assert.Equal(descriptor, SegmentDescriptor.Create(descriptor.Attributes, descriptor.Base, descriptor.RawLimit));
        SegmentAttributes attributes = (ushort)words.Item1;
        SegmentDescriptor made = SegmentDescriptor.Create(attributes, (uint)words.Item2, (uint)(words.Item2 >> 40));
        Assert.Equal((attributes, (uint)words.Item2, (uint)(words.Item2 >> 40) & 0xf_ffff), (made.Attributes, made.Base, made.RawLimit));
        SystemDescriptor system = SystemDescriptor.Create(attributes, words.Item2, (uint)words.Item1);
        Assert.Equal((attributes, words.Item2, (uint)words.Item1 & 0xf_ffff, true), (system.Attributes, system.Base, system.RawLimit, system.UpperTypeIsZero));
    }).Holds(2000);

    private static SegmentationUnit Load(SegmentCase segments)
    {
        var unit = new SegmentationUnit(new TestProcessor(), segments.State.Features);
        unit.Update(segments.State);
        for (int i = 0; i < segments.Segments.Count; i++) unit[(SegmentRegister)i] = segments.Segments[i];
        return unit;
    }

    /// <summary>
    /// The unit's answer with what happens to it next: linear addresses are masked, and looked at once more, where paging begins. So an address that
    /// is canonical, and is not once masked, may be refused here or there.
    /// </summary>
    private static ReferenceLinear Answer(SegmentationUnit unit, in PagingState state, SegmentAccess access, out MmuFault fault)
    {
        bool allowed = unit.TryToLinear(access.Register, access.Offset, access.Size, access.Kind, out ulong linear, out fault);
        if (!allowed) return new ReferenceLinear(0, new ReferenceFault(fault.Vector, fault.ErrorCode, null, 0, [fault.Reason]));
        if (unit.Mode != SegmentationMode.SixtyFourBit) return new ReferenceLinear(linear, null);
        PagingState unseparated = state;
        unseparated.Cr4 = state.Cr4.Value & ~Cr4.LassBit;
        ReferenceAnswer first = Paged(unseparated, linear, access.Kind, access.Register);
        if (first.Fault is { Vector: not ExceptionVector.PageFault } refused) return new ReferenceLinear(0, refused);
        linear = first.Fault?.Cr2 ?? linear;
        // What is masked is a pointer, so the last byte follows from the first; fetches are never masked.
        ReferenceAnswer last = Paged(unseparated, linear + (ulong)(access.Size - 1), Access.Execute, access.Register);
        return last.Fault is { Vector: not ExceptionVector.PageFault } refusedLast ? new ReferenceLinear(0, refusedLast) : new ReferenceLinear(linear, null);
    }

    private static ReferenceAnswer Paged(in PagingState state, ulong linear, Access kind, SegmentRegister register) => ReferenceWalker.Translate(
        state, new AbsentTables(), new ReferenceAccess(linear, kind, Privilege.Supervisor, register == SegmentRegister.SS), updateEntries: false);

    /// <summary>Tables in which nothing is present, so that the page fault says what address paging was given.</summary>
    private sealed class AbsentTables : IReferenceMemory
    {
        public ulong ReadPhysical(ulong address, int bytes) => 0;

        public void WritePhysical(ulong address, ulong value, int bytes)
        {
        }
    }
}
