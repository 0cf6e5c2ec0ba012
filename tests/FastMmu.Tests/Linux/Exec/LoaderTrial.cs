using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using FastMmu.Cli.ExecRecords;
using FastMmu.Cli.Programs;
using FastMmu.Linux;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;
using FastMmu.Memory;
using FastMmu.Tests.Generators;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>A machine on which damaged programs are executed, one after the other; each must leave nothing behind.</summary>
internal sealed class LoaderTrial : IDisposable
{
    private const string Resident = "/resident";
    private static readonly Lazy<(string Name, byte[] Content)[]> s_programs = new(ReadPrograms);
    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64UL << 20);
    private readonly LinuxMachine _machine;
    private readonly List<Subject> _subjects = [];
    private readonly long _freeBefore;
    private FastMmu.Linux.Mm.Task _task;

    public LoaderTrial()
    {
        _machine = new LinuxMachine(_memory);
        var files = new ProgramSet();
        foreach ((string name, byte[] content) in s_programs.Value) Add(files, ExecFolder.Programs + name, content);
        // A real program's interpreter is a small one here.
        files.Add("/lib64/ld-linux-x86-64.so.2", _subjects.Single(s => s.Path.EndsWith("/interp-dyn", StringComparison.Ordinal)).File);
        AddTruncated(files);
        files.Add(Resident, new ProgramFile(Resident, SampleProgram.Create()));
        _machine.ExecSettings.Files = files;
        // The kernel's own pages are taken once and stay.
        _machine.Exec(Resident, [Resident]).Task.Exit();
        _machine.Exec(ExecFolder.Programs + "i386-min", ["i386"]).Task.Exit();
        _task = _machine.Exec(Resident, [Resident]).Task;
        DropCaches();
        _freeBefore = _machine.Pages.FreePages;
    }

    /// <summary>How many cases ended how.</summary>
    public Dictionary<string, int> Outcomes { get; } = [];

    /// <summary>Damages a program, executes it, checks what came of it, and mends it.</summary>
    /// <param name="seed">Which program, and which damage.</param>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? Run(ulong seed)
    {
        var random = new EdgeRandom(seed);
        Subject damaged = _subjects[random.Below(_subjects.Count)];
        // Sometimes the interpreter is what is damaged.
        Subject executed = damaged.Path.Contains("/interp-dyn", StringComparison.Ordinal) ? UserOf(damaged) : damaged;
        var damage = new ElfDamage(damaged.Content);
        string what = $"{damaged.Path}: {damage.Apply(random)}";
        try
        {
            string? wrong = random.Below(4) == 0 ? RunInTask(executed) : RunAlone(executed, random);
            damaged.File.Inode.DropCache();
            executed.File.Inode.DropCache();
            wrong ??= Leftovers();
            return wrong is null ? null : $"{what}: {wrong}";
        }
        catch (Exception failure)
        {
            return $"{what}: {failure}";
        }
        finally
        {
            damage.Undo();
        }
    }

    public void Dispose()
    {
        _task.Exit();
        _memory.Dispose();
    }

    private static (string Name, byte[] Content)[] ReadPrograms()
    {
        var programs = new List<(string, byte[])>();
        using var tar = new TarReader(new GZipStream(File.OpenRead(RepositoryRoot.Data("exec", "bins.tar.gz")), CompressionMode.Decompress));
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile)) continue;
            byte[] content = new byte[entry.Length];
            entry.DataStream?.ReadExactly(content);
            programs.Add((Path.GetFileName(entry.Name), content));
        }

        // Beside those written for the purpose a real one, where the tests come with one: their own launcher.
        string launcher = Path.Combine(AppContext.BaseDirectory, "FastMmu.Tests");
        if (File.Exists(launcher)) programs.Add(("launcher", File.ReadAllBytes(launcher)));
        return [.. programs];
    }

    private void Add(ProgramSet files, string path, byte[] original)
    {
        byte[] content = [.. original];
        var file = new ProgramFile(path, content);
        files.Add(path, file);
        if (content.Length > 0) _subjects.Add(new Subject(path, content, file));
    }

    private void AddTruncated(ProgramSet files)
    {
        foreach (Subject whole in _subjects.ToArray())
        {
            if (!whole.Path.EndsWith("/dyn-with-interp-dyn", StringComparison.Ordinal) && !whole.Path.EndsWith("/i386-bss", StringComparison.Ordinal)) continue;
            foreach (int length in (int[])[1, 4, 20, 51, 52, 63, 64, 65, 84, 119, 120, 176, 256, 300, 4095, 4096, 4097, 5000])
            {
                Add(files, $"{whole.Path}-{length}", whole.Content[..Math.Min(length, whole.Content.Length)]);
            }
        }
    }

    private Subject UserOf(Subject interpreter)
    {
        string suffix = interpreter.Path[(interpreter.Path.LastIndexOf("interp-", StringComparison.Ordinal) + "interp-".Length)..];
        return _subjects.FirstOrDefault(s => s.Path.EndsWith("/dyn-with-interp-" + suffix.Replace("dyn-", "", StringComparison.Ordinal), StringComparison.Ordinal)) ?? interpreter;
    }

    private string? RunAlone(Subject subject, EdgeRandom random)
    {
        AslrSeed aslr = random.Below(2) == 0 ? AslrSeed.Off : AslrSeed.From(random.Next64());
        ExecResult result = _machine.Exec(subject.Path, ["name", "argument"], ["A=1"], new ExecOptions { Aslr = aslr });
        Count(result);
        if (!result.IsStarted) return null;
        string? wrong = Inspect(result.Task);
        result.Task.Exit();
        return wrong;
    }

    // A task that executes: refused, it goes on as it was; killed, it is gone.
    private string? RunInTask(Subject subject)
    {
        AddressSpace mm = _task.Mm;
        (ulong pages, StartRegisters registers, ulong resident) = (mm.TotalVm, _task.Registers, mm.Tables.Rss);
        ExecResult result = _task.Exec(subject.Path, ["name"], ["A=1"]);
        Count(result);
        if (result.Status == ExecStatus.Refused)
        {
            return _task.Mm == mm && !_task.HasExited && (mm.TotalVm, _task.Registers, mm.Tables.Rss) == (pages, registers, resident)
                ? null
                : "a refused execve changed the task";
        }

        if (_task.HasExited != (result.Status == ExecStatus.Killed)) return $"{result}, and the task has {(_task.HasExited ? "" : "not ")}exited";
        string? wrong = result.IsStarted ? Inspect(_task) : null;
        if (!_task.HasExited) _task.Exit();
        _task = _machine.Exec(Resident, [Resident]).Task;
        return wrong;
    }

    private void Count(ExecResult result) => Outcomes[result.ToString()] = Outcomes.GetValueOrDefault(result.ToString()) + 1;

    private static string? Inspect(FastMmu.Linux.Mm.Task task)
    {
        AddressSpace mm = task.Mm;
        ulong pages = 0, resident = 0, before = 0;
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            if (vma.Start < before || vma.End <= vma.Start || ((vma.Start | vma.End) & 0xfff) != 0 || vma.End > mm.TaskSize) return $"an area of {vma.Start:x}-{vma.End:x} behind {before:x}";
            pages += vma.Pages;
            resident += mm.Tables.Count(vma).Rss;
            before = vma.End;
        }

        if (pages != mm.TotalVm) return $"areas of {pages} pages, counted as {mm.TotalVm}";
        if (resident != mm.Tables.Rss) return $"{resident} pages in areas, counted as {mm.Tables.Rss}";
        StartRegisters registers = task.Registers;
        if (registers.InstructionPointer >= mm.TaskSize || (registers.StackPointer & 15) != 0) return $"rip {registers.InstructionPointer:x}, rsp {registers.StackPointer:x}";
        Span<byte> count = stackalloc byte[4];
        if (!mm.Read(registers.StackPointer, count).IsResolved || BinaryPrimitives.ReadInt32LittleEndian(count) is < 1 or > 16) return "argc is not on the stack";
        return mm.AuxiliaryVector[^1].Type == AuxiliaryType.Null && mm.ArgEnd >= mm.ArgStart && mm.EnvEnd >= mm.EnvStart ? null : "the start-up tables are not complete";
    }

    private string? Leftovers()
    {
        long free = _machine.Pages.FreePages;
        if (free != _freeBefore)
        {
            DropCaches();
            free = _machine.Pages.FreePages;
        }

        if (free != _freeBefore) return $"{_freeBefore - free} pages were not given back";
        ulong own = 0;
        for (ulong at = 0; _task.Mm.Areas.TryFind(at, out Vma vma); at = vma.End) own += (vma.Flags & VmFlags.Account) != 0 ? vma.Pages : 0;
        return _machine.CommittedPages == own ? null : $"{_machine.CommittedPages} pages charged, the resident task has {own}";
    }

    private void DropCaches()
    {
        foreach (Subject subject in _subjects) subject.File.Inode.DropCache();
    }

    private sealed record Subject(string Path, byte[] Content, ProgramFile File);
}
