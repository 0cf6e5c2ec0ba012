using System.Text;
using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>execve of programs made for the purpose: what no record shows, or shows only in passing.</summary>
public sealed class ExecTests : IDisposable
{
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64UL << 20);
    private readonly ProgramSet _files = new();
    private readonly LinuxMachine _machine;

    public ExecTests()
    {
        _machine = new LinuxMachine(_memory);
        _machine.ExecSettings.Files = _files;
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Exec_OfAProgram_StandsBeforeItsFirstInstruction()
    {
        Add("/bin/one", new TestElf());
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/one", ["one", "two"], ["A=b"]).Task;
        Assert.Equal((0x40_1000UL, "one"), (task.Registers.InstructionPointer, task.Comm));
        Assert.Equal(0UL, task.Registers.StackPointer & 15);
        Assert.Equal(2UL, Word(task, task.Registers.StackPointer));
        Assert.Equal("one", Text(task, Word(task, task.Registers.StackPointer + 8)));
        Assert.Equal("two", Text(task, Word(task, task.Registers.StackPointer + 16)));
        Assert.Equal(0UL, Word(task, task.Registers.StackPointer + 24));
        Assert.Equal("A=b", Text(task, Word(task, task.Registers.StackPointer + 32)));
        Assert.Equal("/bin/one", Text(task, Value(task, AuxiliaryType.ExecutedName)));
        Assert.Equal("x86_64", Text(task, Value(task, AuxiliaryType.Platform)));
    }

    [Fact]
    public void Exec_OfA32BitProgram_HasItsSegmentsAndWords()
    {
        Add("/bin/small", new TestElf { Is32Bit = true, Entry = 0x40_0200 });
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/small", ["small"]).Task;
        Assert.Equal((0x23, 0x2b, 0x2b), (task.Registers.CodeSelector, task.Registers.StackSelector, task.Registers.DataSelector));
        Assert.True(task.Mm.Is32Bit && task.Mm.TaskSize == UserLayout.TaskSizeCompat);
        Assert.Equal("i686", Text(task, Value(task, AuxiliaryType.Platform)));
        Assert.Equal(AuxiliaryType.SystemInfo, task.Mm.AuxiliaryVector[0].Type);
    }

    // No PT_GNU_STACK in a 32-bit program: everything readable is executable, and the program may pass that on.
    [Fact]
    public void Exec_OfA32BitProgramWithoutAWordOnItsStack_MakesReadableMemoryExecutable()
    {
        Add("/bin/old", new TestElf { Is32Bit = true, Entry = 0x40_0200, Segments = [TestElf.Load(0x40_0000, 0x1000, flags: ElfSegment.Readable)] });
        Add("/bin/new", new TestElf { Entry = 0x40_0200 });
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/old", ["old"]).Task;
        Assert.True(task.Mm.ReadImpliesExec);
        Assert.True(task.Mm.Areas.TryFind(0x40_0000, out Vma code) && (code.Flags & VmFlags.Exec) != 0);
        Assert.True(task.Mm.Areas.TryFind(task.Registers.StackPointer, out Vma stack) && (stack.Flags & VmFlags.Exec) != 0);
        Assert.True(task.Exec("/bin/new", ["new"]).IsStarted);
        Assert.False(task.Mm.ReadImpliesExec);
    }

    [Fact]
    public void Exec_Refused_LeavesTheTaskAsItWas()
    {
        Add("/bin/one", new TestElf());
        _files.Add("/bin/text", new ProgramFile("/bin/text", "hello\n"u8.ToArray()));
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/one", ["one"]).Task;
        (AddressSpace mm, ulong pages, long free) = (task.Mm, task.Mm.TotalVm, _machine.Pages.FreePages);
        foreach ((string path, int error) in (ReadOnlySpan<(string, int)>)[
            ("", Errno.ENOENT), ("/bin/none", Errno.ENOENT), ("/bin/one/x", Errno.ENOTDIR), ("/bin/", Errno.EACCES), ("/bin", Errno.EACCES), ("/bin/text", Errno.ENOEXEC),
            ("/" + new string('a', 256), Errno.ENAMETOOLONG), (new string('/', 4096), Errno.ENAMETOOLONG)])
        {
            Assert.Equal((ExecStatus.Refused, error), (task.Exec(path, ["x"]).Status, task.Exec(path, ["x"]).Error));
        }

        Assert.Equal(Errno.E2BIG, task.Exec("/bin/one", [new string('x', 128 * 1024)]).Error);
        Assert.Equal(Errno.E2BIG, task.Exec("/bin/one", [.. Enumerable.Repeat("", 1 << 19)]).Error);
        Assert.Equal((mm, pages, free, "one", false), (task.Mm, task.Mm.TotalVm, _machine.Pages.FreePages, task.Comm, task.HasExited));
    }

    [Fact]
    public void Exec_ThatFailsLate_KillsTheTaskAndGivesEverythingBack()
    {
        Add("/bin/one", new TestElf());
        Add("/bin/bad", new TestElf { Entry = ulong.MaxValue });
        _machine.Exec("/bin/one", ["one"]).Task.Exit();
        long free = _machine.Pages.FreePages;
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/one", ["one"]).Task;
        ExecResult result = task.Exec("/bin/bad", ["bad"]);
        Assert.Equal(("killed:SIGSEGV", true), (result.ToString(), task.HasExited));
        Assert.Equal((free, 0UL), (_machine.Pages.FreePages, _machine.CommittedPages));
        Assert.Throws<InvalidOperationException>(() => result.Task);
    }

    [Fact]
    public void Exec_WhenMemoryIsUsedUp_FailsAndGivesEverythingBack()
    {
        Add("/bin/one", new TestElf());
        _machine.Exec("/bin/one", ["one"]).Task.Exit();
        for (int spare = 0; spare < 12; spare++)
        {
            var taken = new List<ulong>();
            while (_machine.Pages.FreePages > spare && _machine.Pages.TryAllocatePage(out ulong frame)) taken.Add(frame);
            long free = _machine.Pages.FreePages;
            ExecResult result = _machine.Exec("/bin/one", ["one", new string('x', 100_000)]);
            Assert.False(result.IsStarted);
            Assert.Equal(free, _machine.Pages.FreePages);
            foreach (ulong frame in taken) _machine.Pages.Put(frame);
        }
    }

    [Fact]
    public void Interpreter_ThatIsTheProgramItself_IsMappedTwice()
    {
        Add("/bin/self", new TestElf { Type = ElfHeader.Dynamic, Entry = 0x200, Interpreter = "/bin/self", Segments = [TestElf.Load(0, 0x1000)] });
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/self", ["self"]).Task;
        Assert.Equal(0x5555_5555_4200UL, Value(task, AuxiliaryType.Entry));
        Assert.Equal(Value(task, AuxiliaryType.InterpreterBase) + 0x200, task.Registers.InstructionPointer);
    }

    [Theory]
    [InlineData(65535, Errno.ENOEXEC)]
    [InlineData(1171, Errno.ENOEXEC)]
    [InlineData(0, Errno.ENOEXEC)]
    public void ProgramHeaders_TooManyOrNone_AreNoProgram(int count, int error)
    {
        Add("/bin/many", new TestElf { SegmentCount = (ushort)count, Length = 4 << 20 });
        Assert.Equal(error, _machine.Exec("/bin/many", ["many"]).Error);
    }

    [Fact]
    public void ProgramHeaders_AsManyAsFit64KiB_AreRead()
    {
        Add("/bin/many", new TestElf { SegmentCount = 1170, Length = 1 << 20 });
        Assert.True(_machine.Exec("/bin/many", ["many"]).IsStarted);
    }

    [Fact]
    public void Segments_OfThousands_AreAllMapped()
    {
        Add("/bin/wide", new TestElf { Segments = [.. Enumerable.Range(0, 1100).Select(i => TestElf.Load(0x40_0000 + ((ulong)i * 0x2000), 0x1000))], Length = 0x1_1000 });
        Assert.Equal(1100 + 4, _machine.Exec("/bin/wide", ["wide"]).Task.Mm.Areas.Count);
    }

    [Fact]
    public void Layout_OfARandomisedProgram_FollowsFromItsSeed()
    {
        Add("/bin/pie", new TestElf { Type = ElfHeader.Dynamic, Entry = 0x200, Interpreter = "/bin/ld", Segments = [TestElf.Load(0, 0x1000)] });
        Add("/bin/ld", new TestElf { Type = ElfHeader.Dynamic, Entry = 0x100, Segments = [TestElf.Load(0, 0x1000)] });
        HashSet<ulong> stacks = [], programs = [], interpreters = [], heaps = [];
        for (ulong seed = 0; seed < 50; seed++)
        {
            FastMmu.Linux.Mm.Task first = Run(seed), second = Run(seed);
            Assert.Equal((first.Registers, first.Mm.StartBrk, first.Mm.StartCode), (second.Registers, second.Mm.StartBrk, second.Mm.StartCode));
            Assert.InRange(first.Mm.StartBrk, first.Mm.EndData, first.Mm.EndData + (1UL << 30) + 8192);
            Assert.InRange(first.Mm.StartCode, 0x5555_5555_4000UL, 0x5555_5555_4000UL + (1UL << 40));
            stacks.Add(first.Registers.StackPointer);
            programs.Add(first.Mm.StartCode);
            interpreters.Add(first.Registers.InstructionPointer);
            heaps.Add(first.Mm.StartBrk - first.Mm.StartCode);
            first.Exit();
            second.Exit();
        }

        Assert.All([stacks.Count, programs.Count, interpreters.Count, heaps.Count], count => Assert.Equal(50, count));

        FastMmu.Linux.Mm.Task Run(ulong seed) => _machine.Exec("/bin/pie", ["pie"], [], new ExecOptions { Aslr = AslrSeed.From(seed) }).Task;
    }

    [Fact]
    public void Randomisation_SwitchedOffForTheMachine_IsOff()
    {
        Add("/bin/one", new TestElf());
        _machine.Settings.RandomizeVaSpace = 0;
        Assert.Equal(0x7fff_f7ff_f000UL, _machine.Exec("/bin/one", ["one"], [], new ExecOptions { Aslr = AslrSeed.From(1) }).Task.Mm.MmapBase);
    }

    [Fact]
    public void Heap_OfAProgram_GrowsFromItsStart()
    {
        Add("/bin/one", new TestElf());
        AddressSpace mm = _machine.Exec("/bin/one", ["one"]).Task.Mm;
        Assert.Equal((long)(mm.StartBrk + 0x5000), mm.Brk(mm.StartBrk + 0x5000));
        Assert.True(mm.Write(mm.StartBrk + 0x4fff, "x"u8).IsResolved);
    }

    [Fact]
    public void Script_OfAScript_RunsTheLastInterpreter()
    {
        Add("/bin/one", new TestElf());
        _files.Add("/a", new ProgramFile("/a", "#!/b x y\n"u8.ToArray()));
        _files.Add("/b", new ProgramFile("/b", "#!/bin/one\n"u8.ToArray()));
        FastMmu.Linux.Mm.Task task = _machine.Exec("/a", ["zero", "1"]).Task;
        string[] arguments = [.. Enumerable.Range(0, (int)Word(task, task.Registers.StackPointer)).Select(i => Text(task, Word(task, task.Registers.StackPointer + 8 + ((ulong)i * 8))))];
        Assert.Equal(["/bin/one", "/b", "x y", "/a", "1"], arguments);
        Assert.Equal(("a", "/a"), (task.Comm, Text(task, Value(task, AuxiliaryType.ExecutedName))));
    }

    [Fact]
    public void Kernel_Of32Bits_RunsOnly32BitPrograms()
    {
        Add("/bin/wide", new TestElf());
        Add("/bin/small", new TestElf { Is32Bit = true, Entry = 0x40_0200 });
        _machine.ExecSettings.Is32BitKernel = true;
        Assert.Equal(Errno.ENOEXEC, _machine.Exec("/bin/wide", ["wide"]).Error);
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/small", ["small"]).Task;
        Assert.Equal((0x73, 0x7b, 0x7b), (task.Registers.CodeSelector, task.Registers.StackSelector, task.Registers.DataSelector));
        Assert.InRange(task.Registers.StackPointer, 0xbfff_0000UL, 0xc000_0000UL);
    }

    [Fact]
    public void Release_OfTheArticlesTime_HasItsVdsoAboveTheStackAndItsHeapWithin32MiB()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(64UL << 20);
        var machine = new LinuxMachine(memory, KernelProfile.V5);
        machine.ExecSettings.Files = _files;
        Add("/bin/one", new TestElf());
        for (ulong seed = 0; seed < 40; seed++)
        {
            FastMmu.Linux.Mm.Task task = machine.Exec("/bin/one", ["one"], [], new ExecOptions { Aslr = AslrSeed.From(seed) }).Task;
            Assert.InRange(task.Mm.StartBrk, 0x40_1000UL, 0x40_1000UL + (32UL << 20));
            Assert.DoesNotContain(task.Mm.AuxiliaryVector, e => e.Type is AuxiliaryType.RseqAlignment or AuxiliaryType.MinimumSignalStackSize);
            Assert.True(Value(task, AuxiliaryType.SystemInfoHeader) - task.Registers.StackPointer is < (4UL << 20) or > (1UL << 40), "above the stack, or in the mmap area where that is full");
            task.Exit();
        }
    }

    [Fact]
    public void Machine_WithFiveLevels_GivesMoreAddressesButTheSameLayout()
    {
        using PhysicalMemory memory = PhysicalMemory.Create(64UL << 20);
        var machine = new LinuxMachine(memory) { Paging = PagingMode.FiveLevel };
        machine.ExecSettings.Files = _files;
        Add("/bin/one", new TestElf());
        FastMmu.Linux.Mm.Task task = machine.Exec("/bin/one", ["one"]).Task;
        Assert.Equal((UserLayout.TaskSizeLa57, 0x7fff_f7ff_f000UL), (task.Mm.TaskSize, task.Mm.MmapBase));
        Assert.InRange(task.Registers.StackPointer, 0x7fff_ffff_0000UL, 0x7fff_ffff_f000UL);
    }

    [Fact]
    public void Exec_OfATaskWithAnMmu_TakesTheMmuAlong()
    {
        Add("/bin/one", new TestElf());
        Add("/bin/two", new TestElf { Segments = [TestElf.Load(0x80_0000, 0x1000)], Entry = 0x80_0200 });
        FastMmu.Linux.Mm.Task task = _machine.Exec("/bin/one", ["one"]).Task;
        using var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        task.Mm.Attach(mmu);
        Assert.True(task.Mm.TryTranslate(mmu, 0x40_0000, Access.Execute, out _, out _));
        Assert.True(task.Exec("/bin/two", ["two"]).IsStarted);
        Assert.True(task.Mm.TryTranslate(mmu, 0x80_0000, Access.Execute, out _, out _));
        Assert.False(task.Mm.TryTranslate(mmu, 0x40_0000, Access.Execute, out _, out FaultOutcome outcome));
        Assert.Equal((FaultOutcome.Segv, FaultOutcome.MapError), (outcome.Signal, outcome.Code));
    }

    private static ulong Value(FastMmu.Linux.Mm.Task task, AuxiliaryType type) => task.Mm.AuxiliaryVector.Single(e => e.Type == type).Value;

    private static ulong Word(FastMmu.Linux.Mm.Task task, ulong address)
    {
        byte[] bytes = new byte[8];
        Assert.True(task.Mm.Read(address, bytes).IsResolved);
        return BitConverter.ToUInt64(bytes);
    }

    private static string Text(FastMmu.Linux.Mm.Task task, ulong address)
    {
        var text = new List<byte>();
        byte[] one = new byte[1];
        for (; task.Mm.Read(address, one).IsResolved && one[0] != 0; address++) text.Add(one[0]);
        return Encoding.UTF8.GetString([.. text]);
    }

    private void Add(string path, TestElf file) => _files.Add(path, new ProgramFile(path, file.ToBytes()));
}
