using static FastMmu.Tests.Linux.Reference.ReferenceErrno;

namespace FastMmu.Tests.Linux.Reference;

internal sealed partial class ReferenceMm
{
    private const ulong Huge = 2UL << 20;
    private const ulong Low32Start = 0x4000_0000;
    private const ulong Low32End = 0x8000_0000;

    // get_unmapped_area: an address, or an error number.
    private ulong Place(ReferenceFile? file, ulong address, ulong length, ulong pageOffset, uint flags)
    {
        if (length > _settings.TaskSize) return unchecked((ulong)Nomem);
        ulong place;
        bool shared = (flags & MapShared) != 0;
        if (file is null)
        {
            place = address == 0 && length % Huge == 0 && (flags & MapFixed) == 0 && !shared
                ? PlaceHuge(address, length, 0, flags)
                : PlaceAnywhere(address, length, flags);
        }
        else
        {
            place = file.Inode.Kind switch
            {
                ReferenceFileKind.Disk => PlaceHuge(address, length, pageOffset << 12, flags),
                ReferenceFileKind.Zero when !shared => PlaceHuge(address, length, pageOffset << 12, flags),
                _ => PlaceAnywhere(address, length, flags),
            };
        }

        if (IsError(place)) return place;
        if (place > _settings.TaskSize - length) return unchecked((ulong)Nomem);
        if (place % Page != 0) return unchecked((ulong)Inval);
        return place < _settings.MinAddress && !_settings.Privileged ? unchecked((ulong)Perm) : place;
    }

    // Where a huge page of the object would be one of the memory, if there is room for the search.
    private ulong PlaceHuge(ulong address, ulong length, ulong offset, uint flags)
    {
        ulong end = unchecked(offset + length), aligned = unchecked(offset + Huge - 1) & ~(Huge - 1);
        ulong padded = unchecked(length + Huge);
        if (end > aligned && end - aligned >= Huge && padded > length && unchecked(offset + padded) >= offset)
        {
            ulong place = PlaceAnywhere(address, padded, flags);
            if (!IsError(place))
            {
                if (place == address) return place;
                ulong shift = unchecked(offset - place) & (Huge - 1);
                return shift == 0 && !_settings.Legacy ? place + Huge : place + shift;
            }
        }

        return PlaceAnywhere(address, length, flags);
    }

    private ulong PlaceAnywhere(ulong address, ulong length, uint flags)
    {
        if ((flags & MapFixed) != 0) return address;
        if (length > _settings.TaskSize) return unchecked((ulong)Nomem);
        if (_settings.Legacy || (flags & Map32Bit) != 0) return PlaceUpwards(address, length, flags);
        ulong hint = RoundDown(address);
        if (address != 0 && _settings.TaskSize - length >= hint && IsFreeFor(hint, length)) return hint;
        ulong low = (flags & MapAbove4G) != 0 ? 1UL << 32 : Page;
        ulong place = HighestGap(Math.Max(low, _settings.MinSearched), _settings.MmapBase, length);
        return IsError(place) ? PlaceUpwards(address, length, flags) : place;
    }

    private ulong PlaceUpwards(ulong address, ulong length, uint flags)
    {
        (ulong low, ulong high) = (flags & Map32Bit) != 0 ? (Low32Start, Low32End) : (_settings.LegacyBase, _settings.TaskSize);
        if (length > high) return unchecked((ulong)Nomem);
        ulong hint = RoundUp(address);
        if (address != 0 && high - length >= hint && IsFreeFor(hint, length)) return hint;
        return LowestGap(Math.Max(low, _settings.MinSearched), high, length);
    }

    private bool IsFreeFor(ulong address, ulong length) => Find(address) is not { } next || address + length <= StartWithGap(next);

    // The free ranges of [low, high), as (start, end, the area behind).
    private IEnumerable<(ulong Start, ulong End, ReferenceArea? Behind)> Gaps(ulong low, ulong high)
    {
        ulong start = low;
        foreach (ReferenceArea area in _areas)
        {
            ulong end = Math.Min(high, area.Start);
            if (end > start) yield return (start, end, area);
            start = Math.Max(start, area.End);
        }

        if (high > start) yield return (start, high, null);
    }

    // What must stay free below an area that grows downwards is no place for others.
    private ulong HighestGap(ulong low, ulong high, ulong length)
    {
        while (true)
        {
            (ulong Start, ulong End, ReferenceArea? Behind)[] fitting = [.. Gaps(low, high).Where(gap => gap.End - gap.Start >= length)];
            if (fitting.Length == 0) return unchecked((ulong)Nomem);
            (_, ulong end, ReferenceArea? behind) = fitting[^1];
            if (behind is null || StartWithGap(behind) >= end) return end - length;
            high = StartWithGap(behind);
        }
    }

    private ulong LowestGap(ulong low, ulong high, ulong length)
    {
        while (true)
        {
            (ulong Start, ulong End, ReferenceArea? Behind)[] fitting = [.. Gaps(low, high).Where(gap => gap.End - gap.Start >= length)];
            if (fitting.Length == 0) return unchecked((ulong)Nomem);
            (ulong start, _, ReferenceArea? behind) = fitting[0];
            // One byte less than one would think: so the kernel asks.
            if (behind is null || StartWithGap(behind) >= start + length - 1) return start;
            low = behind.End;
        }
    }
}
