using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Tests.Generators;
using FsCheck.Fluent;
using Xunit;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>Laws of page tables and pages, over random programs of several processes, in every paging mode.</summary>
public class PageProperties
{
    private const ulong Ample = 3800UL << 10;

    // A few hundred pages: programs run out of memory in the middle of everything.
    private const ulong Scarce = 800UL << 10;

    [Theory]
    [EveryPagingMode]
    public void EveryEntryLiesInAnAreaAndIsNeverStronger_AndEveryCountIsARecount(PagingMode paging) =>
        Prop.ForAll(PageProgram.Steps(160), steps =>
        {
            using var program = new PageProgram(Ample, paging);
            foreach (PageStep step in steps)
            {
                program.Run(step);
                PageInvariants.Check(program.Machine, program.Files);
            }
        }).Holds(8);

    [Theory]
    [EveryPagingMode]
    public void EveryWriteOfTheKernel_IsSeenByLogsAndUndoneByARestore(PagingMode paging) =>
        Prop.ForAll(PageProgram.Steps(120), steps =>
        {
            using var program = new PageProgram(Ample, paging);
            PhysicalMemory memory = program.Machine.Memory;
            byte[] first = memory.BackingOf(0, (int)Ample).ToArray(), before = [.. first];
            var machine = new Machine(memory);
            using Snapshot clean = machine.TakeSnapshot();
            using DirtyLog log = memory.StartDirtyLog();
            for (int i = 0; i < steps.Count; i++)
            {
                program.Run(steps[i]);
                if (i % 6 != 5) continue;
                HashSet<ulong> written = [.. log.Take().Select(p => p.Value)];
                ReadOnlySpan<byte> now = memory.BackingOf(0, (int)Ample);
                for (int page = 0; page < now.Length; page += 4096)
                {
                    bool same = now.Slice(page, 4096).SequenceEqual(before.AsSpan(page, 4096));
                    Assert.True(same || written.Contains((ulong)page), $"page {page:x} around {steps[i]}");
                }

                now.CopyTo(before);
            }

            program.EndAll();
            machine.Restore(clean);
            Assert.True(memory.BackingOf(0, (int)Ample).SequenceEqual(first));
        }).Holds(4);

    [Theory]
    [EveryPagingMode]
    public void TheTlbNeverHoldsWhatTheTablesDoNotSay(PagingMode paging) =>
        Prop.ForAll(PageProgram.Steps(200), steps =>
        {
            using var program = new PageProgram(Ample, paging);
            foreach (PageStep step in steps)
            {
                program.Run(step);
                for (ulong page = 0; page < 160; page += 3)
                {
                    // The read comes last: a refused write drops what was cached.
                    Assert.True(program.IsTranslated(page, Access.Write) && program.IsTranslated(page, Access.Read), $"page {page} after {step}");
                }
            }
        }).Holds(12);

    [Theory]
    [EveryPagingMode]
    public void WithoutMemory_EverythingStaysCountedAndNothingLeaks(PagingMode paging) =>
        Prop.ForAll(PageProgram.Steps(200), steps =>
        {
            using var program = new PageProgram(Scarce, paging);
            long free = -1;
            foreach (PageStep step in steps)
            {
                program.Run(step);
            }

            PageInvariants.Check(program.Machine, program.Files);
            program.EndAll();
            foreach (var file in program.Files) file.DropCache();
            free = program.Machine.Pages.FreePages + program.Files.Sum(file => file.ResidentPages);

            using var fresh = new PageProgram(Scarce, paging);
            fresh.EndAll();
            Assert.InRange(fresh.Machine.Pages.FreePages - free, 0, 1);
            Assert.Equal(0UL, program.Machine.CommittedPages);
            Assert.Equal(0, program.Machine.AnonVmas.Count);
        }).Holds(20);
}
