using System.Text;
using FastMmu.Client.Host;
using FastMmu.Client.Processors;
using FastMmu.Linux.Mm;
using LinuxTask = FastMmu.Linux.Mm.Task;

namespace FastMmu.Client.Processes;

/// <summary>A running program: its memory, its processor, and what else a process has.</summary>
internal sealed class Process
{
    private readonly List<string> _children = [];

    public Process(int id, Process? parent, LinuxTask task, Cpu cpu, string executable)
    {
        Id = id;
        Parent = parent;
        Task = task;
        Cpu = cpu;
        Executable = executable;
        Lineage = parent?.NextChild() ?? "0";
    }

    public int Id { get; }

    public Process? Parent { get; set; }

    /// <summary>Which child of which: <c>0.2</c> is the second child of the first process.</summary>
    public string Lineage { get; }

    public LinuxTask Task { get; private set; }

    public AddressSpace Mm => Task.Mm;

    public Cpu Cpu { get; private set; }

    public required ProcessContext Context { get; init; }

    /// <summary>The program's file, links followed.</summary>
    public string Executable { get; private set; }

    public string Name { get; set; } = "";

    public DescriptorTable Descriptors { get; init; } = new();

    public SignalState Signals { get; init; } = new();

    /// <summary>Contexts that signal handlers will return to.</summary>
    public Stack<RegisterSet> Interrupted { get; } = new();

    public string WorkingDirectory { get; set; } = Environment.CurrentDirectory;

    /// <summary>Whose memory it uses until it executes or exits (vfork).</summary>
    public Process? Lender { get; set; }

    /// <summary>Whether a child uses its memory meanwhile.</summary>
    public bool HasLent { get; set; }

    /// <summary>The call that waits, to be tried again.</summary>
    public CallArguments? Waiting { get; set; }

    /// <summary>When a waiting call ends by itself.</summary>
    public long? Deadline { get; set; }

    /// <summary>The status that wait4 gives, once it has exited.</summary>
    public int? Status { get; set; }

    /// <summary>/proc/PID/maps at the end.</summary>
    public string MapsAtExit { get; set; } = "";

    /// <summary>Resident pages and page tables at the end.</summary>
    public (ulong Rss, ulong TableBytes) MemoryAtExit { get; set; }

    public bool HasExited => Status is not null;

    /// <summary>Another program takes this one's place.</summary>
    public void Become(LinuxTask task, Cpu cpu, string executable)
    {
        Task = task;
        Cpu = cpu;
        Executable = executable;
        Name = task.Comm;
        Interrupted.Clear();
    }

    public bool TryRead(ulong address, Span<byte> destination) => Mm.TryRead(Cpu.Mmu, address, destination, out _);

    /// <summary>Writes to the program's memory as the kernel does for it.</summary>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        bool done = Mm.TryWrite(Cpu.Mmu, address, source, out _);
        for (ulong page = address & ~0xfffUL; page < address + (ulong)source.Length; page += 4096)
        {
            Cpu.ForgetCode(page);
        }

        return done;
    }

    public bool TryRead(ulong address, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        bool done = TryRead(address, bytes);
        value = BitConverter.ToUInt64(bytes);
        return done;
    }

    public bool TryWrite(ulong address, ulong value) => TryWrite(address, BitConverter.GetBytes(value));

    /// <summary>Reads a string up to its NUL; null where the program's memory ends before.</summary>
    public byte[]? ReadString(ulong address, int limit)
    {
        var text = new List<byte>();
        Span<byte> part = stackalloc byte[256];
        while (text.Count < limit)
        {
            // Never past the page: the next one need not be there.
            Span<byte> some = part[..(int)Math.Min(256UL, 4096 - (address & 4095))];
            if (!TryRead(address, some))
            {
                return null;
            }

            int nul = some.IndexOf((byte)0);
            text.AddRange(nul < 0 ? some : some[..nul]);
            if (nul >= 0)
            {
                return [.. text];
            }

            address += (ulong)some.Length;
        }

        return [.. text];
    }

    /// <summary>A path made absolute; null for what cannot be read.</summary>
    public string? ReadPath(ulong address)
    {
        byte[]? bytes = ReadString(address, 4096);
        if (bytes is null)
        {
            return null;
        }

        string path = Encoding.UTF8.GetString(bytes);
        return Absolute(path);
    }

    public string Absolute(string path) => path switch
    {
        "" => "",
        "/proc/self/exe" => Executable,
        "/dev/stdin" => OfDescriptor("0") ?? path,
        "/dev/stdout" => OfDescriptor("1") ?? path,
        "/dev/stderr" => OfDescriptor("2") ?? path,
        _ when path.StartsWith("/dev/fd/", StringComparison.Ordinal) => OfDescriptor(path[8..]) ?? path,
        _ when path.StartsWith("/proc/self/fd/", StringComparison.Ordinal) => OfDescriptor(path[14..]) ?? path,
        _ when path[0] == '/' => path,
        _ => WorkingDirectory == "/" ? "/" + path : WorkingDirectory + "/" + path,
    };

    // The program's descriptors have other numbers in this process.
    private string? OfDescriptor(string number) =>
        int.TryParse(number, out int descriptor) && Descriptors.TryGet(descriptor, out HostDescription? file) ? $"/proc/self/fd/{file.Descriptor}" : null;

    private string NextChild()
    {
        string name = $"{Lineage}.{_children.Count + 1}";
        _children.Add(name);
        return name;
    }
}
