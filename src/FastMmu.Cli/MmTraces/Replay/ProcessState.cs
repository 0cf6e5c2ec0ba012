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
