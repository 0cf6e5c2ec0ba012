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
