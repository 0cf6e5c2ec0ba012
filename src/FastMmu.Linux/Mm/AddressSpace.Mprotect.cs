using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <content>mprotect and protection keys.</content>
public sealed partial class AddressSpace
{
    private const int KeyShift = 32;
    private const int KeyCount = 16;

    private int _allocatedKeys = 1;
    private int _executeOnlyKey = -1;

    /// <summary>mprotect: changes the rights of a range, area by area; what was done before the first problem stays.</summary>
    /// <param name="address">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="protection">Bits of <see cref="Protection"/>.</param>
    /// <returns>0; EINVAL; ENOMEM for a hole, a limit or a split too many; EACCES for rights the area may not have; EPERM for a sealed area.</returns>
    public long Mprotect(ulong address, ulong length, int protection) => PkeyMprotect(address, length, protection, -1);

    /// <summary>pkey_mprotect: mprotect that also sets the protection key.</summary>
    /// <param name="address">The first byte, of a page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="protection">Bits of <see cref="Protection"/>.</param>
    /// <param name="key">A key from <see cref="PkeyAlloc"/>, or -1 for plain mprotect.</param>
    /// <returns>As <see cref="Mprotect"/>; EINVAL also for a key that is not allocated.</returns>
    public long PkeyMprotect(ulong address, ulong length, int protection, int key)
    {
        const int GrowsBoth = Protection.GrowsDown | Protection.GrowsUp;
        int grows = protection & GrowsBoth;
        protection &= ~GrowsBoth;
        if (grows == GrowsBoth || !IsAligned(address))
        {
            return -Errno.EINVAL;
        }

        if (length == 0)
        {
            return 0;
        }

        ulong start = address, end = Word(address + Word(AlignUp(length)));
        if (end <= start)
        {
            return -Errno.ENOMEM;
        }

        const int Known = Protection.Read | Protection.Write | Protection.Exec | Protection.Sem;
        if ((protection & ~Known) != 0 || (key != -1 && !IsAllocated(key)))
        {
            return -Errno.EINVAL;
        }

        if (!Areas.TryFind(start, out Vma vma) || vma.Start >= end)
        {
            return -Errno.ENOMEM;
        }

        if ((grows & Protection.GrowsDown) != 0)
        {
            start = vma.Start;
            if ((vma.Flags & VmFlags.GrowsDown) == 0)
            {
                return -Errno.EINVAL;
            }
        }
        else if (vma.Start > start)
        {
            return -Errno.ENOMEM;
        }
        else if ((grows & Protection.GrowsUp) != 0)
        {
            return -Errno.EINVAL;
        }

        while (true)
        {
            long error = Reprotect(ref vma, start, Math.Min(vma.End, end), protection, key);
            if (error != 0)
            {
                return error;
            }

            start = vma.End;
            if (start >= end)
            {
                return 0;
            }

            if (!Areas.TryFind(start, out vma) || vma.Start != start)
            {
                return -Errno.ENOMEM;
            }
        }
    }

    /// <summary>pkey_alloc: takes a protection key.</summary>
    /// <param name="flags">Must be 0.</param>
    /// <param name="rights">Access-disable and write-disable, bits 0 and 1.</param>
    /// <returns>The key; EINVAL for bad arguments or a processor without keys; ENOSPC when all 15 are taken.</returns>
    public long PkeyAlloc(uint flags, uint rights)
    {
        if (flags != 0 || rights > 3 || !Machine.Settings.ProtectionKeys)
        {
            return -Errno.EINVAL;
        }

        int key = TakeKey();
        return key < 0 ? -Errno.ENOSPC : key;
    }

    /// <summary>pkey_free: gives a key back.</summary>
    /// <param name="key">The key.</param>
    /// <returns>0, or EINVAL when it is not allocated.</returns>
    public long PkeyFree(int key)
    {
        if (!IsAllocated(key))
        {
            return -Errno.EINVAL;
        }

        _allocatedKeys &= ~(1 << key);
        return 0;
    }

