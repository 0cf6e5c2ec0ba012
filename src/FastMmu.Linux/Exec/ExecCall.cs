using System.Text;
using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.Linux.Exec;

/// <summary>One execve on its way (struct linux_binprm): the file, the strings, and the new address space once there is one.</summary>
/// <remarks>
/// Everything that may fail before the point of no return touches neither the old process nor the machine; frames taken for the new address
/// space go back. Source: fs/exec.c.
/// </remarks>
internal sealed class ExecCall
{
    private const int StartBytes = 256;
    private const int MaximumPath = 4096;
    private const int MaximumInterpreters = 5;
    private readonly byte[] _start = new byte[StartBytes];
    private readonly string _path;
    private ArgumentArea? _strings;
    private byte[] _interpreterName;
    private ulong _nameOffset;

    internal ExecCall(LinuxMachine machine, ProcessContext context, string path, ExecOptions options)
    {
        Machine = machine;
        Context = context;
        Options = options;
        _path = path;
        _interpreterName = Encoding.UTF8.GetBytes(path);
        File = null!;
        Mm = null!;
        Layout = null!;
    }

    /// <summary>The machine.</summary>
    public LinuxMachine Machine { get; }

    /// <summary>The process: limits, credentials, personality.</summary>
    public ProcessContext Context { get; }

    /// <summary>What the caller chose.</summary>
    public ExecOptions Options { get; }

    /// <summary>The file that is loaded: the program, or a script's interpreter.</summary>
    public ProgramFile File { get; private set; }

    /// <summary>The first 256 bytes of <see cref="File"/>, zeros behind its end.</summary>
    public ReadOnlySpan<byte> Start => _start;

    /// <summary>The new address space; there from the point of no return on.</summary>
    public AddressSpace Mm { get; private set; }

    /// <summary>Where its parts go.</summary>
    public UserLayout Layout { get; private set; }

    /// <summary>Whether the old program is gone.</summary>
    public bool IsPastReturn { get; private set; }

    /// <summary>The arguments on the stack.</summary>
    public int ArgumentCount { get; private set; }

    /// <summary>The strings of the environment on the stack.</summary>
    public int EnvironmentCount { get; private set; }

    /// <summary>The lowest string (bprm->p).</summary>
    public ulong StringsStart => StackEnd - _strings!.Used;

    /// <summary>The address of the path that was executed (bprm->exec).</summary>
    public ulong NameAddress => StackEnd - _nameOffset;

    /// <summary>The name of the task.</summary>
    public string Comm { get; private set; } = "";

    /// <summary>The registers before the first instruction, once loaded.</summary>
    public StartRegisters Registers { get; set; }

    /// <summary>The end of the stack.</summary>
    public ulong StackEnd { get; private set; }

    /// <summary>Runs the call.</summary>
    /// <returns>0 or an error number.</returns>
    public int Run(IReadOnlyList<string> argv, IReadOnlyList<string> envp)
    {
        int error = OpenProgram();
        if (error == 0)
        {
            error = CopyStrings(argv, envp);
        }

        for (int depth = 0; error == 0; depth++)
        {
            if (depth > MaximumInterpreters)
            {
                return Errno.ELOOP;
            }

            error = LoadOne(out bool isScript);
            if (!isScript)
            {
                break;
            }
        }

        return error;
    }

    /// <summary>What a failed call led to; a new address space that was begun is gone afterwards.</summary>
    public ExecResult Fail(int error)
    {
        if (!IsPastReturn)
        {
            return ExecResult.Refused(error);
        }

        Mm.Dispose();
        return ExecResult.Killed(error);
    }

    /// <summary>
    /// Makes the new address space with the strings at the top of its stack, and leaves the old program behind (begin_new_exec,
    /// setup_new_exec and the moving half of setup_arg_pages).
    /// </summary>
    /// <param name="abi">Which kind of task it becomes.</param>
    /// <param name="personality">The personality from now on.</param>
    /// <param name="stackFlags">The flags of the stack's area.</param>
    public int BecomeNewProgram(TaskAbi abi, Personality personality, Areas.VmFlags stackFlags)
    {
        ExecSettings settings = Machine.ExecSettings;
        AslrRandom? random = Machine.Settings.RandomizeVaSpace == 0 ? null : Options.Aslr.ToGenerator();
        UserLayout layout = new(abi, personality, Context.Limits[ResourceLimits.Stack].Soft, random, new UserLayoutOptions
        {
            FiveLevels = Machine.Paging == PagingMode.FiveLevel,
            PageOffset = settings.PageOffset,
            StackGuardGap = Machine.Settings.StackGuardGapPages << 12,
            LegacyLayout = Machine.Settings.LegacyLayout,
            MmapRandomBits64 = settings.MmapRandomBits64,
            MmapRandomBits32 = settings.MmapRandomBits32,
            BrkRandomBytes64 = Machine.Profile.WideHeapRandomisation ? 1UL << 30 : 32UL << 20,
        });
        ulong top = layout.RandomStackTop();
        ulong bytes = (_strings!.Used + 0xfff) & ~0xfffUL;
        bool fits = top >= Machine.Settings.MmapMinAddress && bytes < top - Machine.Settings.MmapMinAddress;
        AddressSpace mm = new(Machine, Context)
        {
            TaskSize = layout.TaskSize,
            MmapBase = layout.MmapBase,
            MmapLegacyBase = layout.MmapLegacyBase,
            BottomUp = layout.IsLegacy,
            Is32Bit = layout.Is32Bit,
            DenyWriteExec = (Options.DenyWriteExec & DenyWriteExec.NoInherit) != 0 ? DenyWriteExec.None : Options.DenyWriteExec,
        };
        if (fits)
        {
            // The strings were collected at the highest possible stack; the area that is moved down keeps the offset of that place.
            mm.AddArea(new Areas.Vma { Start = top - bytes, End = top, Flags = stackFlags, PageOffset = (layout.StackTopMaximum - bytes) >> 12 });
            if (!new UserMemory(mm).TryWrite(top - _strings.Used, _strings.Bytes))
            {
                mm.Dispose();
                return Errno.E2BIG;
            }
        }

        StackEnd = top;
        Mm = mm;
        Layout = layout;
        IsPastReturn = true;
        Context.Personality = personality;
        Comm = CommOf(Options.OpenFile is null ? _path[(_path.LastIndexOf('/') + 1)..] : File.BaseName);
        return fits ? 0 : Errno.ENOMEM;
    }

