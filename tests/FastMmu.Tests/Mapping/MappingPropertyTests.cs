using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Mapping;

public sealed class MappingPropertyTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * MiB);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void MapperAndViewAgreeWithAListOfRanges() => Prop.ForAll(MappingGenerators.Stories, story =>
    {
        (PageMapper space, MappingModel model, BitmapFrameAllocator frames, long empty) = Play(story);
        Assert.Equal(
            model.Pieces.Select(p => (p.First, p.Last, p.Mapping)),
            space.View().Ranges().Select(r => (r.Range.Start.Value, r.Range.Last.Value, new FrameMapping(r.Physical, r.Rights, r.PatIndex, r.ProtectionKey))));

        // Every table that is left leads somewhere, but for PAE's directories.
        long leading = space.View().Summarize().Levels.Where(l => story.Mode != PagingMode.Pae || l.Level < 2).Sum(l => l.Tables);
        Assert.Equal(frames.UsedFrames, story.Mode == PagingMode.Pae ? leading + 5 : leading);
        _ = space.Unmap(0, story.Mode is PagingMode.TwoLevel or PagingMode.Pae ? 4 * GiB : 1UL << 47);
        _ = space.Unmap(unchecked(0 - (1UL << 47)), 1UL << 47);
        _ = story.Mode == PagingMode.FiveLevel && space.Unmap(unchecked(0 - (1UL << 56)), (1UL << 56) - (1UL << 47)).Ok;
        _ = story.Mode == PagingMode.FiveLevel && space.Unmap(1UL << 47, (1UL << 56) - (1UL << 47)).Ok;
        Assert.Equal(empty, frames.UsedFrames);
        space.Release();
        Assert.Equal(0, frames.UsedFrames);
    }).Holds(300);

    [Fact]
    public void ProbesAgreeWithAListOfRangesAroundEveryEdge() => Prop.ForAll(MappingGenerators.Stories, story =>
    {
        (PageMapper space, MappingModel model, _, _) = Play(story);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Everything);
        Assert.False(mmu.EnablePaging(space.Root, story.Mode).IsFault);
        bool longMode = story.Mode is PagingMode.FourLevel or PagingMode.FiveLevel;
        foreach (MappingStep step in story.Steps)
        {
            foreach (ulong edge in new[] { step.Linear, unchecked(step.Linear + step.Length), step.Linear + (2 * MiB), step.Linear + (4 * MiB) })
            {
                foreach (ulong at in new[] { edge, unchecked(edge - 1), edge + 0xfff })
                {
                    ulong linear = longMode ? at : (uint)at;
                    Translation t = mmu.Probe(linear);
                    FrameMapping? expected = model.At(linear);
                    Assert.Equal(expected is not null, t.Ok);
                    if (expected is not { } mapping) continue;
                    Assert.Equal((mapping.Physical, mapping.Rights, mapping.PatIndex), (t.Physical, t.Rights, t.PatIndex));
                }
            }
        }
    }).Holds(150);

    [Fact]
    public void EveryPageIsAProbeAndNothingLiesBetween() => Prop.ForAll(MappingGenerators.Stories, story =>
    {
        (PageMapper space, _, _, _) = Play(story);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Everything);
        Assert.False(mmu.EnablePaging(space.Root, story.Mode).IsFault);
        MappedPage? previous = null;
        int left = 3000;
        foreach (MappedPage page in space.View().Pages())
        {
            if (left-- == 0) break;
            Translation t = mmu.Probe(page.Range.Last);
            Assert.Equal((page.Physical + (page.Size.Bytes() - 1), page.Size, page.Rights, page.PatIndex), (t.Physical, t.PageSize, t.Rights, t.PatIndex));
            Assert.Equal(page.Linear, page.Linear.AlignDown(page.Size));
            if (previous is { } before)
            {
                Assert.True(before.Range.Last < page.Linear);
                bool adjoins = before.Range.Last.Value + 1 == page.Linear.Value;
                if (!adjoins) Assert.False(mmu.Probe(page.Linear - 1).Ok);
            }

            previous = page;
        }
    }).Holds(60);

    [Fact]
    public void RangeOfAViewGivesThePagesThatTouchIt() => Prop.ForAll(
        MappingGenerators.Stories,
        MappingGenerators.Length.ToArbitrary(),
        (story, length) =>
        {
            (PageMapper space, _, _, _) = Play(story);
            var range = new LinearRange(story.Steps[0].Linear, length);
            ulong last = range.Last < range.Start ? ulong.MaxValue : range.Last.Value;
            var expected = new List<ulong>();
            foreach (MappedPage page in space.View().Pages())
            {
                if (page.Range.Last >= range.Start && page.Linear.Value <= last) expected.Add(page.Linear.Value);
            }

            var actual = new List<ulong>();
            foreach (MappedPage page in space.View().Pages(range)) actual.Add(page.Linear.Value);
            Assert.Equal(expected, actual);
        }).Holds(40);

    [Fact]
    public void DifferenceOfTwoSpacesIsWhereTheirListsDiffer() => Prop.ForAll(
        MappingGenerators.Stories,
        MappingGenerators.Stories,
        (first, second) =>
        {
            var frames = new BitmapFrameAllocator(_memory);
            var model = new MappingModel(first.Mode);
            var otherModel = new MappingModel(second.Mode);
            AddressSpaceView a = Play(first, model, frames).View();
            AddressSpaceView b = Play(second, otherModel, frames).View();
            Assert.Empty(AddressSpaceView.Diff(a, a));
            Assert.Empty(AddressSpaceView.Diff(b, b));
            List<MappingDifference> differences = [.. AddressSpaceView.Diff(a, b)];
            foreach (MappingDifference difference in differences)
            {
                foreach (ulong at in new[] { difference.Range.Start.Value, difference.Range.Last.Value & ~0xfffUL })
                {
                    ulong offset = at - difference.Range.Start.Value;
                    Assert.Equal(model.At(at), difference.Before?.Advance(offset));
                    Assert.Equal(otherModel.At(at), difference.After?.Advance(offset));
                    Assert.NotEqual(model.At(at), otherModel.At(at));
                }
            }

            // And nowhere else: at every edge of either list the two agree unless a difference holds it.
            foreach ((ulong from, ulong to, FrameMapping _) in model.Pieces.Concat(otherModel.Pieces))
            {
                foreach (ulong at in new[] { from, to & ~0xfffUL })
                {
                    Assert.Equal(model.At(at) != otherModel.At(at), differences.Any(d => d.Range.Contains(at)));
                }
            }

            Assert.Equal(
                differences.Select(d => (d.Range, d.After, d.Before)), AddressSpaceView.Diff(b, a).Select(d => (d.Range, d.Before, d.After)));
        }).Holds(60);

    private (PageMapper Space, MappingModel Model, BitmapFrameAllocator Frames, long Empty) Play(MappingStory story)
    {
        var frames = new BitmapFrameAllocator(_memory);
        var model = new MappingModel(story.Mode);
        PageMapper space = Play(story, model, frames);
        return (space, model, frames, story.Mode == PagingMode.Pae ? 5 : 1);
    }

    private PageMapper Play(MappingStory story, MappingModel model, BitmapFrameAllocator frames)
    {
        PageMapper space = PageMapper.Create(story.Mode, _memory, frames, ProcessorFeatures.Everything);
        foreach (MappingStep step in story.Steps)
        {
            space.LargestPage = step.Largest;
            MapOutcome outcome = step.Verb switch
            {
                MappingVerb.Map => space.Map(step.Linear, step.Physical, step.Length, step.Attributes),
                MappingVerb.Unmap => space.Unmap(step.Linear, step.Length),
                MappingVerb.Protect => space.Protect(step.Linear, step.Length, step.Attributes.Rights),
                MappingVerb.SetAttributes => space.SetAttributes(step.Linear, step.Length, step.Attributes),
                _ => space.Split(step.Linear, step.Length, step.Largest),
            };
            Assert.Equal(model.Apply(step), outcome.Result);
        }

        return space;
    }
}
