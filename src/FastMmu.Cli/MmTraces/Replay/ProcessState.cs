using System.Runtime.InteropServices;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;

namespace FastMmu.Cli.MmTraces.Replay;

/// <summary>Reads the areas and counters of a process in the terms of the trace format.</summary>
internal sealed class ProcessState
{
    /// <summary>What the kernel calls the file of shared anonymous memory.</summary>
    private const string SharedAnonymous = "/dev/zero (deleted)";

    // Each object is numbered when it is first seen, as in the recording.
    private readonly Dictionary<Inode, string> _shared = [];

    /// <summary>Reads the areas.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="areas">Cleared and filled.</param>
    public void ReadAreas(AddressSpace mm, List<TraceArea> areas)
    {
        areas.Clear();
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            (ulong rss, ulong anonymous) = mm.Tables.Count(vma);
            areas.Add(new(
                vma.Start, vma.End, vma.File != 0 ? vma.PageOffset << 12 : 0, vma.Flags, vma.Flags & TraceArea.ShownPermissions, NameOf(mm, vma), (long)rss, (long)anonymous));
        }
    }

    /// <summary>Whether the areas of a process are as recorded, in every respect: what can be said without making a list of them.</summary>
    /// <remarks>Pages are counted anew only where areas or page tables have changed since the last time.</remarks>
    public bool IsAsRecorded(ReplayProcess process, AddressSpace mm)
    {
        ReadOnlySpan<TraceArea> expected = CollectionsMarshal.AsSpan(process.ExpectedAreas);
        (process.Counted, process.CountedBefore) = (process.CountedBefore, process.Counted);
        process.Counted.Clear();
        if (process.CountedAt != mm.Tables.Changes) process.CountedBefore.Clear();
        process.CountedAt = mm.Tables.Changes;
        ReadOnlySpan<CountedArea> before = CollectionsMarshal.AsSpan(process.CountedBefore);
        int index = 0;
        foreach (Vma vma in mm.Areas)
        {
            CountedArea count = Count(mm, vma, ref before);
            process.Counted.Add(count);
            if (index == expected.Length) return false;
            ref readonly TraceArea area = ref expected[index++];
            if (area.Start != vma.Start || area.End != vma.End || area.Flags != vma.Flags || area.Permissions != (vma.Flags & TraceArea.ShownPermissions)
                || area.Offset != (vma.File != 0 ? vma.PageOffset << 12 : 0) || area.Rss != count.Rss || area.Anonymous != count.Anonymous
                || area.Name != NameOf(mm, vma))
            {
                return false;
            }
        }

        return index == expected.Length;
    }

    // Both lists ascend, so what lies before this area is looked at no more.
    private static CountedArea Count(AddressSpace mm, in Vma vma, ref ReadOnlySpan<CountedArea> before)
    {
        while (!before.IsEmpty && before[0].Start < vma.Start) before = before[1..];
        if (!before.IsEmpty && before[0].Start == vma.Start && before[0].End == vma.End) return before[0];
        (ulong rss, ulong anonymous) = mm.Tables.Count(vma);
        return new(vma.Start, vma.End, (long)rss, (long)anonymous);
    }

    /// <summary>Reads the counters.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="counters">Room for all of <see cref="TraceCounter"/>.</param>
    public static void ReadCounters(AddressSpace mm, Span<long> counters)
    {
        MemoryStatus status = MemoryStatus.Of(mm);
        counters[(int)TraceCounter.VmPeak] = status.Peak;
        counters[(int)TraceCounter.VmSize] = status.Size;
        counters[(int)TraceCounter.VmLck] = status.Locked;
        counters[(int)TraceCounter.VmPin] = status.Pinned;
        counters[(int)TraceCounter.VmData] = status.Data;
        counters[(int)TraceCounter.VmStk] = status.Stack;
        counters[(int)TraceCounter.VmExe] = status.Executable;
        counters[(int)TraceCounter.VmLib] = status.Library;
        counters[(int)TraceCounter.VmPTE] = status.PageTables;
        counters[(int)TraceCounter.RssAnon] = status.ResidentAnonymous;
        counters[(int)TraceCounter.RssFile] = status.ResidentFile;
        counters[(int)TraceCounter.RssShmem] = status.ResidentShmem;
    }

    private string NameOf(AddressSpace mm, in Vma vma)
    {
        string name = AreaNames.Of(mm, vma);
        if (!ReferenceEquals(name, SharedAnonymous) && name != SharedAnonymous) return name;
        Inode inode = mm.Machine.Files[vma.File].Inode;
        if (!_shared.TryGetValue(inode, out string? numbered)) _shared.Add(inode, numbered = $"shm:{_shared.Count}");
        return numbered;
    }
}
