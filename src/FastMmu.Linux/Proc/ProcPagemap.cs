using System.Buffers.Binary;
using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Proc;

/// <summary>/proc/PID/pagemap: eight bytes for each page of the user's half.</summary>
public static class ProcPagemap
{
    /// <summary>Reads a part of the file.</summary>
    /// <param name="mm">The address space.</param>
    /// <param name="offset">Where, in bytes; a multiple of 8. Page <c>n</c> lies at <c>8 * n</c>.</param>
    /// <param name="destination">Where the bytes go; a multiple of 8.</param>
    /// <param name="showFrames">Whether the reader may see frame numbers (CAP_SYS_ADMIN).</param>
    /// <returns>Bytes read: fewer at the end of the address space; -EINVAL for an odd offset or length.</returns>
    public static long Read(AddressSpace mm, ulong offset, Span<byte> destination, bool showFrames = false)
    {
        ArgumentNullException.ThrowIfNull(mm);
        if ((offset & 7) != 0 || (destination.Length & 7) != 0)
        {
            return -Errno.EINVAL;
        }

        ulong first = offset >> 3, pages = mm.TaskSize >> 12;
        int count = (int)Math.Min((ulong)destination.Length >> 3, first < pages ? pages - first : 0);
        for (int i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination[(8 * i)..], mm.Pagemap((first + (ulong)i) << 12, showFrames));
        }

        return 8L * count;
    }
}
