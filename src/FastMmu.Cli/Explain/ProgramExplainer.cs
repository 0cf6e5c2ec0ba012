using FastMmu.Addresses;
using FastMmu.Cli.Programs;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Linux.Physical;
using FastMmu.Linux.Proc;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Cli.Explain;

/// <summary>Follows one address of a program that was just executed, and asks its kernel what accesses would come to.</summary>
/// <param name="machine">The machine. Each question is put to a process of its own, so that no answer changes another.</param>
internal sealed class ProgramExplainer(ProgramMachine machine)
{
    /// <summary>Explains an address.</summary>
    /// <param name="linear">The address.</param>
    /// <param name="asked">The address as the user wrote it.</param>
    /// <exception cref="InputException">The program cannot be executed.</exception>
    public Explanation Explain(ulong linear, string asked)
    {
        LinuxTask task = machine.Execute();
        AddressSpace mm = task.Mm;
        using Mmu mmu = CreateMmu(mm);
        // Where the tables lead whatever the rights: without SMAP the supervisor may read everything.
        using var plain = new Mmu(machine.Memory, ProcessorFeatures.Zen4);
        plain.EnablePaging(mm.Tables.Root, machine.Linux.Paging);
        Translation walk = plain.Probe(new LinearAddress(linear), Access.Read, Privilege.Supervisor, out WalkPath path);
        mmu.SetCpl(3);
        PagingState state = mmu.State;
        bool inside = mm.Areas.TryFind(linear, out Vma vma) && vma.Start <= linear;
        var explanation = new Explanation
        {
            Asked = asked,
            State = state,
            Linear = linear,
            Walk = walk,
            Place = Place(task, linear),
            Entries = Explainer.Entries(in state, in path, linear, linux: true),
            Behind = walk.Ok ? Explainer.Behind(machine.Memory, walk.Physical) : "",
            Zone = walk.Ok ? ZoneOf(walk.Physical) : "",
            FrameUse = linear < mm.TaskSize ? Use(mm.Tables.Peek(linear)) : "",
            Outcomes = Explainer.OutcomesOf(mmu, linear),
            Costs = walk.Ok ? TableCost.Of([new LinearRange(linear & ~0xfffUL, 0x1000)]) : [],
            Area = inside ? new(vma.Start, vma.End, VmFlagCodes.Permissions(vma.Flags), vma.File != 0 ? vma.PageOffset << 12 : 0, AreaNames.Of(mm, vma), VmFlagCodes.Text(vma.Flags)) : null,
            AreasKnown = true,
        };
        mm.Detach(mmu);
        task.Exit();
        return explanation with { Program = [Try(linear, Access.Read), Try(linear, Access.Write), Try(linear, Access.Execute)] };
    }

    private static Mmu CreateMmu(AddressSpace mm)
    {
        var mmu = new Mmu(mm.Machine.Memory, ProcessorFeatures.Zen4);
        mm.Attach(mmu);
        _ = mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.SmepBit | Cr4.SmapBit);
        return mmu;
    }

    private string Place(LinuxTask task, ulong linear)
    {
        if (!new LinearAddress(linear).IsCanonical(48)) return "in the hole of non-canonical addresses";
        string region = machine.Kernel.Layout.RegionOf(linear) is KernelRegion found ? found.Kind.Name() : "";
        return linear < task.Mm.TaskSize ? $"{region}, of {task.Comm}" : region;
    }

    private string ZoneOf(PhysicalAddress physical)
    {
        ulong frame = physical.Value >> 12;
        return PageAllocator.PlanZones(machine.Memory.Ranges, machine.Kernel.Layout.AllocatorOptions())
            .Where(z => frame >= z.Start && frame < z.End).Select(z => z.Name).FirstOrDefault("");
    }

    private static string Use(PageView page)
    {
        if (!page.IsPresent) return "";
        if (page.IsSpecial) return "the kernel's own page";
        string kind = page.IsAnonymous ? "private memory" : page.IsSharedMemory ? "shared memory" : "the page cache";
        return $"{kind}, mapped by {page.MapCount} {(page.MapCount == 1 ? "entry" : "entries")}";
    }

    private ProgramAccess Try(ulong linear, Access access)
    {
        LinuxTask task = machine.Execute();
        AddressSpace mm = task.Mm;
        using Mmu mmu = CreateMmu(mm);
        mm.Areas.TryFind(linear, out Vma vma);
        PageView before = linear < mm.TaskSize ? mm.Tables.Peek(linear) : default;
        ulong tables = mm.Tables.Tables;
        bool goes = mm.TryTranslate(mmu, linear, access, out _, out FaultOutcome outcome);
        string text = "";
        if (goes)
        {
            mm.Areas.TryFind(linear, out Vma after);
            text = Describe(mm, vma, after, before, mm.Tables.Peek(linear), access);
            ulong made = mm.Tables.Tables - tables;
            if (made > 0) text += $"; {made} page {(made == 1 ? "table" : "tables")} more";
        }

        mm.Detach(mmu);
        task.Exit();
        return goes ? new(access, true, text) : ProgramAccess.Refused(access, outcome);
    }

    private static string Describe(AddressSpace mm, in Vma vma, in Vma after, PageView before, PageView page, Access access)
    {
        string grown = after.Start < vma.Start ? $"the stack grows down to {after.Start:x}; " : "";
        if (before.IsPresent)
        {
            return before.Frame != page.Frame ? "copy on write: a page of its own" : access == Access.Write && !before.IsDirty ? "the page is there, and dirty from now on" : "the page is there";
        }

        string name = AreaNames.Of(mm, after);
        if (vma.File != 0) return page.IsAnonymous ? $"a private copy of a page of {name}" : $"a page of {name}, and those around it that are in memory";
        if (SpecialMapping.IsSpecial(vma.Name)) return $"a page of {name}";
        return grown + (page.IsSpecial ? "demand zero: the page of zeros, read-only" : "demand zero: a new page");
    }
}
