using FastMmu.Addresses;
using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Linux.Physical;
using FastMmu.Linux.Proc;
using FastMmu.Memory;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Tests.Linux.Pages;
using Xunit;
using static FastMmu.Addresses.ByteSize;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>Tasks of a 32-bit kernel: 3 GiB of addresses on the kernel's own kind of page tables, with more memory than it has addresses for.</summary>
public sealed class NativeTaskTests
{
    private const ulong KernelStart = 0xc000_0000;
    private const ulong Page = 4096;
    private const int ReadWrite = 3;
    private const uint PrivateAnonymous = 0x22, Fixed = 0x10;

    public static TheoryData<KernelArchitecture> Kernels => [KernelArchitecture.I386, KernelArchitecture.I386Pae];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Program_HasTheAddressesOfA32BitKernel(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        LinuxTask task = native.Execute("/bin/fixed");
        AddressSpace mm = task.Mm;
        Assert.Equal((KernelStart, true, 0x73, 0x7b), (mm.TaskSize, mm.Is32Bit, task.Registers.CodeSelector, task.Registers.StackSelector));
        Assert.Equal(KernelStart - (128 * MiB), mm.MmapBase);
        Assert.True(mm.Areas.TryFind(task.Registers.StackPointer, out Vma stack) && stack.End == KernelStart);
        Assert.Equal(0x0804_a000UL, mm.StartBrk);
        Assert.Equal(0x0804_a000L + 0x5000, mm.Brk(0x0804_a000 + 0x5000));
        Assert.DoesNotContain("[vsyscall]", mm.ToProcMaps(), StringComparison.Ordinal);
        Assert.Equal(-Errno.ENOSYS, mm.Mseal(0x0804_8000, Page, 0));
        Assert.Equal(Errno.ENOEXEC, native.Machine.Exec("/bin/wide", ["wide"]).Error);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Program_WithAnInterpreter_StartsThere(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        LinuxTask task = native.Execute("/bin/moved");
        Assert.Equal(0x40_0000UL + 0x200, Auxiliary(task, AuxiliaryType.Entry));
        ulong loader = Auxiliary(task, AuxiliaryType.InterpreterBase);
        Assert.InRange(loader, 0xb000_0000UL, task.Mm.MmapBase);
        Assert.Equal(loader + 0x200, task.Registers.InstructionPointer);
        Assert.Equal(AuxiliaryType.SystemInfo, task.Mm.AuxiliaryVector[0].Type);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void UserPages_LieInHighMemoryAndTheirTablesInLow(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        LinuxTask task = native.Execute("/bin/fixed");
        AddressSpace mm = task.Mm;
        ulong area = native.Map(mm, 64 * Page);
        for (ulong at = area; at < area + (64 * Page); at += Page)
        {
            Assert.True(mm.Write(at, [7]).IsResolved);
            ulong frame = mm.Tables.Peek(at).Frame;
            Assert.Equal(ZoneType.HighMem, native.ZoneOf(frame));
            Assert.False(native.Layout.TryPhysToVirt(frame << 12, out _));
        }

        Assert.Equal(ZoneType.Normal, native.ZoneOf(mm.Tables.Root.Value >> 12));
        AddressSpaceView view = AddressSpaceView.Open(native.Memory, native.Machine.Paging, mm.Tables.Root);
        Assert.Equal((long)mm.Tables.Tables, view.Summarize().Tables - native.Kernel.SharedTables);
        // A read of untouched memory shows the kernel's page of zeros.
        ulong untouched = native.Map(mm, Page);
        Assert.True(mm.Touch(untouched, Access.Read, out PhysicalAddress zero).IsResolved);
        Assert.True(native.Layout.TryPhysToVirt(zero.Value, out _));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void KernelHalf_IsEveryTasksAndTheSupervisorsAlone(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        LinuxTask first = native.Execute("/bin/fixed"), second = native.Execute("/bin/moved");
        Assert.Equal(77, first.Fork(77, out LinuxTask? child));
        ulong[] kernel = native.KernelEntries(native.Kernel.Root);
        Assert.Contains(kernel, entry => entry != 0);
        using var mmu = new Mmu(native.Memory, ProcessorFeatures.Zen4);
        foreach (LinuxTask task in new[] { first, second, child! })
        {
            Assert.Equal(kernel, native.KernelEntries(task.Mm.Tables.Root));
            Assert.Equal(kernel.Count(entry => (entry & 1) != 0), native.Kernel.CountShared(task.Mm.Tables.Root));
            task.Mm.Attach(mmu);
            Assert.Equal(0x12_3456UL, mmu.Translate(KernelStart + 0x12_3456, Access.Write, Privilege.Supervisor).Physical.Value);
            foreach (Access access in new[] { Access.Read, Access.Write, Access.Execute })
            {
                Assert.False(task.Mm.TryTranslate(mmu, KernelStart + 0x12_3456, access, out _, out FaultOutcome outcome));
                Assert.Equal(new FaultOutcome(FaultOutcome.Segv, FaultOutcome.MapError, KernelStart + 0x12_3456), outcome);
            }

            ulong code = (task == second ? second : first).Registers.InstructionPointer;
            Assert.True(task.Mm.TryTranslate(mmu, code, Access.Execute, out _, out _));
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void ForkExecAndExit_CopyOnWriteAndLeakNoFrame(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        native.Execute("/bin/fixed").Exit();
        native.Execute("/bin/moved").Exit();
        long free = native.Machine.Pages.FreePages;
        LinuxTask parent = native.Execute("/bin/fixed");
        ulong area = native.Map(parent.Mm, 2048 * Page);
        for (ulong at = area; at < area + (2048 * Page); at += 7 * Page) parent.Mm.Write(at, [1]);
        using var mmu = new Mmu(native.Memory, ProcessorFeatures.Zen4);
        parent.Mm.Attach(mmu);
        Assert.True(parent.Mm.TryWrite(mmu, area, [1], out _));
        Assert.Equal(77, parent.Fork(77, out LinuxTask? child));
        Assert.Equal(parent.Mm.Tables.Peek(area).Frame, child!.Mm.Tables.Peek(area).Frame);
        Assert.True(parent.Mm.TryWrite(mmu, area, [2], out _));
        Assert.Equal((1, 2), (ProcessFixture.ByteAt(child.Mm, area), ProcessFixture.ByteAt(parent.Mm, area)));
        PageInvariants.Check(native.Machine);
        Assert.True(child.Exec("/bin/moved", ["again"]).IsStarted);
        PageInvariants.Check(native.Machine);
        parent.Exit();
        child.Exit();
        Assert.Equal(free, native.Machine.Pages.FreePages);
    }

    [Theory]
    [InlineData(KernelArchitecture.I386, true)]
    [InlineData(KernelArchitecture.I386Pae, false)]
    public void Fetch_FromTheStack_IsRefusedOnlyWhereEntriesHaveNx(KernelArchitecture architecture, bool allowed)
    {
        using var native = new Native(architecture);
        LinuxTask task = native.Execute("/bin/fixed");
        ulong stack = task.Registers.StackPointer;
        Assert.True(task.Mm.Areas.TryFind(stack, out Vma vma) && (vma.Flags & VmFlags.Exec) == 0);
        using var mmu = new Mmu(native.Memory, ProcessorFeatures.Zen4);
        task.Mm.Attach(mmu);
        Assert.Equal(allowed, task.Mm.TryTranslate(mmu, stack, Access.Execute, out _, out FaultOutcome outcome));
        Assert.Equal(allowed, outcome.IsResolved);
        Assert.Equal(allowed, task.Mm.Touch(stack, Access.Execute, out _).IsResolved);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Mmap_UntilNothingIsLeft_FillsThreeGibibytes(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        AddressSpace mm = native.Execute("/bin/fixed").Mm;
        const ulong piece = 16 * MiB;
        ulong before = mm.TotalVm << 12, mapped = 0;
        Assert.Equal(-Errno.ENOMEM, mm.Mmap(0, KernelStart, ReadWrite, PrivateAnonymous | MmapFlags.NoReserve, -1, 0));
        foreach (ulong length in new[] { piece, Page })
        {
            long at;
            while ((at = mm.Mmap(0, length, ReadWrite, PrivateAnonymous | MmapFlags.NoReserve, -1, 0)) >= 0)
            {
                Assert.InRange((ulong)at + length, length, KernelStart);
                mapped += length;
            }

            Assert.Equal(-Errno.ENOMEM, at);
        }

        // What stays free: below the lowest address for anybody, and the gap below the stack.
        ulong gap = native.Machine.Settings.StackGuardGapPages << 12;
        Assert.Equal(KernelStart - native.Machine.Settings.MmapMinAddressEffective - gap, before + mapped);
        Assert.Equal((long)mm.CurrentBrk, mm.Brk(mm.CurrentBrk + Page));
        Assert.Equal(-Errno.ENOMEM, mm.Mmap(KernelStart - Page, 2 * Page, ReadWrite, PrivateAnonymous | Fixed, -1, 0));
        Assert.Equal(-Errno.EINVAL, mm.Munmap(KernelStart, Page));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Ranges_WrapAfter32Bits(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        AddressSpace mm = native.Execute("/bin/fixed").Mm;
        ulong area = native.Map(mm, Page);
        ulong beyond = 0x1_0000_0000 - area;
        Assert.Equal(-Errno.ENOMEM, mm.Mprotect(area, beyond, 1));
        Assert.True(mm.Areas.TryFind(area, out Vma vma) && (vma.Flags & VmFlags.Write) != 0);
        Assert.Equal(-Errno.EINVAL, mm.Madvise(area, beyond + Page - 1, Advice.Normal));
        Assert.Equal(-Errno.EINVAL, mm.Munlock(area, beyond + Page));
        Assert.Equal(-Errno.ENOMEM, mm.Mmap(0, 0xffff_f001, ReadWrite, PrivateAnonymous, -1, 0));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void LowMemory_UsedUp_LeavesNoRoomForTablesThoughPagesAreLeft(KernelArchitecture architecture)
    {
        using var native = new Native(architecture);
        AddressSpace mm = native.Execute("/bin/fixed").Mm;
        ulong region = (architecture == KernelArchitecture.I386 ? 4UL : 2) * MiB;
        ulong area = ((ulong)mm.Mmap(0, 4 * region, ReadWrite, PrivateAnonymous, -1, 0) + region - 1) & ~(region - 1);
        Assert.True(mm.Write(area, [1]).IsResolved);
        var taken = new List<ulong>();
        while (native.Machine.Pages.TryAllocate(GfpFlags.Kernel, 0, out ulong frame)) taken.Add(frame);
        Assert.All(taken, frame => Assert.NotEqual(ZoneType.HighMem, native.ZoneOf(frame)));
        Assert.True(mm.Write(area + Page, [1]).IsResolved);
        Assert.Equal(FaultOutcome.Kill, mm.Write(area + region, [1]).Signal);
        taken.ForEach(frame => native.Machine.Pages.Put(frame));
        Assert.True(mm.Write(area + region, [1]).IsResolved);
    }

    private static ulong Auxiliary(LinuxTask task, AuxiliaryType type) => task.Mm.AuxiliaryVector.Single(e => e.Type == type).Value;

    /// <summary>A 32-bit machine with a few programs, and more memory than its direct map shows.</summary>
    private sealed class Native : IDisposable
    {
        public Native(KernelArchitecture architecture)
        {
            Memory = PhysicalMemory.Create(1200 * MiB);
            Machine = new LinuxMachine(Memory, KernelLayout.For(Memory, new() { Architecture = architecture }));
            Machine.Settings.TotalRamPages = Memory.End >> 12;
            var files = new ProgramSet();
            var stack = new ElfSegment(ElfSegment.GnuStack, ElfSegment.Readable | ElfSegment.Writable, 0, 0, 0, 0, 16);
            Add(files, "/bin/fixed", new TestElf
            {
                Is32Bit = true,
                Entry = 0x0804_8200,
                Segments = [TestElf.Load(0x0804_8000, 0x1000), TestElf.Load(0x0804_9000, 0x1000, 0x1000, ElfSegment.Readable | ElfSegment.Writable), stack],
            });
            TestElf moved = new() { Is32Bit = true, Type = ElfHeader.Dynamic, Entry = 0x200, Segments = [TestElf.Load(0, 0x1000), stack] };
            Add(files, "/lib/loader", moved);
            Add(files, "/bin/moved", moved with { Interpreter = "/lib/loader" });
            Add(files, "/bin/wide", new TestElf());
            Machine.ExecSettings.Files = files;
        }

        public PhysicalMemory Memory { get; }

        public LinuxMachine Machine { get; }

        public KernelSpace Kernel => Machine.Kernel!;

        public KernelLayout Layout => Kernel.Layout;

        public LinuxTask Execute(string path) => Machine.Exec(path, [path]).Task;

        public ulong Map(AddressSpace mm, ulong length) => (ulong)mm.Mmap(0, length, ReadWrite, PrivateAnonymous, -1, 0);

        public ZoneType ZoneOf(ulong frame) => Machine.Pages.ZoneOf(frame).Type;

        /// <summary>The top table's entries for addresses of the kernel.</summary>
        public ulong[] KernelEntries(PhysicalAddress root) => Machine.Paging == PagingMode.TwoLevel
            ? [.. Enumerable.Range(768, 256).Select(i => (ulong)Memory.Read<uint>(root + ((ulong)i * 4)))]
            : [Memory.Read<ulong>(root + 24)];

        public void Dispose()
        {
            Machine.Pages.Dispose();
            Memory.Dispose();
        }

        private static void Add(ProgramSet files, string path, TestElf elf) => files.Add(path, new ProgramFile(path, elf.ToBytes()));
    }
}