    /// <summary>Opens a file as execve opens programs and interpreters (open_exec).</summary>
    /// <param name="path">The path, up to its first NUL.</param>
    /// <param name="file">The file.</param>
    public int OpenFile(ReadOnlySpan<byte> path, out ProgramFile? file)
    {
        file = null;
        int nul = path.IndexOf((byte)0);
        path = nul < 0 ? path : path[..nul];
        if (path.Length >= MaximumPath)
        {
            return Errno.ENAMETOOLONG;
        }

        return path.IsEmpty ? Errno.ENOENT : Machine.ExecSettings.Files.Open(Encoding.UTF8.GetString(path), out file);
    }

    private static string CommOf(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length <= 15 ? name : Encoding.UTF8.GetString(bytes, 0, 15);
    }

    private int OpenProgram()
    {
        ProgramFile? file = Options.OpenFile;
        int error = file is null ? OpenFile(_interpreterName, out file) : 0;
        if (error == 0)
        {
            SetFile(file!);
        }

        return error;
    }

    private void SetFile(ProgramFile file)
    {
        File = file;
        ReadOnlySpan<byte> content = file.Content.Span;
        _start.AsSpan().Clear();
        content[..Math.Min(content.Length, StartBytes)].CopyTo(_start);
    }

    private int CopyStrings(IReadOnlyList<string> argv, IReadOnlyList<string> envp)
    {
        ulong pointers = (ulong)Math.Max(argv.Count, 1) + (ulong)envp.Count;
        _strings = new ArgumentArea(
            pointers, Machine.ExecSettings.Is32BitKernel ? 4 : 8, Context.Limits[ResourceLimits.Stack].Soft, Context.Limits[ResourceLimits.AddressSpace].Soft);
        if (!_strings.Fits || !_strings.TryPush(_interpreterName))
        {
            return Errno.E2BIG;
        }

        _nameOffset = _strings.Used;
        if (!TryPushAll(envp) || !TryPushAll(argv) || (argv.Count == 0 && !_strings.TryPush(default)))
        {
            return Errno.E2BIG;
        }

        // A program always finds an argv[0].
        (ArgumentCount, EnvironmentCount) = (Math.Max(argv.Count, 1), envp.Count);
        return 0;
    }

    private bool TryPushAll(IReadOnlyList<string> texts)
    {
        for (int i = texts.Count - 1; i >= 0; i--)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(texts[i]);
            int nul = Array.IndexOf(bytes, (byte)0);
            if (!_strings!.TryPush(nul < 0 ? bytes : bytes.AsSpan(0, nul)))
            {
                return false;
            }
        }

        return true;
    }

    // Each format in turn, until one does not say that the file is none of its own (search_binary_handler).
    private int LoadOne(out bool isScript)
    {
        isScript = false;
        if (ScriptLine.TryRead(_start, out ScriptLine line))
        {
            isScript = true;
            return BecomeInterpreter(line);
        }

        if (!ElfHeader.HasMagic(_start))
        {
            return Errno.ENOEXEC;
        }

        if (!Machine.ExecSettings.Is32BitKernel)
        {
            int error = new ElfLoader(this, TaskAbi.X86_64).Load();
            if (error != Errno.ENOEXEC || IsPastReturn)
            {
                return error;
            }
        }

        return new ElfLoader(this, Machine.ExecSettings.Is32BitKernel ? TaskAbi.I386 : TaskAbi.Compat32).Load();
    }

    private int BecomeInterpreter(in ScriptLine line)
    {
        if (ArgumentCount > 0)
        {
            _strings!.Drop();
            ArgumentCount--;
        }

        if (!_strings!.TryPush(_interpreterName) || (line.HasArgument && !_strings.TryPush(line.Argument)) || !_strings.TryPush(line.Interpreter))
        {
            return Errno.E2BIG;
        }

        ArgumentCount += line.HasArgument ? 3 : 2;
        _interpreterName = line.Interpreter.ToArray();
        int error = OpenFile(_interpreterName, out ProgramFile? file);
        if (error == 0)
        {
            SetFile(file!);
        }

        return error;
    }
}
