using System.Buffers;
using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;

namespace FastMmu;

/// <content>Copies between linear addresses.</content>
public sealed unsafe partial class Mmu
{
    // Up to here comparing every page with every other one is quicker than sorting.
    private const int PairsToCompare = 1024;

    /// <summary>Copies bytes to linear addresses of another address space, or of the same.</summary>
    /// <param name="linear">First byte here; any alignment. Behind the last address comes the first.</param>
    /// <param name="destination">The MMU that they go to: this one, or any other over the same memory or another.</param>
    /// <param name="destinationLinear">First byte there; any alignment.</param>
    /// <param name="length">Bytes; not negative.</param>
    /// <param name="options">How. The handler resolves faults of both sides; without a privilege, each side has its running program's.</param>
    /// <returns>How many bytes were copied, and the fault of the next one: of its read, if both sides refuse. Not delivered: CR2 is not touched.</returns>
    /// <remarks>
    /// <para>As if the bytes were read first and then written one by one from the first to the last, however the two sides overlap, in linear addresses or in frames that
    /// are mapped twice. Both sides are translated before a byte is written.</para>
    /// <para>From RAM the bytes go straight to their place, unless a frame is read after it was written: then they go through a rented buffer.</para>
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    /// <exception cref="ObjectDisposedException">A memory was disposed.</exception>
    /// <example><code>
    /// memory.Write(0x20_0000, "abcdef"u8);
    /// Console.WriteLine(mmu.CopyTo(0x1000UL, mmu, 0x1002UL, 6));      // 6 bytes
    /// Console.WriteLine(System.Text.Encoding.ASCII.GetString(memory.Span(0x20_0000, 8)));     // ababcdef
    /// Console.WriteLine(mmu.CopyTo(0x1000UL, mmu, 0x1ffeUL, 6));      // 2 bytes, then #PF(P|W) at 0x2000: write-protected page
    /// </code></example>
    public TransferResult CopyTo(LinearAddress linear, Mmu destination, LinearAddress destinationLinear, int length, TransferOptions options = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        int sources = PagesOf(linear.Value, length), targets = PagesOf(destinationLinear.Value, length);
        ulong[]? rented = sources + targets > PagesOnStack ? ArrayPool<ulong>.Shared.Rent(sources + targets) : null;
        try
        {
            Span<ulong> pages = rented is null ? stackalloc ulong[PagesOnStack] : rented;
            var copy = new Copy
            {
                From = linear.Value,
                To = destinationLinear.Value,
                Length = length,
                Sources = pages[..sources],
                Targets = pages.Slice(sources, targets),
                Destination = destination,
            };
            int count = TranslateCopy(ref copy, in options, out MmuFault fault);
            if (fault.IsFault && options.AllOrNothing) count = 0;
            copy.Length = count;
            if (_memory == destination._memory && copy.ReadsBehindWrites()) CopyThroughBuffer(in copy);
            else CopyAscending(in copy);
            return new(count, fault);
        }
        finally
        {
            if (rented is not null) ArrayPool<ulong>.Shared.Return(rented);
        }
    }

    // How many bytes both sides allow. As in TryTranslateAll, what counts is a pass in which nothing was resolved.
    private int TranslateCopy(ref Copy copy, in TransferOptions options, out MmuFault fault)
    {
        Privilege reading = options.Privilege ?? CurrentPrivilege, writing = options.Privilege ?? copy.Destination.CurrentPrivilege;
        fault = MmuFault.None;
        for (int pass = 0; pass < MostFaults; pass++)
        {
            MmuFault resolved = MmuFault.None;
            int done = 0, source = 0, target = 0;
            while (done < copy.Length)
            {
                ulong from = copy.From + (ulong)done, to = copy.To + (ulong)done;
                PhysicalAddress found;
                if (done == 0 || (from & (PageBytes - 1)) == 0)
                {
                    if (!TryTranslatePage(from, Access.Read, reading, options.FaultHandler, ref resolved, out found, out fault)) break;
                    copy.Sources[source++] = found.Value;
                }

                if (done == 0 || (to & (PageBytes - 1)) == 0)
                {
                    if (!copy.Destination.TryTranslatePage(to, Access.Write, writing, options.FaultHandler, ref resolved, out found, out fault)) break;
                    copy.Targets[target++] = found.Value;
                }

                done += Math.Min(copy.Length - done, Math.Min(LeftInPage(from), LeftInPage(to)));
            }

            if (!resolved.IsFault) return done;
            if (pass == MostFaults - 1) fault = resolved;
        }

        return 0;
    }

