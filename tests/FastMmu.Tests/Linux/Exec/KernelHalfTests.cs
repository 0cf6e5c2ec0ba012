using FastMmu.Addresses;
using FastMmu.Linux;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Processor;
using Xunit;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>Programs on a machine that has its kernel's half.</summary>
public sealed class KernelHalfTests : IDisposable
{
    private const int FirstKernelEntry = 256;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(256UL << 20);
    private readonly LinuxMachine _machine;

    public KernelHalfTests()
    {
        _machine = new LinuxMachine(_memory, KernelLayout.For(_memory, new() { Seed = AslrSeed.From(3) }));
        var files = new ProgramSet();
        files.Add("/bin/one", new ProgramFile("/bin/one", new TestElf().ToBytes()));
        _machine.ExecSettings.Files = files;
    }

    private KernelSpace Kernel => _machine.Kernel!;

    public void Dispose()
    {
        _machine.Pages.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void Tasks_ExecutedAndForked_ShareTheKernelsTables()
    {
        LinuxTask first = Execute(), second = Execute();
        Assert.Equal(77, first.Fork(77, out LinuxTask? child));
        ulong[] kernel = UpperEntries(Kernel.Root);
        Assert.Contains(kernel, entry => entry != 0);
        foreach (LinuxTask task in new[] { first, second, child! }) Assert.Equal(kernel, UpperEntries(task.Mm.Tables.Root));
        Assert.Equal(4, new[] { Kernel.Root, first.Mm.Tables.Root, second.Mm.Tables.Root, child!.Mm.Tables.Root }.Distinct().Count());
    }

    [Fact]
    public void KernelAddress_ThroughATask_IsTheSupervisorsAlone()
    {
        LinuxTask task = Execute();
        task.Fork(77, out LinuxTask? child);
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        foreach (LinuxTask running in new[] { task, child! })
        {
            running.Mm.Attach(mmu);
            ulong text = Kernel.Layout.ImageStart;
            Assert.Equal(Kernel.Layout.ImagePhysical, mmu.Translate(text, Access.Execute, Privilege.Supervisor).Physical.Value);
            Assert.Equal(0x1234UL, mmu.Translate(Kernel.Layout.DirectMap + 0x1234, Access.Write, Privilege.Supervisor).Physical.Value);
            foreach (Access access in new[] { Access.Read, Access.Write, Access.Execute })
            {
                Assert.False(running.Mm.TryTranslate(mmu, text, access, out Translation refused, out FaultOutcome outcome));
                Assert.Equal(ExceptionVector.PageFault, refused.Fault.Vector);
                Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, text), outcome);
            }
        }
    }

    [Fact]
    public void ForkAndExit_LeaveTheKernelAloneAndLeakNoFrame()
    {
        // What the machine keeps for good (the zero page, the vdso, the page cache) comes with the first process.
        LinuxTask kept = Execute();
        TouchAll(kept.Mm);
        ulong[] kernel = UpperEntries(Kernel.Root);
        long tables = Kernel.View().Summarize().Tables;
        long free = _machine.Pages.FreePages;
        for (int i = 0; i < 3; i++)
        {
            LinuxTask parent = Execute();
            TouchAll(parent.Mm);
            Assert.Equal(77, parent.Fork(77, out LinuxTask? child));
            TouchAll(child!.Mm);
            parent.Exit();
            Assert.True(child.Exec("/bin/one", ["again"]).IsStarted);
            child.Exit();
            Assert.Equal(free, _machine.Pages.FreePages);
        }

        Assert.Equal(kernel, UpperEntries(Kernel.Root));
        Assert.Equal(kernel, UpperEntries(kept.Mm.Tables.Root));
        Assert.Equal(tables, Kernel.View().Summarize().Tables);
    }

    private static void TouchAll(AddressSpace mm)
    {
        for (ulong at = 0; mm.Areas.TryFind(at, out FastMmu.Linux.Areas.Vma vma); at = vma.End)
        {
            Access access = (vma.Flags & FastMmu.Linux.Areas.VmFlags.Write) != 0 ? Access.Write : Access.Read;
            for (ulong page = vma.Start; page < vma.End; page += 4096) mm.Touch(page, access, out _);
        }
    }

    private LinuxTask Execute() => _machine.Exec("/bin/one", ["one"], options: new ExecOptions { Aslr = AslrSeed.From(5) }).Task;

    private ulong[] UpperEntries(PhysicalAddress root) =>
        [.. Enumerable.Range(FirstKernelEntry, 512 - FirstKernelEntry).Select(i => _memory.Read<ulong>(root + ((ulong)i * 8)))];
}
