using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Segmentation;

/// <summary>The one comparison of the fast path against the manual's sentences, byte by byte where that is possible.</summary>
public sealed class WindowTests
{
    private static readonly int[] Sizes = [1, 2, 4, 8, 16, 64];

    private static Gen<ulong> Edges { get; } =
        from origin in Gen.Elements(0UL, 0xffffUL, 0x1_0000UL, 0x7fff_ffffUL, 0xffff_ffffUL, 0x7fff_ffff_ffffUL, 0xffff_8000_0000_0000UL, 0x1_0000_0000UL)
        from distance in Gen.Choose(-70, 70)
        select unchecked(origin + (ulong)distance);

    private static Gen<ulong> Numbers { get; } =
        Gen.OneOf(Edges, ArbMap.Default.GeneratorFor<ulong>(), ArbMap.Default.GeneratorFor<uint>().Select(value => (ulong)value));

    private static Arbitrary<Case> Cases { get; } = (
        from flags in ArbMap.Default.GeneratorFor<ushort>()
        from segmentBase in Numbers
        from limit in Numbers
        from near in Gen.Choose(-70, 70)
        from far in Numbers
        from isNear in Gen.Elements(true, false)
        from size in Gen.Elements(Sizes)
        from access in Gen.Elements(Access.Read, Access.Write)
        select new Case((ushort)(flags | SegmentAttributes.SBit), segmentBase, (uint)limit,
            isNear ? (uint)unchecked(limit + (ulong)near) : far, size, access)).ToArbitrary();

    [Fact]
    public void ProtectedAccessIsAllowedExactlyWhenTypeAndEveryByteAllowIt() => Prop.ForAll(Cases, sample =>
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Unit[SegmentRegister.ES] = new(0x8, sample.Base, sample.Limit, sample.Flags);
        bool allowed = processor.Unit.TryToLinear(SegmentRegister.ES, sample.Offset, sample.Size, sample.Access, out ulong linear, out MmuFault fault);
        return allowed == IsAllowed(sample) && linear == (uint)(sample.Base + sample.Offset) && fault.IsFault == !allowed;
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));

    [Fact]
    public void SixtyFourBitAccessIsAllowedExactlyWhenBothEndsAreCanonical() => Prop.ForAll(Cases, sample =>
    {
        TestProcessor processor = TestProcessor.SixtyFourBit(cpl: 3, fiveLevel: (sample.Flags & 1) != 0);
        int width = (sample.Flags & 1) != 0 ? 57 : 48;
        processor.Unit[SegmentRegister.FS] = new(0, sample.Base, 0, 0);
        LinearAddress first = unchecked(sample.Base + sample.Offset);
        bool expected = first.IsCanonical(width) && (first + (ulong)(sample.Size - 1)).IsCanonical(width);
        bool allowed = processor.Unit.TryToLinear(SegmentRegister.FS, sample.Offset, sample.Size, sample.Access, out ulong linear, out _);
        return allowed == expected && linear == first.Value;
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));

    [Fact]
    public void FetchableBytesAreThoseThatCanBeFetchedOneByOne() => Prop.ForAll(Cases, sample =>
    {
        TestProcessor processor = TestProcessor.Protected();
        processor.Unit[SegmentRegister.CS] = new(0x8, sample.Base, sample.Limit, 0xc09b);
        int bytes = processor.Unit.FetchableBytes((uint)sample.Offset, 15), one = 0;
        while (one < 15 && (uint)sample.Offset + (ulong)one <= uint.MaxValue
            && processor.Unit.TryToLinear(SegmentRegister.CS, (uint)sample.Offset + (ulong)one, 1, Access.Execute, out _, out _))
        {
            one++;
        }

        return bytes == one;
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(5_000));

    [Fact]
    public void AccessesAndLoads_AllocateNothing()
    {
        TestProcessor processor = TestProcessor.Protected();
        Selector data = processor.Put(Selector.Create(5), 0xc093, 0, 0xfffff), bad = Selector.Create(60);
        Selector code = processor.Put(Selector.Create(6), 0xc09b, 0, 0xfffff);
        Work(processor.Unit, data, bad, code);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work(processor.Unit, data, bad, code);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void Work(SegmentationUnit unit, Selector data, Selector bad, Selector code)
    {
        for (uint i = 0; i < 1000; i++)
        {
            unit.TryToLinear(SegmentRegister.DS, i, 4, Access.Write, out _, out _);
            unit.TryToLinear(SegmentRegister.DS, uint.MaxValue, 4, Access.Write, out _, out _);
            unit.TryLoad(SegmentRegister.ES, data, out _);
            unit.TryLoad(SegmentRegister.ES, bad, out _);
            unit.TryFarJump(code, i, out _, out _);
        }
    }

    private static bool IsAllowed(Case sample)
    {
        int type = sample.Flags & 0xf;
        bool code = (type & 8) != 0, present = (sample.Flags & 0x80) != 0;
        bool mayRead = !code || (type & 2) != 0, mayWrite = !code && (type & 2) != 0;
        if (!present || !(sample.Access == Access.Write ? mayWrite : mayRead)) return false;
        bool down = !code && (type & 4) != 0;
        ulong top = (sample.Flags & 0x4000) != 0 ? 0xffff_ffffUL : 0xffff;
        for (int i = 0; i < sample.Size; i++)
        {
            ulong at = (uint)sample.Offset + (ulong)i;
            if (down ? at <= sample.Limit || at > top : at > sample.Limit) return false;
        }

        return true;
    }

    private sealed record Case(ushort Flags, ulong Base, uint Limit, ulong Offset, int Size, Access Access);
}
