using FastMmu.Linux.Areas;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>Maps the kernel's own areas into a new program: [vvar], [vvar_vclock] and [vdso], one behind the other.</summary>
/// <remarks>Source: arch/x86/entry/vdso/vma.c.</remarks>
internal static class Vdso
{
    private const VmFlags DataFlags =
        VmFlags.Read | VmFlags.MayRead | VmFlags.Io | VmFlags.PfnMap | VmFlags.DontDump | VmFlags.DontExpand;

    private const VmFlags CodeFlags = VmFlags.Read | VmFlags.Exec | VmFlags.MayAccessMask | VmFlags.DontExpand;

    /// <summary>Maps them.</summary>
    /// <param name="call">The program's execution.</param>
    /// <param name="address">Where [vdso] lies; 0 if the machine has none.</param>
    /// <returns>0 or an error number.</returns>
    public static int Map(ExecCall call, out ulong address)
    {
        address = 0;
        ExecSettings settings = call.Machine.ExecSettings;
        bool is32Bit = call.Layout.Is32Bit;
        VdsoImage? image = is32Bit ? settings.Vdso32 : settings.Vdso64;
        if (image is null)
        {
            return 0;
        }

        ulong data = (ulong)settings.VvarPages << 12;
        ulong clock = call.Machine.Profile.VvarClockArea ? (ulong)settings.VvarClockPages << 12 : 0;
        long found = call.Mm.FindRoom(Hint(call, image.Bytes + data + clock, is32Bit), image.Bytes + data + clock);
        if (Errno.IsError(found))
        {
            return (int)-found;
        }

        ulong start = (ulong)found;
        address = start + data + clock;
        int name = is32Bit ? SpecialMapping.Vdso32 : SpecialMapping.Vdso;
        if (!settings.TryInstall(call.Machine, name, image))
        {
            return Errno.ENOMEM;
        }

        Add(call.Mm, address, image.Bytes, CodeFlags, name);
        Add(call.Mm, start, data, DataFlags, SpecialMapping.Vvar);
        Add(call.Mm, start + data, clock, DataFlags, SpecialMapping.VvarClock);
        return 0;
    }

    private static void Add(AddressSpace mm, ulong start, ulong bytes, VmFlags flags, int name)
    {
        if (bytes != 0)
        {
            mm.AddArea(new Vma { Start = start, End = start + bytes, Flags = flags, PageOffset = 0, Name = name });
        }
    }

    // Before Linux 6.12, 64-bit programs have it in the page table of the stack's top: no page table more is needed for it.
    private static ulong Hint(ExecCall call, ulong bytes, bool is32Bit)
    {
        if (is32Bit || call.Machine.Profile.VdsoInMmapArea)
        {
            return 0;
        }

        const ulong Table = 2UL << 20;
        ulong start = (call.Mm.StartStack + 0xfff) & ~0xfffUL;
        ulong end = Math.Min((start + bytes + Table - 1) & ~(Table - 1), call.Layout.StackTopMaximum) - bytes;
        return end > start ? call.Layout.RandomPage(start, end) : start;
    }
}
