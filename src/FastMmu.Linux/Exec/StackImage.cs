using System.Buffers.Binary;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>What a new program finds on its stack below the strings: argc, argv, envp and the auxiliary vector.</summary>
/// <remarks>
/// <code>
///  end of stack   8 zero bytes (4 on a 32-bit kernel)
///                 path that was executed
///                 strings of the environment, first to last
///                 strings of the arguments, first to last     arg_start is the lowest byte
///                 up to 8 KiB of nothing when addresses are randomised
///                 "x86_64" or "i686"                          AT_PLATFORM
///                 16 random bytes                             AT_RANDOM
///                 auxiliary vector, AT_NULL at its end
///                 envp, NULL at its end
///                 argv, NULL at its end
///  rsp            argc                                        a multiple of 16
/// </code>
/// Source: fs/binfmt_elf.c (create_elf_tables).
/// </remarks>
internal sealed class StackImage
{
    private readonly ExecCall _call;
    private readonly ElfHeader _header;
    private readonly List<AuxiliaryEntry> _vector = [];
    private readonly int _word;

    internal StackImage(ExecCall call, ElfHeader header)
    {
        _call = call;
        _header = header;
        _word = call.Layout.Is32Bit ? 4 : 8;
    }

    /// <summary>Writes it.</summary>
    /// <param name="vdso">Where [vdso] lies; 0 for none.</param>
    /// <param name="interpreter">Where the interpreter lies; 0 without one.</param>
    /// <param name="entry">The program's own first instruction.</param>
    /// <param name="headers">Where its program header table lies.</param>
    /// <returns>0 or an error number.</returns>
    public int Build(ulong vdso, ulong interpreter, ulong entry, ulong headers)
    {
        AddressSpace mm = _call.Mm;
        UserMemory user = new(mm);
        ReadOnlySpan<byte> platform = _call.Layout.Is32Bit ? "i686\0"u8 : "x86_64\0"u8;
        ulong platformAddress = _call.Layout.AlignStack(_call.StringsStart) - (ulong)platform.Length;
        Span<byte> random = stackalloc byte[16];
        _call.Layout.Fill(random);
        ReadOnlySpan<byte> given = _call.Options.RandomBytes.Span;
        given[..Math.Min(given.Length, 16)].CopyTo(random);
        ulong randomAddress = platformAddress - 16;
        if (!user.TryWrite(platformAddress, platform) || !user.TryWrite(randomAddress, random))
        {
            return Errno.EFAULT;
        }

        Describe(vdso, interpreter, entry, headers, platformAddress, randomAddress);
        int items = 1 + _call.ArgumentCount + 1 + _call.EnvironmentCount + 1;
        ulong stack = (randomAddress - (ulong)((items + (_vector.Count * 2)) * _word)) & ~15UL;
        if (!IsReachable(stack))
        {
            return Errno.EFAULT;
        }

        int error = Fill(user, stack, items);
        mm.AuxiliaryVector = [.. _vector];
        mm.StartStack = stack;
        return error;
    }

    private void Describe(ulong vdso, ulong interpreter, ulong entry, ulong headers, ulong platform, ulong random)
    {
        ExecSettings settings = _call.Machine.ExecSettings;
        Credentials who = _call.Context.Credentials;
        if (vdso != 0)
        {
            if (_call.Layout.Is32Bit)
            {
                Add(AuxiliaryType.SystemInfo, vdso + settings.Vdso32!.EntryOffset);
            }

            Add(AuxiliaryType.SystemInfoHeader, vdso);
        }

        if (_call.Machine.Profile.AuxiliarySizes)
        {
            Add(AuxiliaryType.MinimumSignalStackSize, settings.MinimumSignalStackSize);
        }

        Add(AuxiliaryType.HardwareCapabilities, settings.HardwareCapabilities);
        Add(AuxiliaryType.PageSize, 4096);
        Add(AuxiliaryType.ClockTick, 100);
        Add(AuxiliaryType.ProgramHeaders, headers);
        Add(AuxiliaryType.ProgramHeaderBytes, _header.Is32Bit ? (ulong)ElfSegment.Bytes32 : ElfSegment.Bytes64);
        Add(AuxiliaryType.ProgramHeaderCount, _header.TableEntries);
        Add(AuxiliaryType.InterpreterBase, interpreter);
        Add(AuxiliaryType.Flags, 0);
        Add(AuxiliaryType.Entry, entry);
        Add(AuxiliaryType.UserId, (uint)who.UserId);
        Add(AuxiliaryType.EffectiveUserId, (uint)who.UserId);
        Add(AuxiliaryType.GroupId, (uint)who.GroupId);
        Add(AuxiliaryType.EffectiveGroupId, (uint)who.GroupId);
        Add(AuxiliaryType.Secure, 0);
        Add(AuxiliaryType.Random, random);
        Add(AuxiliaryType.HardwareCapabilities2, settings.HardwareCapabilities2);
        Add(AuxiliaryType.ExecutedName, _call.NameAddress);
        Add(AuxiliaryType.Platform, platform);
        if (_call.Machine.Profile.AuxiliarySizes)
        {
            Add(AuxiliaryType.RseqFeatureSize, settings.RseqFeatureSize);
            Add(AuxiliaryType.RseqAlignment, settings.RseqAlignment);
        }

        Add(AuxiliaryType.Null, 0);
    }

    private void Add(AuxiliaryType type, ulong value) => _vector.Add(new AuxiliaryEntry(type, _word == 4 ? (uint)value : value));

    // The kernel grows the stack itself where the tables need more than it has (find_extend_vma_locked).
    private bool IsReachable(ulong stack)
    {
        ulong page = stack & ~0xfffUL;
        return _call.Mm.Areas.TryFind(page, out Vma vma)
            && (vma.Start <= page || ((vma.Flags & VmFlags.GrowsDown) != 0 && _call.Mm.GrowDown(vma.Start, page) == 0));
    }

    private int Fill(UserMemory user, ulong stack, int items)
    {
        AddressSpace mm = _call.Mm;
        byte[] table = new byte[(items + (_vector.Count * 2)) * _word];
        int at = Put(table, 0, (ulong)_call.ArgumentCount);
        // Lengths are read back from the stack: a segment of the program may lie over the strings by now.
        ulong text = _call.StringsStart;
        if (!TryPoint(user, table, ref at, ref text, _call.ArgumentCount))
        {
            return Errno.EINVAL;
        }

        mm.ArgEnd = mm.EnvStart = text;
        if (!TryPoint(user, table, ref at, ref text, _call.EnvironmentCount))
        {
            return Errno.EINVAL;
        }

        mm.EnvEnd = text;
        foreach (AuxiliaryEntry entry in _vector)
        {
            at = Put(table, Put(table, at, (ulong)entry.Type), entry.Value);
        }

        return user.TryWrite(stack, table) ? 0 : Errno.EFAULT;
    }

    private bool TryPoint(UserMemory user, byte[] table, ref int at, ref ulong text, int count)
    {
        for (int i = 0; i < count; i++)
        {
            at = Put(table, at, text);
            ulong bytes = user.StringBytes(text, ArgumentArea.MaximumString);
            if (bytes is 0 or > ArgumentArea.MaximumString)
            {
                return false;
            }

            text += bytes;
        }

        at = Put(table, at, 0);
        return true;
    }

    private int Put(byte[] table, int at, ulong value)
    {
        if (_word == 4)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(at), (uint)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(at), value);
        }

        return at + _word;
    }
}
