using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.Linux.Exec;

/// <summary>The memory of a program as the kernel reads and writes it: through the page tables, with faults handled (copy_to_user and kin).</summary>
internal readonly struct UserMemory(AddressSpace mm)
{
    /// <summary>Writes bytes.</summary>
    /// <returns>False at the first page that may not be written; what lies before it is written: EFAULT.</returns>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (!TryGetPage(address, write: true, out Span<byte> page))
            {
                return false;
            }

            int count = Math.Min(page.Length, bytes.Length);
            bytes[..count].CopyTo(page);
            bytes = bytes[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Writes zeros up to the end of a page (padzero); nothing where the address begins one.</summary>
    public bool TryClearRestOfPage(ulong address)
    {
        if ((address & 0xfff) == 0)
        {
            return true;
        }

        if (!TryGetPage(address, write: true, out Span<byte> page))
        {
            return false;
        }

        page.Clear();
        return true;
    }

    /// <summary>The length of a string with its NUL (strnlen_user).</summary>
    /// <param name="address">Its first byte.</param>
    /// <param name="maximum">Where the search ends.</param>
    /// <returns>0 if it cannot be read, more than the maximum if no NUL is found.</returns>
    public ulong StringBytes(ulong address, ulong maximum)
    {
        for (ulong done = 0; done <= maximum;)
        {
            if (!TryGetPage(address + done, write: false, out Span<byte> page))
            {
                return 0;
            }

            int nul = page.IndexOf((byte)0);
            if (nul >= 0)
            {
                return done + (ulong)nul + 1;
            }

            done += (ulong)page.Length;
        }

        return maximum + 1;
    }

    /// <summary>Reads bytes.</summary>
    /// <returns>False at the first page that may not be read.</returns>
    public bool TryRead(ulong address, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (!TryGetPage(address, write: false, out Span<byte> page))
            {
                return false;
            }

            int count = Math.Min(page.Length, bytes.Length);
            page[..count].CopyTo(bytes);
            bytes = bytes[count..];
            address += (ulong)count;
        }

        return true;
    }

    // From the address to the end of its page.
    private bool TryGetPage(ulong address, bool write, out Span<byte> page)
    {
        page = default;
        if (address >= mm.TaskSize)
        {
            return false;
        }

        PageFaultError access = PageFaultError.User | (write ? PageFaultError.Write : 0);
        if (!mm.HandleFault(address, access).IsResolved)
        {
            return false;
        }

        ulong frame = mm.Tables.Peek(address).Frame;
        page = (write ? mm.Machine.Frames.Bytes(frame) : mm.Machine.Frames.Unwritten(frame))[(int)(address & 0xfff)..];
        return true;
    }
}