    [SkipLocalsInit]
    private void CopyAscending(in Copy copy)
    {
        Span<byte> buffer = stackalloc byte[PageBytes];
        for (int done = 0; done < copy.Length;)
        {
            int count = copy.PieceAt(done, out PhysicalAddress source, out PhysicalAddress target);
            byte* host = _memory.Find(source.Value, count);
            if (host == null) _memory.Read(source, buffer[..count]);
            copy.Destination._memory.Write(target, host != null ? new ReadOnlySpan<byte>(host, count) : buffer[..count]);
            done += count;
        }
    }

    private void CopyThroughBuffer(in Copy copy)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(copy.Length);
        try
        {
            int count;
            for (int done = 0; done < copy.Length; done += count)
            {
                count = copy.PieceAt(done, out PhysicalAddress source, out _);
                _memory.Read(source, buffer.AsSpan(done, count));
            }

            for (int done = 0; done < copy.Length; done += count)
            {
                count = copy.PieceAt(done, out _, out PhysicalAddress target);
                _memory.Write(target, buffer.AsSpan(done, count));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ref struct Copy
    {
        internal ulong From;
        internal ulong To;
        internal int Length;
        internal Mmu Destination;

        // Physical addresses of the first byte in each page.
        internal Span<ulong> Sources;
        internal Span<ulong> Targets;

        /// <summary>The next bytes that lie in one page on both sides.</summary>
        internal readonly int PieceAt(int done, out PhysicalAddress source, out PhysicalAddress target)
        {
            source = At(Sources, From, done);
            target = At(Targets, To, done);
            return Math.Min(Length - done, Math.Min(LeftInPage(source.Value), LeftInPage(target.Value)));
        }

        /// <summary>
        /// Whether some byte would be read after it was written: then its place in the source is behind its place in the target. All bytes of a page that both have
        /// are equally far apart, so pages are compared; their parts that are not copied do no harm.
        /// </summary>
        internal readonly bool ReadsBehindWrites()
        {
            if (Length == 0) return false;
            ReadOnlySpan<ulong> sources = Sources[..PagesOf(From, Length)], targets = Targets[..PagesOf(To, Length)];
            return (long)sources.Length * targets.Length <= PairsToCompare ? AnyPairBehind(sources, targets) : AnyBehindSorted(sources, targets);
        }

        private static PhysicalAddress At(ReadOnlySpan<ulong> pages, ulong first, int done)
        {
            long offset = (long)(first & (PageBytes - 1)) + done;
            int page = (int)(offset / PageBytes);
            return PhysicalAddress.Truncate(page == 0 ? pages[0] + (ulong)done : (pages[page] & ~(ulong)(PageBytes - 1)) + (ulong)(offset % PageBytes));
        }

        private readonly bool AnyPairBehind(ReadOnlySpan<ulong> sources, ReadOnlySpan<ulong> targets)
        {
            for (int i = 0; i < sources.Length; i++)
            {
                for (int j = 0; j < targets.Length; j++)
                {
                    if (sources[i] >> 12 == targets[j] >> 12 && IsBehind(i, j)) return true;
                }
            }

            return false;
        }

        private readonly bool AnyBehindSorted(ReadOnlySpan<ulong> sources, ReadOnlySpan<ulong> targets)
        {
            ulong[] frames = ArrayPool<ulong>.Shared.Rent(targets.Length);
            int[] indices = ArrayPool<int>.Shared.Rent(targets.Length);
            try
            {
                for (int j = 0; j < targets.Length; j++) (frames[j], indices[j]) = (targets[j] >> 12, j);
                Array.Sort(frames, indices, 0, targets.Length);
                for (int i = 0; i < sources.Length; i++)
                {
                    int found = Array.BinarySearch(frames, 0, targets.Length, sources[i] >> 12);
                    // A frame that the target has more than once is rare, and a buffer is right for any.
                    if (found >= 0 && (IsBehind(i, indices[found]) || IsTwice(frames.AsSpan(0, targets.Length), found))) return true;
                }

                return false;
            }
            finally
            {
                ArrayPool<ulong>.Shared.Return(frames);
                ArrayPool<int>.Shared.Return(indices);
            }
        }

        private static bool IsTwice(ReadOnlySpan<ulong> sorted, int at) =>
            (at > 0 && sorted[at - 1] == sorted[at]) || (at + 1 < sorted.Length && sorted[at + 1] == sorted[at]);

        private readonly bool IsBehind(int source, int target) =>
            ((long)source * PageBytes) - (long)(From & (PageBytes - 1)) > ((long)target * PageBytes) - (long)(To & (PageBytes - 1));
    }
}
