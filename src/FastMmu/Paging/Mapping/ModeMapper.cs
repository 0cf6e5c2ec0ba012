using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Paging.Mapping;

/// <summary>The mapper of one paging mode: straight-line code for it from one source.</summary>
internal sealed partial class ModeMapper<TMode> : PageMapper where TMode : struct, IPagingMode
{
    private const ulong FrameBytes = 4096;
    private const ulong FourGiB = 1UL << 32;

    private readonly WalkContext _context;
    private readonly ulong _frameLimit;
    private readonly ulong _largeFrameLimit;

    private ModeMapper(PhysicalMemory memory, IFrameAllocator frames, PhysicalAddress root, ProcessorFeatures features)
        : base(memory, frames, features)
    {
        Root = root;
        _context = WalkContext.Create(PagingState.WithPaging(features, TMode.Mode, root));
        _frameLimit = TableGeometry<TMode>.FrameLimit(features.PhysicalAddressBits);
        bool wide = TMode.EntryBytes == 8 || features.Pse36;
        _largeFrameLimit = !wide ? FourGiB : 1UL << Math.Min(TMode.EntryBytes == 8 ? 52 : 40, features.PhysicalAddressBits);
    }

    public override PagingMode Mode => TMode.Mode;

    internal static ModeMapper<TMode> Create(PhysicalMemory memory, IFrameAllocator frames, ProcessorFeatures features)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(frames);
        // Outside long mode CR3 has 32 bits.
        ulong limit = TableGeometry<TMode>.FrameLimit(features.PhysicalAddressBits);
        if (!frames.TryAllocate(out PhysicalAddress root, TMode.IsLongMode ? limit : Math.Min(limit, FourGiB))) throw NoRoot();
        var mapper = new ModeMapper<TMode>(memory, frames, root, features);
        if (TMode.TopTableLevel < TMode.Levels && !mapper.TryMakeDirectories())
        {
            frames.Free(root);
            throw NoRoot();
        }

        return mapper;
    }

    internal static ModeMapper<TMode> Open(PhysicalMemory memory, IFrameAllocator frames, PhysicalAddress root, ProcessorFeatures features)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(frames);
        ulong alignment = TMode.TopTableLevel < TMode.Levels ? 32UL : FrameBytes;
        if (root.Value % alignment != 0 || (!TMode.IsLongMode && root.Value >= FourGiB))
        {
            throw new ArgumentException($"{root} is no root of mode {TMode.Mode}.", nameof(root));
        }

        return new(memory, frames, root, features);
    }

    public override void Release()
    {
        Release(Root.Value, TMode.Levels);
        PhysicalAddress frame = Root.AlignDown(PageSize.Size4K);
        if (Frames.Owns(frame)) Frames.Free(frame);
    }

    private static InsufficientMemoryException NoRoot() => new($"There is no frame for the root of a space of mode {TMode.Mode}.");

    // A table is freed before it is read, so that each is visited once, whatever refers to it.
    private void Release(ulong table, int level)
    {
        if (level == 1 || !EntryTable<TMode>.TryOpen(Memory, table, level, out EntryTable<TMode> entries)) return;
        for (int i = 0; i < TableGeometry<TMode>.Entries(level); i++)
        {
            ulong raw = entries[i];
            if ((raw & EntryBits.Present) == 0 || _context.IsLargeLeaf(level, raw) || _context.ReservedBitsSet(level, raw, false) != 0) continue;
            PhysicalAddress child = raw & TMode.FrameMask;
            if (!Frames.Owns(child)) continue;
            Frames.Free(child);
            Release(child.Value, level - 1);
        }
    }

    private bool TryMakeDirectories()
    {
        var reserve = new TableReserve(Memory, Frames, _frameLimit);
        int count = TableGeometry<TMode>.Entries(TMode.Levels);
        if (!reserve.TryTake(count)) return false;
        for (ulong i = 0; i < (ulong)count; i++) Memory.Write(Root + (i * (ulong)TMode.EntryBytes), reserve.Next().Value | EntryBits.Present);
        return true;
    }

    // Misaligned numbers are the caller's mistake; addresses that the mode does not have are an answer.
    private static MapResult Check(ulong linear, ulong length, ulong physical = 0)
    {
        if (((linear | length | physical) & (FrameBytes - 1)) != 0)
        {
            throw new ArgumentException($"0x{linear:x}, 0x{physical:x} and 0x{length:x} must be multiples of 4 KiB.", nameof(linear));
        }

        if (length == 0) return MapResult.Done;
        ulong last = unchecked(linear + length - 1);
        bool exists = TMode.IsLongMode
            ? new LinearAddress(linear).IsCanonical(TMode.LinearWidth) && new LinearAddress(last).IsCanonical(TMode.LinearWidth)
                && (linear ^ last) >> 63 == 0
            : last < FourGiB;
        return exists && last > linear ? MapResult.Done : MapResult.NotCanonical;
    }

    /// <summary>
    /// Makes the entry above permit what the leaf is to decide. What it refused, it refuses in each entry below instead, so that no
    /// other page gains a right.
    /// </summary>
    private void Widen(EntryTable<TMode> entries, int index, int level, int needed)
    {
        if (TableGeometry<TMode>.HasNoRights(level)) return;
        while (true)
        {
            ulong raw = entries[index];
            ulong set = 0, clear = 0;
            if ((needed & PathRights.Write) != 0) set |= EntryBits.Write & ~raw;
            if ((needed & PathRights.User) != 0) set |= EntryBits.User & ~raw;
            if ((needed & PathRights.ExecuteDisable) != 0) clear = EntryBits.ExecuteDisable & raw;
            if ((set | clear) == 0) return;
            if (EntryTable<TMode>.TryOpen(Memory, raw & TMode.FrameMask, level - 1, out EntryTable<TMode> below)) Restrict(below, level - 1, set, clear);
            if (entries.TryReplace(index, raw, (raw | set) & ~clear)) return;
        }
    }

    private static void Restrict(EntryTable<TMode> entries, int level, ulong clear, ulong set)
    {
        for (int i = 0; i < TableGeometry<TMode>.Entries(level); i++)
        {
            while (true)
            {
                ulong raw = entries[i];
                ulong narrowed = (raw & ~clear) | set;
                if ((raw & EntryBits.Present) == 0 || narrowed == raw || entries.TryReplace(i, raw, narrowed)) break;
            }
        }
    }
}
