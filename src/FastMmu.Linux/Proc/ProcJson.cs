using System.Text.Json;
using FastMmu.Linux.Areas;
using FastMmu.Linux.Files;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Proc;

/// <summary>What the files of /proc/PID say of memory, as JSON.</summary>
public static class ProcJson
{
    /// <summary>Writes an object with the areas, each with its usage, and the counters: maps, smaps and status in one.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="json">Where it goes.</param>
    /// <remarks>Addresses are texts, <c>"0x…"</c>, because they need more bits than many readers keep; sizes are numbers in kB, as in the files.</remarks>
    public static void Write(AddressSpace mm, Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(mm);
        ArgumentNullException.ThrowIfNull(json);
        json.WriteStartObject();
        json.WriteStartArray("areas");
        for (ulong at = 0; mm.Areas.TryFind(at, out Vma vma); at = vma.End)
        {
            WriteArea(mm, vma, json);
        }

        json.WriteEndArray();
        json.WriteStartObject("status");
        foreach ((string name, long kilobytes) in MemoryStatus.Of(mm).Lines)
        {
            json.WriteNumber(name, kilobytes);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteArea(AddressSpace mm, in Vma vma, Utf8JsonWriter json)
    {
        DeviceInode file = vma.File == 0 ? default : mm.Machine.Files[vma.File].Inode.Identity;
        AreaUsage usage = mm.Tables.Usage(vma);
        json.WriteStartObject();
        json.WriteString("start", $"0x{vma.Start:x}");
        json.WriteString("end", $"0x{vma.End:x}");
        json.WriteString("permissions", VmFlagCodes.Permissions(vma.Flags));
        json.WriteString("offset", $"0x{(vma.File == 0 ? 0 : vma.PageOffset << 12):x}");
        json.WriteString("device", $"{file.Major:x2}:{file.Minor:x2}");
        json.WriteNumber("inode", file.Number);
        json.WriteString("name", AreaNames.Of(mm, vma));
        json.WriteString("flags", VmFlagCodes.Text(vma.Flags));
        json.WriteNumber("size", vma.Length >> 10);
        json.WriteNumber("rss", usage.Resident >> 10);
        json.WriteNumber("pss", usage.Share >> (AreaUsage.ShareShift + 10));
        json.WriteNumber("pssDirty", usage.DirtyShare >> (AreaUsage.ShareShift + 10));
        json.WriteNumber("sharedClean", usage.SharedClean >> 10);
        json.WriteNumber("sharedDirty", usage.SharedDirty >> 10);
        json.WriteNumber("privateClean", usage.PrivateClean >> 10);
        json.WriteNumber("privateDirty", usage.PrivateDirty >> 10);
        json.WriteNumber("referenced", usage.Referenced >> 10);
        json.WriteNumber("anonymous", usage.Anonymous >> 10);
        json.WriteNumber("lazyFree", usage.LazyFree >> 10);
        json.WriteNumber("locked", usage.LockedShare >> (AreaUsage.ShareShift + 10));
        json.WriteEndObject();
    }
}