    private int TakeKey()
    {
        int key = System.Numerics.BitOperations.TrailingZeroCount(~_allocatedKeys);
        if (key >= KeyCount)
        {
            return -1;
        }

        _allocatedKeys |= 1 << key;
        return key;
    }

    private bool IsAllocated(int key) => Machine.Settings.ProtectionKeys && (uint)key < KeyCount && key != _executeOnlyKey
        && (_allocatedKeys & (1 << key)) != 0;

    // Memory that may be executed but not read takes a key of its own that forbids reading.
    private int ExecuteOnlyKey()
    {
        if (!Machine.Settings.ProtectionKeys)
        {
            return 0;
        }

        if (_executeOnlyKey < 0)
        {
            _executeOnlyKey = TakeKey();
        }

        return Math.Max(_executeOnlyKey, 0);
    }

    private int KeyFor(in Vma vma, int protection, int key)
    {
        if (!Machine.Settings.ProtectionKeys || key != -1)
        {
            return Math.Max(key, 0);
        }

        int current = (int)((ulong)(vma.Flags & VmFlags.ProtectionKeyMask) >> KeyShift);
        if (protection == Protection.Exec)
        {
            int own = ExecuteOnlyKey();
            return own > 0 ? own : current;
        }

        bool leavesExecuteOnly = (vma.Flags & VmFlags.AccessMask) == VmFlags.Exec && current == _executeOnlyKey;
        return leavesExecuteOnly ? 0 : current;
    }

    // One area's part of mprotect; the area that holds the range afterwards is left in vma.
    private long Reprotect(ref Vma vma, ulong start, ulong end, int protection, int key)
    {
        if (ReadImpliesExec && (protection & Protection.Read) != 0 && (vma.Flags & VmFlags.MayExec) != 0)
        {
            protection |= Protection.Exec;
        }

        VmFlags old = vma.Flags;
        VmFlags flags = FlagsOf(protection, KeyFor(vma, protection, key)) | (old & ~(VmFlags.AccessMask | VmFlags.ProtectionKeyMask));
        if ((flags & ~(VmFlags)((ulong)flags >> 4) & VmFlags.AccessMask) != 0 || DeniesExec(old, flags))
        {
            return -Errno.EACCES;
        }

        if ((old & VmFlags.Sealed) != 0)
        {
            return -Errno.EPERM;
        }

        if (flags == old)
        {
            return 0;
        }

        ulong pages = (end - start) >> PageShift, charged = 0;
        if ((flags & VmFlags.Write) != 0)
        {
            // The limits matter only where the area turns into data.
            if (!MayExpand(flags, pages) && MayExpand(old, pages))
            {
                return -Errno.ENOMEM;
            }

            if ((old & (VmFlags.Account | VmFlags.Write | VmFlags.HugeTlb | VmFlags.Shared | VmFlags.NoReserve)) == 0)
            {
                charged = pages;
                if (!TryCharge(charged))
                {
                    return -Errno.ENOMEM;
                }

                flags |= VmFlags.Account;
            }
        }
        else if ((old & VmFlags.Account) != 0 && vma.AnonVma == 0 && Tables.IsAnonymous(vma))
        {
            flags &= ~VmFlags.Account;
        }

        long error = ModifyFlags(vma, start, end, flags, out Vma changed);
        if (error != 0)
        {
            Uncharge(charged);
            return error;
        }

        vma = changed;
        Tables.Protect(vma, start, end);
        if ((old & VmFlags.Account) != 0 && (flags & VmFlags.Account) == 0)
        {
            Uncharge(pages);
        }

        Account(old, -(long)pages);
        Account(flags, (long)pages);
        if ((old & (VmFlags.Write | VmFlags.Shared | VmFlags.Locked)) == VmFlags.Locked && (flags & VmFlags.Write) != 0)
        {
            Tables.Populate(start, end, ignoreErrors: true);
        }

        return 0;
    }
}
