using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>fork and exit.</content>
public sealed partial class AddressSpace
{
    private bool _released;

    /// <summary>Makes the address space of a forked child (dup_mmap): the same areas and, copy-on-write, the same private pages.</summary>
    /// <param name="context">The child's context.</param>
    /// <param name="child">The child's address space; null on failure.</param>
    /// <returns>0, or -ENOMEM; nothing has changed then but that pages of this side may have to be copied when they are written.</returns>
    /// <remarks>
    /// Areas marked with MADV_DONTFORK are left out, those with MADV_WIPEONFORK come without pages, and nothing is locked. Cost: a few
    /// nanoseconds a resident private page.
    /// </remarks>
    public long Fork(ProcessContext context, out AddressSpace? child)
    {
        ArgumentNullException.ThrowIfNull(context);
        AddressSpace copy = new(Machine, context)
        {
            TaskSize = TaskSize, MmapBase = MmapBase, MmapLegacyBase = MmapLegacyBase, BottomUp = BottomUp, Bit32Base = Bit32Base,
            StartCode = StartCode, EndCode = EndCode, StartData = StartData, EndData = EndData, StartBrk = StartBrk, CurrentBrk = CurrentBrk,
            StartStack = StartStack, ArgStart = ArgStart, ArgEnd = ArgEnd, EnvStart = EnvStart, EnvEnd = EnvEnd,
            Is32Bit = Is32Bit, _allocatedKeys = _allocatedKeys, _executeOnlyKey = _executeOnlyKey,
            DenyWriteExec = InheritedDenyWriteExec,
        };
        bool done = copy.Tables.EnsureRoot();
        for (ulong at = 0; done && Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            if ((vma.Flags & VmFlags.DontCopy) == 0)
            {
                done = copy.Inherit(vma, this) && ((vma.Flags & VmFlags.WipeOnFork) != 0 || Tables.CopyTo(copy.Tables, vma));
            }
        }

        Tables.Flush();
        if (!done)
        {
            copy.Dispose();
            child = null;
            return -Errno.ENOMEM;
        }

        copy.HiwaterVm = copy.TotalVm;
        child = copy;
        return 0;
    }

    /// <summary>Gives everything back: pages, tables, areas, and what they hold of files and charges (exit_mmap).</summary>
    private void Release()
    {
        if (_released)
        {
            return;
        }

        _released = true;
        Tables.Dispose();
        for (ulong at = 0; Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            Machine.AnonVmas.Detach(vma);
            ReleaseFile(vma.File);
            if ((vma.Flags & VmFlags.Account) != 0)
            {
                Machine.CommittedPages -= vma.Pages;
            }
        }

        Areas.Dispose();
        TotalVm = DataVm = ExecVm = StackVm = LockedVm = 0;
    }

    // Whether there is enough for the charge is asked of the parent, whose size decides what strict accounting keeps back.
    private bool Inherit(Vma vma, AddressSpace parent)
    {
        vma.Flags &= ~(VmFlags.Locked | VmFlags.LockOnFault);
        if ((vma.Flags & VmFlags.Account) != 0 && !parent.TryCharge(vma.Pages))
        {
            return false;
        }

        if ((vma.Flags & VmFlags.WipeOnFork) != 0)
        {
            vma.AnonVma = 0;
            vma.AnonChain = 0;
        }
        else
        {
            Machine.AnonVmas.Fork(ref vma);
        }

        Machine.Files.Attach(vma.File);
        Areas.Insert(vma);
        Account(vma.Flags, (long)vma.Pages);
        return true;
    }
}
