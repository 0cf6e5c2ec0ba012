using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>Loads one ELF program (load_elf_binary), its checks in the kernel's order.</summary>
/// <remarks>Source: fs/binfmt_elf.c and fs/compat_binfmt_elf.c of Linux 6.18.</remarks>
internal sealed class ElfLoader
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

    // The stack is given room for 128 KiB more than the strings, so that its first growth needs no fault (setup_arg_pages).
    private int ExpandStack()
    {
        ulong start = _call.StringsStart & ~0xfffUL;
        ulong end = _call.StackEnd;
        ulong limit = _call.Context.Limits[ResourceLimits.Stack].Soft & ~0xfffUL;
        ulong wanted = end - Math.Min(limit, end - start + StackExpansion);
        Mm.ArgStart = Mm.StartStack = _call.StringsStart;
        return wanted >= start || Mm.GrowDown(start, wanted) == 0 ? 0 : Errno.EFAULT;
    }

    private int MapProgram()
    {
        OpenFile file = new(_call.File.Inode, readable: true, writable: false);
        bool isFirst = true;
        foreach (ElfSegment segment in _program.Segments)
        {
            if (segment.Type != ElfSegment.Load)
            {
                continue;
            }

            ulong total = 0;
            uint flags = MmapFlags.Private | (isFirst ? 0 : MmapFlags.Fixed);
            if (isFirst)
            {
                int error = Place(file, segment, ref flags, out total);
                if (error != 0)
                {
                    return error;
                }
            }

            long mapped = MapSegment(file, segment, _bias + segment.Address, flags, total);
            if ((ulong)mapped >= Mm.TaskSize)
            {
                return Errno.IsError(mapped) ? (int)-mapped : Errno.EINVAL;
            }

            if (isFirst && _program.Header.Type == ElfHeader.Dynamic)
            {
                _bias += (ulong)mapped - ((_bias + segment.Address) & ~0xfffUL);
            }

            isFirst = false;
            if (!TryNote(segment))
            {
                return Errno.EINVAL;
            }
        }

        return 0;
    }

    // Where the first segment goes decides where the program goes.
    private int Place(OpenFile file, in ElfSegment first, ref uint flags, out ulong total)
    {
        total = 0;
        if (_program.Header.Type == ElfHeader.Executable)
        {
            flags |= MmapFlags.FixedNoReplace;
            return 0;
        }

        total = _program.TotalMappingBytes();
        if (total == 0)
        {
            return Errno.EINVAL;
        }

        ulong alignment = _program.MaximumAlignment();
        ulong bias = 0;
        if (_interpreter is not null)
        {
            bias = _call.Layout.ProgramBase + _call.Layout.MmapOffset();
            bias &= alignment != 0 ? ~(alignment - 1) : ulong.MaxValue;
            flags |= MmapFlags.FixedNoReplace;
        }
        else if (alignment > 4096)
        {
            // Mapped once to learn where it would go, taken away, and mapped again below that at the alignment.
            long found = MapSegment(file, first, 0, flags, total);
            if ((ulong)found >= Mm.TaskSize)
            {
                return Errno.IsError(found) ? (int)-found : Errno.EINVAL;
            }

            Mm.Munmap((ulong)found, total);
            bias = (ulong)found & ~(alignment - 1);
            flags |= MmapFlags.FixedNoReplace;
        }

        _bias = (bias - first.Address) & ~0xfffUL;
        return 0;
    }

    // Keeps the limits of code, data and heap, and refuses what they cannot hold.
    private bool TryNote(in ElfSegment segment)
    {
        if (segment.Offset <= _program.Header.TableOffset && _program.Header.TableOffset < _program.Sum(segment.Offset, segment.FileBytes))
        {
            _headers = _program.Wrap(_program.Header.TableOffset - segment.Offset + segment.Address);
        }

        bool isCode = (segment.Flags & ElfSegment.Executable) != 0;
        if (isCode)
        {
            _startCode = Math.Min(_startCode, segment.Address);
        }

        _startData = Math.Max(_startData, segment.Address);
        if (IsBeyondTask(segment.Address, segment))
        {
            return false;
        }

        ulong fileEnd = _program.Sum(segment.Address, segment.FileBytes);
        if (isCode)
        {
            _endCode = Math.Max(_endCode, fileEnd);
        }

        _endData = Math.Max(_endData, fileEnd);
        _break = Math.Max(_break, _program.Sum(segment.Address, segment.MemoryBytes));
        return true;
    }

    private bool IsBeyondTask(ulong address, in ElfSegment segment) =>
        address >= Mm.TaskSize || segment.FileBytes > segment.MemoryBytes || segment.MemoryBytes > Mm.TaskSize
        || Mm.TaskSize - segment.MemoryBytes < address;

    private int MapInterpreter(out ulong address)
    {
        address = 0;
        ElfFile interpreter = _interpreter!;
        ulong total = interpreter.TotalMappingBytes();
        if (interpreter.Header.Type is not (ElfHeader.Executable or ElfHeader.Dynamic) || total == 0)
        {
            return Errno.EINVAL;
        }

        OpenFile file = new(_interpreterFile!.Inode, readable: true, writable: false);
        bool isDynamic = interpreter.Header.Type == ElfHeader.Dynamic, isPlaced = false;
        ulong bias = 0;
        foreach (ElfSegment segment in interpreter.Segments)
        {
            if (segment.Type != ElfSegment.Load)
            {
                continue;
            }

            uint flags = MmapFlags.Private;
            if (!isDynamic || isPlaced)
            {
                flags |= MmapFlags.Fixed;
            }
            else if (_bias != 0)
            {
                // A program that may lie anywhere lets its interpreter do the same: the address it was linked for is no hint.
                bias = 0 - segment.Address;
            }

            long mapped = MapSegment(file, segment, bias + segment.Address, flags, total);
            total = 0;
            if ((ulong)mapped >= Mm.TaskSize)
            {
                return Errno.IsError(mapped) ? (int)-mapped : Errno.EINVAL;
            }

            if (!isPlaced && isDynamic)
            {
                bias = (ulong)mapped - (segment.Address & ~0xfffUL);
                isPlaced = true;
            }

            if (IsBeyondTask(bias + segment.Address, segment))
            {
                return Errno.ENOMEM;
            }
        }

        address = bias;
        return 0;
    }

    /// <summary>Maps the file's part of a segment, zeros the rest of its last page, and puts anonymous memory behind (elf_load).</summary>
    /// <returns>The address that it was mapped at, or an error number negated.</returns>
    private long MapSegment(OpenFile file, in ElfSegment segment, ulong address, uint flags, ulong total)
    {
        int protection = ((segment.Flags & ElfSegment.Readable) != 0 ? Protection.Read : 0)
            | ((segment.Flags & ElfSegment.Writable) != 0 ? Protection.Write : 0)
            | ((segment.Flags & ElfSegment.Executable) != 0 ? Protection.Exec : 0);
        ulong inPage = segment.Address & 0xfff;
        long mapped;
        ulong zeroStart, zeroEnd;
        if (segment.FileBytes != 0)
        {
            mapped = MapFile(file, segment, address, protection, flags, total);
            if ((ulong)mapped >= Mm.TaskSize)
            {
                return mapped;
            }

            (zeroStart, zeroEnd) = ((ulong)mapped + inPage + segment.FileBytes, (ulong)mapped + inPage + segment.MemoryBytes);
            // What lies behind a segment that may not be written keeps the file's bytes.
            if (segment.MemoryBytes > segment.FileBytes && !new UserMemory(Mm).TryClearRestOfPage(zeroStart) && (protection & Protection.Write) != 0)
            {
                return -Errno.EFAULT;
            }
        }
        else
        {
            zeroStart = address & ~0xfffUL;
            mapped = (long)zeroStart;
            zeroEnd = zeroStart + inPage + segment.MemoryBytes;
        }

        if (segment.MemoryBytes > segment.FileBytes)
        {
            zeroStart = PageUp(zeroStart);
            long error = Mm.MapZeroed(zeroStart, PageUp(zeroEnd) - zeroStart, (protection & Protection.Exec) != 0);
            mapped = error != 0 ? error : mapped;
        }

        return mapped;
    }

    private long MapFile(OpenFile file, in ElfSegment segment, ulong address, int protection, uint flags, ulong total)
    {
        ulong inPage = segment.Address & 0xfff;
        ulong bytes = PageUp(segment.FileBytes + inPage);
        ulong offset = segment.Offset - inPage;
        address &= ~0xfffUL;
        if (bytes == 0)
        {
            return (long)address;
        }

        if (total == 0)
        {
            return MapKernelSide(file, address, bytes, protection, flags, offset);
        }

        // The whole program's room is taken first, so that all of its segments find theirs behind the first one.
        total = PageUp(total);
        long mapped = MapKernelSide(file, address, total, protection, flags, offset);
        if ((ulong)mapped < Mm.TaskSize)
        {
            Mm.Munmap((ulong)mapped + bytes, total - bytes);
        }

        return mapped;
    }

    // vm_mmap
    private long MapKernelSide(OpenFile? file, ulong address, ulong bytes, int protection, uint flags, ulong offset) =>
        offset + PageUp(bytes) < offset || (offset & 0xfff) != 0 ? -Errno.EINVAL : Mm.MapFile(file, address, bytes, protection, flags, offset);

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
