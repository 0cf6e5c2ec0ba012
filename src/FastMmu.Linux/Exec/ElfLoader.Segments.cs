using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <content>The mapping of stack, program and interpreter, all of it behind the point of no return.</content>
internal sealed partial class ElfLoader
{
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
}
