using FastMmu.Addresses;
using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Linux.Physical;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>What must hold of the page tables and pages of all processes of a machine between any two calls.</summary>
internal static class PageInvariants
{
    /// <summary>Checks a machine; files are those that the test opened.</summary>
    public static void Check(LinuxMachine machine, params Inode[] files)
    {
        Dictionary<ulong, int> mapped = [];
        foreach (AddressSpace space in machine.Spaces)
        {
            EntriesStayWithinTheirAreas(machine, space);
            CountersEqualRecounts(machine, space, mapped);
        }

        foreach ((ulong frame, int count) in mapped)
        {
            ref PageFrame page = ref machine.Pages[frame];
            Assert.Equal(count, page.MapCount);
            int held = page.Mapping > 0 ? 1 : 0;
            Assert.Equal(count + held, page.RefCount);
            Assert.True(page.Mapping >= 0 || !page.IsExclusive || count == 1, "an exclusive page has one mapping");
        }

        foreach (Inode file in files)
        {
            Assert.True((ulong)file.ResidentPages <= file.PageCount, "no page is kept behind the end of a file");
        }
    }

    /// <summary>The pages that a process reaches: where an MMU would walk tables, as the engine reads them.</summary>
    public static IReadOnlyList<UserPage> ShownPages(AddressSpace space)
    {
        LinuxMachine machine = space.Machine;
        if (machine.Paging == PagingMode.None) return space.Tables.Pages();
        var pages = new List<UserPage>();
        foreach (MappedPage page in AddressSpaceView.Open(machine.Memory, machine.Paging, space.Tables.Root).Pages(new LinearRange(0UL, machine.UserEnd)))
        {
            pages.Add(new UserPage(page.Linear.Value, page.Physical, page.Rights));
        }

        return pages;
    }

    // Whatever the processor would allow, the area allows.
    private static void EntriesStayWithinTheirAreas(LinuxMachine machine, AddressSpace space)
    {
        foreach (UserPage page in ShownPages(space))
        {
            ulong address = page.Address;
            Assert.True(space.Areas.TryFind(address, out Vma vma) && vma.Start <= address, $"{address:x} is mapped outside every area");
            Assert.True((vma.Flags & VmFlags.AccessMask) != 0, $"{address:x} is present in an area without rights");
            Assert.True((page.Rights & Rights.Write) == 0 || (vma.Flags & VmFlags.Write) != 0, $"{address:x} is writable, its area is not");
            bool executable = (page.Rights & Rights.Execute) != 0 && machine.Paging != PagingMode.TwoLevel;
            Assert.True(!executable || (vma.Flags & VmFlags.Exec) != 0, $"{address:x} is executable, its area is not");
            Assert.True((page.Rights & Rights.User) != 0, $"{address:x} is not the user's");
            if ((page.Rights & Rights.Write) != 0 && (vma.Flags & VmFlags.Shared) == 0)
            {
                PageView seen = space.Tables.Peek(address);
                Assert.True(seen is { IsAnonymous: true, MapCount: 1 }, $"{address:x} is writable though others have it");
            }
        }
    }

    private static void CountersEqualRecounts(LinuxMachine machine, AddressSpace space, Dictionary<ulong, int> mapped)
    {
        ulong anonymous = 0, file = 0, shmem = 0;
        for (ulong at = 0; space.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            ulong rss = 0, anon = 0;
            for (ulong page = vma.Start; page < vma.End; page += 4096)
            {
                PageView view = space.Tables.Peek(page);
                if (!view.IsResident)
                {
                    continue;
                }

                mapped[view.Frame] = mapped.GetValueOrDefault(view.Frame) + 1;
                rss++;
                anon += view.IsAnonymous ? 1UL : 0;
                shmem += view.IsSharedMemory ? 1UL : 0;
                Assert.False(view.IsAnonymous && vma.AnonVma == 0, $"{page:x} is private memory in an area without an anon_vma");
            }

            anonymous += anon;
            file += rss - anon;
            Assert.Equal((rss, anon), space.Tables.Count(vma));
        }

        Assert.Equal((anonymous, file - shmem, shmem), (space.Tables.RssAnon, space.Tables.RssFile, space.Tables.RssShmem));
        if (machine.Paging == PagingMode.None) return;

        // Of the tables that the processor reaches, those of the kernel's half are nobody's own.
        AddressSpaceSummary summary = AddressSpaceView.Open(machine.Memory, machine.Paging, space.Tables.Root).Summarize();
        Assert.Equal(summary.Tables - (machine.Kernel?.SharedTables ?? 0), (long)space.Tables.Tables);
    }
}
