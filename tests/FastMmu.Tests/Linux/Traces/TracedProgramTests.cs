using FastMmu.Cli.MmTraces;
using FastMmu.Cli.MmTraces.Replay;
using FastMmu.Linux;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using Xunit;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Tests.Linux.Traces;

/// <summary>The process that each trace starts with is what executing the traced program makes.</summary>
public sealed class TracedProgramTests
{
    [Theory]
    [InlineData("level1.jsonl.gz")]
    [InlineData("level2.jsonl.gz")]
    [InlineData("level4.jsonl.gz")]
    [InlineData("level6.jsonl.gz")]
    [InlineData("directed.jsonl.gz")]
    public void Exec_TracedProgram_MakesTheRecordedProcess(string file)
    {
        byte[] program = File.ReadAllBytes(RepositoryRoot.Data("mm", "target"));
        using TraceReader reader = TraceReader.Open(RepositoryRoot.Data("mm", file));
        while (reader.ReadNext() is { } trace)
        {
            TraceHeader header = trace.Header;
            using var memory = PhysicalMemory.Create(32 << 20);
            LinuxTask task = Start(header, program, memory);
            AddressSpace mm = task.Mm;
            TraceMm recorded = header.Mm;
            Assert.Equal(recorded, new TraceMm(
                mm.StartCode, mm.EndCode, mm.StartStack, mm.StartData, mm.EndData, mm.StartBrk, mm.CurrentBrk, mm.ArgStart, mm.ArgEnd, mm.EnvStart, mm.EnvEnd));
            Assert.Equal((header.TaskSize, header.MmapBase, header.Rsp), (mm.TaskSize, mm.MmapBase, task.Registers.StackPointer));

            // The recording began behind the first instruction and the tracer's write into the scratch page.
            Assert.True(mm.Touch(task.Registers.InstructionPointer, FastMmu.Processor.Access.Execute, out _).IsResolved);
            Assert.True(mm.Touch(0x402000, FastMmu.Processor.Access.Write, out _).IsResolved);
            var areas = new List<TraceArea>();
            new ProcessState().ReadAreas(mm, areas);
            Assert.Equal(header.Areas, areas.Select(a => a.Name == header.ExecFn ? a with { Name = "target" } : a));
            long[] counters = new long[header.Counters.Count];
            ProcessState.ReadCounters(mm, counters);
            Assert.Equal(header.Counters, counters);

            byte[] stack = new byte[header.StackBytes.Length];
            Assert.True(mm.Read(header.Rsp, stack).IsResolved);
            Assert.Equal(Convert.ToHexString(header.StackBytes), Convert.ToHexString(stack));
        }
    }

    private static LinuxTask Start(TraceHeader header, byte[] program, PhysicalMemory memory)
    {
        var machine = new LinuxMachine(memory);
        ulong Auxiliary(ulong type) => header.Auxv.First(a => a.Type == type).Value;
        var programs = new ProgramSet();
        programs.Add(header.ExecFn, new ProgramFile(header.ExecFn, program));
        machine.ExecSettings.Files = programs;
        machine.ExecSettings.HardwareCapabilities = Auxiliary(16);
        machine.ExecSettings.HardwareCapabilities2 = Auxiliary(26);
        machine.ExecSettings.MinimumSignalStackSize = Auxiliary(51);
        var context = new ProcessContext
        {
            Personality = (Personality)header.Personality,
            Credentials = new Credentials { UserId = (int)header.Uid, GroupId = (int)header.Uid },
        };
        context.Limits[ResourceLimits.Stack] = new(header.Stack.Soft, header.Stack.Hard);
        context.Limits[ResourceLimits.Data] = new(header.Data.Soft, header.Data.Hard);
        context.Limits[ResourceLimits.AddressSpace] = new(header.AddressSpace.Soft, header.AddressSpace.Hard);
        context.Limits[ResourceLimits.MemoryLock] = new(header.MemLock.Soft, header.MemLock.Hard);
        byte[] random = new byte[16];
        random.AsSpan().Fill(0xa5);
        ExecResult result = machine.Exec(header.ExecFn, header.Argv, header.Envp, new ExecOptions { Aslr = AslrSeed.Off, Context = context, RandomBytes = random });
        return result.Task;
    }
}
