using FastMmu.Cli.Programs;
using FastMmu.Linux;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;
using FastMmu.Memory;

namespace FastMmu.Cli.ExecRecords;

/// <summary>Executes what was recorded, on a machine like the one of the recording, and compares.</summary>
internal static class ExecReplay
{
    private const ulong MemoryBytes = 512UL << 20;
    private const string Descriptor = "/dev/fd/7";

    // The recording has these bytes in place of the random ones.
    private static readonly byte[] RandomBytes = [.. Enumerable.Repeat((byte)0xa5, 16)];

    /// <summary>Replays a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="only">Only cases whose name contains this; null for all.</param>
    /// <param name="work">Told how far it is.</param>
    /// <param name="kernel">What kind of kernel executes; four levels and no half of its own if not given.</param>
    /// <exception cref="InputException">Something in the folder cannot be used.</exception>
    public static ExecReport Verify(string path, string? only = null, LongWork? work = null, KernelKind? kernel = null)
    {
        ExecFolder folder = ExecFolder.Read(path);
        using PhysicalMemory memory = PhysicalMemory.Create(MemoryBytes);
        LinuxMachine machine = (kernel ?? KernelKind.ProgramOnly).Start(memory);
        machine.ExecSettings.Files = folder.Files;
        TakeMachine(machine.ExecSettings, folder);
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var comparer = new ExecComparer();
        var mismatches = new List<ExecMismatch>();
        for (int i = 0; i < folder.Records.Count; i++)
        {
            ExecRecord record = folder.Records[i];
            if (only is not null && !record.Name.Contains(only, StringComparison.Ordinal)) continue;
            if (work is not null) work.Done = (double)i / folder.Records.Count;
            outcomes[record.Result] = outcomes.GetValueOrDefault(record.Result) + 1;
            List<string> differences = Run(machine, folder, record, comparer);
            if (differences.Count > 0) mismatches.Add(new ExecMismatch(record.Line, record.Name, differences));
        }

        return new ExecReport(path, outcomes, comparer.Compared, mismatches);
    }

    private static List<string> Run(LinuxMachine machine, ExecFolder folder, ExecRecord record, ExecComparer comparer)
    {
        var context = new ProcessContext
        {
            Personality = record.Personality,
            Credentials = (record.UserId == 0 ? Credentials.Root : Credentials.User) with { UserId = record.UserId, GroupId = record.UserId },
        };
        foreach ((int resource, ResourceLimit limit) in record.Limits) context.Limits[resource] = limit;
        folder.Files.WorkingDirectory = record.WorkingDirectory?.TrimEnd('/') is { Length: > 0 } directory ? directory : "/";
        ProgramFile? open = null;
        if (record.OpenPath is not null && folder.Files.Open(record.OpenPath, out open) != 0) return [$"{record.OpenPath} cannot be opened"];
        ExecResult result = machine.Exec(
            open is null ? record.Path : Descriptor, record.Arguments, record.Environment,
            new ExecOptions { Context = context, OpenFile = open, RandomBytes = RandomBytes });
        var differences = new List<string>();
        if (result.ToString() != record.Result)
        {
            differences.Add($"result: expected {record.Result}, actual {result}" + (result.Status == ExecStatus.Killed ? $" (error {result.Error})" : ""));
        }
        else if (record.State is { } state)
        {
            comparer.Compare(state, result.Task, differences);
        }

        if (result.IsStarted) result.Task.Mm.Dispose();
        return differences;
    }

    // What depends on the processor and the kernel's build, and not on execve: taken from the first record that says it.
    private static void TakeMachine(ExecSettings settings, ExecFolder folder)
    {
        if (folder.Records.FirstOrDefault(r => r.State is not null)?.State is not { } state) return;
        settings.MinimumSignalStackSize = Value(state, AuxiliaryType.MinimumSignalStackSize);
        settings.HardwareCapabilities = Value(state, AuxiliaryType.HardwareCapabilities);
        settings.HardwareCapabilities2 = Value(state, AuxiliaryType.HardwareCapabilities2);
        settings.RseqFeatureSize = Value(state, AuxiliaryType.RseqFeatureSize);
        settings.RseqAlignment = Value(state, AuxiliaryType.RseqAlignment);
        settings.VvarPages = Pages(state, "[vvar]");
        settings.VvarClockPages = Pages(state, "[vvar_vclock]");
        settings.Vdso64 = folder.Vdso64 ?? EmptyVdso(folder, bits: 64);
        settings.Vdso32 = folder.Vdso32 ?? EmptyVdso(folder, bits: 32);
    }

    // Without an image its size is known, and where 32-bit programs enter the kernel.
    private static VdsoImage? EmptyVdso(ExecFolder folder, int bits)
    {
        if (folder.Records.FirstOrDefault(r => r.State?.Bits == bits)?.State is not { } state || Pages(state, "[vdso]") is not (> 0 and < 256 and int pages)) return null;
        return new VdsoImage(pages, bits == 32 ? Value(state, AuxiliaryType.SystemInfo) - Value(state, AuxiliaryType.SystemInfoHeader) : 0);
    }

    private static ulong Value(ExecState state, AuxiliaryType type) => state.AuxiliaryVector.FirstOrDefault(e => e.Type == type).Value;

    private static int Pages(ExecState state, string name) =>
        state.Areas.FirstOrDefault(a => a.Name == name) is { End: > 0 } area ? (int)((area.End - area.Start) >> 12) : 0;
}
