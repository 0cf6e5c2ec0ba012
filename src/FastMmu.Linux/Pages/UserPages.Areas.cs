using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Physical;

namespace FastMmu.Linux.Pages;

/// <content>What areas and pages decide, whatever entries look like.</content>
public abstract partial class UserPages
{
    /// <summary>Whether an area shows nothing but private memory: no file, or a private mapping of /dev/zero.</summary>
    internal bool IsAnonymous(in Vma vma) => vma.File == 0
        ? !SpecialMapping.IsSpecial(vma.Name)
        : Machine.Files[vma.File].Inode.Kind == InodeKind.ZeroDevice;

    /// <summary>Whether the process may write a file, by its owner and mode; who may not learns nothing of the page cache.</summary>
    internal bool MayWrite(Inode inode)
    {
        Credentials credentials = Space.Context.Credentials;
        return inode.WorldWritable || credentials.UserId == 0 || credentials.UserId == inode.Owner;
    }

    /// <summary>Gives an area its anon_vma before its first private page: a neighbour's, if they could be one area (find_mergeable_anon_vma), or a new one.</summary>
    internal void PrepareAnonVma(ref Vma vma)
    {
        if (vma.AnonVma != 0)
        {
            return;
        }

        VmaTree areas = Space.Areas;
        if (areas.TryFind(vma.End, out Vma next) && Adjoin(vma, next) && IsReusable(next))
        {
            vma.AnonVma = next.AnonVma;
        }
        else if (areas.TryFindBefore(vma.Start, out Vma previous) && Adjoin(previous, vma) && IsReusable(previous))
        {
            vma.AnonVma = previous.AnonVma;
        }

        if (vma.AnonVma == 0)
        {
            Machine.AnonVmas.Prepare(ref vma);
        }
        else
        {
            vma.AnonChain = 0;
            Machine.AnonVmas.Attach(vma);
        }

        areas.Replace(vma.Start, vma);
    }

    // In a forked child the pages may belong to ancestors' groups as well: such a group is not lent.
    private static bool IsReusable(in Vma vma) => vma.AnonVma != 0 && vma.AnonChain == 0;

    private static bool Adjoin(in Vma low, in Vma high) =>
        low.End == high.Start && low.File == high.File && low.Policy == high.Policy
        && ((low.Flags ^ high.Flags) & ~(VmFlags.AccessMask | VmFlags.SoftDirty | VmFlags.MaybeGuard)) == 0
        && high.PageOffset == low.PageOffset + low.Pages;

    /// <summary>Whether the file of a shared writable area wants to hear of the first write to each page: disk files do, shared memory does not.</summary>
    private protected bool WantsWriteNotify(in Vma vma) =>
        vma.File != 0 && (vma.Flags & VmFlags.Shared) != 0 && Machine.Files[vma.File].Inode.Kind == InodeKind.Regular;

    private protected void Uncount(ref PageFrame page)
    {
        Changes++;
        if (page.IsAnonymous)
        {
            RssAnon--;
        }
        else if (page.IsShmem)
        {
            RssShmem--;
        }
        else
        {
            RssFile--;
        }
    }

    private protected void CountFilePage(ref PageFrame page)
    {
        Changes++;
        if (page.IsShmem)
        {
            RssShmem++;
        }
        else
        {
            RssFile++;
        }
    }
}
