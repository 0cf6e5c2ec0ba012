using System.Text;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;

namespace FastMmu.Linux.Mm;

/// <content>What prctl says about memory: memory-deny-write-execute, and names of anonymous memory.</content>
public sealed partial class AddressSpace
{
    private const int LongestName = 79;

    /// <summary>What PR_SET_MDWE has put in force; nothing takes it back.</summary>
    public DenyWriteExec DenyWriteExec { get; internal set; }

    /// <summary>What of it a forked child or an executed program takes over (mmf_init_flags).</summary>
    internal DenyWriteExec InheritedDenyWriteExec => (DenyWriteExec & DenyWriteExec.NoInherit) != 0 ? DenyWriteExec.None : DenyWriteExec;

    /// <summary>prctl, of the options in <see cref="PrctlOption"/>.</summary>
    /// <param name="option">The option.</param>
    /// <param name="second">Its second argument.</param>
    /// <param name="third">Its third argument.</param>
    /// <param name="fourth">Its fourth argument.</param>
    /// <param name="fifth">Its fifth argument.</param>
    /// <returns>
    /// What the option returns. PR_SET_MDWE: EINVAL, or EPERM where something else is in force already. PR_SET_VMA: EFAULT for the name, and as <see cref="SetAnonymousName"/>.
    /// Any other option: EINVAL.
    /// </returns>
    public long Prctl(int option, ulong second, ulong third = 0, ulong fourth = 0, ulong fifth = 0) => option switch
    {
        PrctlOption.SetMdwe when Machine.Profile.KnowsDenyWriteExec => (third | fourth | fifth) == 0 ? SetDenyWriteExec(second) : -Errno.EINVAL,
        PrctlOption.GetMdwe when Machine.Profile.KnowsDenyWriteExec => (second | third | fourth | fifth) == 0 ? (long)DenyWriteExec : -Errno.EINVAL,
        PrctlOption.SetVma when Machine.Settings.AnonymousNames && second == PrctlOption.SetVmaAnonymousName => NameFromProgram(third, fourth, fifth),
        _ => -Errno.EINVAL,
    };

    /// <summary>Gives anonymous memory a name, which /proc shows, and which keeps it from merging with memory of another name (PR_SET_VMA_ANON_NAME).</summary>
    /// <param name="address">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="name">At most 79 printable characters of ASCII but <c>\ ` $ [ ]</c>; null takes the name away.</param>
    /// <returns>
    /// 0; EINVAL for a bad name or range, or a kernel without <see cref="MemorySettings.AnonymousNames"/>; EBADF for a file's area, where what came before stays named; ENOMEM for a
    /// hole, after the rest has got its name; EAGAIN for a split too many.
    /// </returns>
    public long SetAnonymousName(ulong address, ulong length, string? name)
    {
        if (!Machine.Settings.AnonymousNames || (name is not null && !IsName(name)) || !TryGetRange(address, length, out ulong end))
        {
            return -Errno.EINVAL;
        }

        return end == address ? 0 : AdviseAreas(address, end, Advice.SetName, name is null ? 0 : Machine.AreaNames.NumberOf(name));
    }

    private static bool IsName(string name) =>
        name.Length <= LongestName && !name.AsSpan().ContainsAnyExceptInRange(' ', '~') && !name.AsSpan().ContainsAny(@"\`$[]");

    private long NameFromProgram(ulong address, ulong length, ulong pointer)
    {
        if (pointer == 0)
        {
            return SetAnonymousName(address, length, null);
        }

        // strndup_user: a string that does not end in time is too long, wherever it goes on.
        Span<byte> bytes = stackalloc byte[LongestName + 1];
        for (int i = 0; i < bytes.Length; i++)
        {
            if (!Read(Word(pointer + (ulong)i), bytes.Slice(i, 1)).IsResolved)
            {
                return -Errno.EFAULT;
            }

            if (bytes[i] == 0)
            {
                return SetAnonymousName(address, length, Encoding.Latin1.GetString(bytes[..i]));
            }
        }

        return -Errno.EINVAL;
    }

    private long SetDenyWriteExec(ulong bits)
    {
        const DenyWriteExec both = DenyWriteExec.RefuseExecGain | DenyWriteExec.NoInherit;
        var wanted = (DenyWriteExec)bits;
        if (bits > (ulong)both || wanted == DenyWriteExec.NoInherit)
        {
            return -Errno.EINVAL;
        }

        if (DenyWriteExec != DenyWriteExec.None && wanted != DenyWriteExec)
        {
            return -Errno.EPERM;
        }

        DenyWriteExec = wanted;
        return 0;
    }

    // map_deny_write_exec: nothing is both, and nothing becomes executable that was not.
    private bool DeniesExec(VmFlags old, VmFlags flags) => DenyWriteExec != DenyWriteExec.None && (flags & VmFlags.Exec) != 0
        && ((flags & VmFlags.Write) != 0 || (old & VmFlags.Exec) == 0);

    // madvise_vma_anon_name; the area that holds the range afterwards is left in vma.
    private long NameArea(ref Vma vma, ulong start, ulong end, int name)
    {
        if (vma.File != 0 && !Machine.Files[vma.File].Inode.IsAnonymous)
        {
            return -Errno.EBADF;
        }

        // The kernel's own mappings show their own names, and cannot be split.
        bool special = SpecialMapping.IsSpecial(vma.Name);
        if (name == vma.Name || (special && start == vma.Start && end == vma.End))
        {
            return 0;
        }

        long error = Modify(vma, start, end, vma.Flags, special ? vma.Name : name, out Vma named);
        if (error != 0)
        {
            return error == -Errno.ENOMEM ? -Errno.EAGAIN : error;
        }

        vma = named;
        return 0;
    }
}
