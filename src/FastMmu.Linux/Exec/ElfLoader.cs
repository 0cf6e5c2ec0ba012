using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>Loads one ELF program (load_elf_binary), its checks in the kernel's order.</summary>
/// <remarks>Source: fs/binfmt_elf.c and fs/compat_binfmt_elf.c of Linux 6.18.</remarks>
internal sealed partial class ElfLoader
{
    private const ulong StackExpansion = 128 << 10;
    private readonly ExecCall _call;
    private readonly TaskAbi _abi;
    private ElfFile _program = null!;
    private ElfFile? _interpreter;
    private ProgramFile? _interpreterFile;
    private ulong _bias;
    private ulong _startCode = ulong.MaxValue;
    private ulong _endCode;
    private ulong _startData;
    private ulong _endData;
    private ulong _break;
    private ulong _headers;

    internal ElfLoader(ExecCall call, TaskAbi abi) => (_call, _abi) = (call, abi);

    private AddressSpace Mm => _call.Mm;

    private bool Is32Bit => _abi != TaskAbi.X86_64;

    /// <summary>Loads the program.</summary>
    /// <returns>0 or an error number; ENOEXEC also where the file is not of this kind.</returns>
    public int Load()
    {
        ElfHeader header = ElfHeader.Read(_call.Start, Is32Bit);
        if (!header.IsRunnable(Is32Bit) || !ElfFile.TryRead(header, _call.File.Content.Span, out ElfFile? program))
        {
            return Errno.ENOEXEC;
        }

        _program = program;
        int error = FindInterpreter();
        if (error == 0)
        {
            error = BecomeNewProgram();
        }

        return error != 0 ? error : Map();
    }

    private int FindInterpreter()
    {
        foreach (ElfSegment segment in _program.Segments)
        {
            if (segment.Type == ElfSegment.Interpreter)
            {
                return OpenInterpreter(segment);
            }
        }

        return 0;
    }

    private int OpenInterpreter(in ElfSegment segment)
    {
        if (segment.FileBytes is < 2 or > 4096)
        {
            return Errno.ENOEXEC;
        }

        int error = Read(_call.File, segment.Offset, (int)segment.FileBytes, out ReadOnlySpan<byte> path);
        if (error != 0)
        {
            return error;
        }

        if (path[^1] != 0)
        {
            return Errno.ENOEXEC;
        }

        error = _call.OpenFile(path, out _interpreterFile);
        if (error != 0)
        {
            return error;
        }

        error = Read(_interpreterFile!, 0, Is32Bit ? ElfHeader.Bytes32 : ElfHeader.Bytes64, out ReadOnlySpan<byte> start);
        if (error != 0)
        {
            return error;
        }

        ElfHeader header = ElfHeader.Read(start, Is32Bit);
        return ElfHeader.HasMagic(start) && header.IsFor(Is32Bit) && ElfFile.TryRead(header, _interpreterFile!.Content.Span, out _interpreter)
            ? 0
            : Errno.ELIBBAD;
    }

    // elf_read: a read behind the end of a file is short, and a short one is EIO.
    private static int Read(ProgramFile file, ulong offset, int bytes, out ReadOnlySpan<byte> part)
    {
        part = default;
        return (long)offset < 0 || (long)(offset + (ulong)bytes) < 0 ? Errno.EINVAL
            : ElfFile.TrySlice(file.Content.Span, offset, bytes, out part) ? 0 : Errno.EIO;
    }

    private int BecomeNewProgram()
    {
        bool? executableStack = null;
        foreach (ElfSegment segment in _program.Segments)
        {
            if (segment.Type == ElfSegment.GnuStack)
            {
                executableStack = (segment.Flags & ElfSegment.Executable) != 0;
            }
        }

        Personality personality = _call.Context.Personality;
        if (!Is32Bit)
        {
            personality &= ~Personality.ReadImpliesExec;
        }
        else if (executableStack is null)
        {
            personality |= Personality.ReadImpliesExec;
        }

        VmFlags flags = VmFlags.Read | VmFlags.Write | VmFlags.MayAccessMask | VmFlags.GrowsDown | VmFlags.Account;
        if (executableStack ?? (personality & Personality.ReadImpliesExec) != 0)
        {
            flags |= VmFlags.Exec;
        }

        return _call.BecomeNewProgram(_abi, personality, flags);
    }

    private int Map()
    {
        int error = ExpandStack();
        if (error == 0)
        {
            error = MapProgram();
        }

        ulong entry = _program.Header.Entry + _bias;
        ulong first = entry, interpreterBase = 0;
        if (error == 0 && _interpreter is not null)
        {
            error = MapInterpreter(out interpreterBase);
            first = interpreterBase + _interpreter.Header.Entry;
        }

        if (error == 0 && first >= Mm.TaskSize)
        {
            error = Errno.EINVAL;
        }

        if (error == 0)
        {
            error = Vdso.Map(_call, out ulong vdso);
            error = error != 0 ? error : new StackImage(_call, _program.Header).Build(vdso, interpreterBase, entry, _headers + _bias);
            if (error == 0)
            {
                Finish(first, Mm.StartStack);
            }
        }

        return error;
    }

    private void Finish(ulong first, ulong stack)
    {
        (Mm.StartCode, Mm.EndCode) = (_startCode + _bias, _endCode + _bias);
        (Mm.StartData, Mm.EndData) = (_startData + _bias, _endData + _bias);
        // A program that lies in the mmap area, as a loader run by hand does, gets its heap where programs with a loader lie.
        bool isMoved = _program.Header.Type == ElfHeader.Dynamic && _interpreter is null;
        ulong heap = PageUp(isMoved ? _call.Layout.ProgramBase : _break + _bias);
        if (_call.Layout.IsRandomized && _call.Machine.Settings.RandomizeVaSpace > 1)
        {
            heap = _call.Layout.RandomBrk(heap + (!isMoved && _call.Machine.Profile.HeapGuardPage ? 4096UL : 0));
        }

        Mm.StartBrk = Mm.CurrentBrk = heap;
        if ((_call.Context.Personality & Personality.MapPageZero) != 0)
        {
            MapKernelSide(null, 0, 4096, Protection.Read | Protection.Exec, MmapFlags.Fixed | MmapFlags.Private, 0);
            if (_call.Machine.Profile.SealsPageZero)
            {
                Mm.Mseal(0, 4096, 0);
            }
        }

        _call.Registers = StartRegisters.For(_abi, first, stack);
    }

    private static ulong PageUp(ulong address) => (address + 0xfff) & ~0xfffUL;
}
