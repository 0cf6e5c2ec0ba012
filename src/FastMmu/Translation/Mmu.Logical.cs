using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu;

/// <content>Data accesses and fetches by logical address: segmentation first, then paging.</content>
public sealed unsafe partial class Mmu
{
    /// <summary>Segment registers, descriptor-table registers and the operations on them.</summary>
    public SegmentationUnit Segments { get; }

    /// <summary>Translates a logical address for an access of one byte by the running program.</summary>
    /// <param name="logical">Segment register and offset.</param>
    /// <param name="access">What the access does.</param>
    /// <returns>The physical address, or the fault: #GP, #SS or #PF. Accessed and dirty bits are set as by the access.</returns>
    /// <example><code>
    /// using var boot = new Mmu(memory, ProcessorFeatures.Pentium4);           // after reset: real mode
    /// boot.Segments.TryLoad(SegmentRegister.DS, 0x1234, out _);
    /// Console.WriteLine(boot.Translate(new LogicalAddress(SegmentRegister.DS, 0x10)).Physical);       // 0x12350
    /// Console.WriteLine(boot.Translate(new LogicalAddress(SegmentRegister.DS, 0x10000)));             // #GP(0): outside the segment limit
    /// </code></example>
    public Translation Translate(LogicalAddress logical, Access access = Access.Read) =>
        Segments.TryToLinear(logical.Segment, logical.Offset, 1, access, out ulong linear, out MmuFault fault)
            ? Translate(linear, access, CurrentPrivilege, logical.Segment == SegmentRegister.SS)
            : new(fault);

    /// <summary>Reads a value for the running program through a segment.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="segment">The segment register.</param>
    /// <param name="offset">Offset of the first byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether the value was read.</returns>
    /// <example><code>
    /// using var boot = new Mmu(memory, ProcessorFeatures.Pentium4);
    /// boot.Segments.TryLoad(SegmentRegister.ES, 0xb800, out _);
    /// memory.Write(0xb80a0, (ushort)0x0741);                                  // an A on the second line of the screen
    /// Console.WriteLine(boot.TryRead(SegmentRegister.ES, 0xa0, out byte letter, out _));      // True
    /// Console.WriteLine((char)letter);                                                        // A
    /// </code></example>
    public bool TryRead<T>(SegmentRegister segment, ulong offset, out T value, out MmuFault fault) where T : unmanaged
    {
        if (Segments.TryToLinear(segment, offset, sizeof(T), Access.Read, out ulong linear, out fault))
        {
            if (WrapsAtFourGigabytes(linear, sizeof(T)))
            {
                value = default;
                return TryRead(segment, offset, MemoryMarshal.AsBytes(new Span<T>(ref value)), out fault);
            }

            return TryReadAs(linear, CurrentPrivilege, segment == SegmentRegister.SS, out value, out fault);
        }

        value = default;
        return false;
    }

    /// <summary>Writes a value for the running program through a segment.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="segment">The segment register.</param>
    /// <param name="offset">Offset of the first byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value.</param>
    /// <param name="fault">The fault, or none. A write that faults has changed no byte.</param>
    /// <returns>Whether the value was written.</returns>
    /// <example><code>
    /// using var boot = new Mmu(memory, ProcessorFeatures.Pentium4);
    /// boot.Segments.TryLoad(SegmentRegister.SS, 0x9000, out _);
    /// Console.WriteLine(boot.TryWrite(SegmentRegister.SS, 0xfffe, (ushort)7, out MmuFault fault));    // True
    /// Console.WriteLine(memory.Read&lt;ushort&gt;(0x9fffe));                                                // 7
    /// Console.WriteLine(boot.TryWrite(SegmentRegister.SS, 0xffff, (ushort)7, out fault));             // False
    /// Console.WriteLine(fault);                                                                       // #SS(0): outside the segment limit
    /// </code></example>
    public bool TryWrite<T>(SegmentRegister segment, ulong offset, T value, out MmuFault fault) where T : unmanaged =>
        Segments.TryToLinear(segment, offset, sizeof(T), Access.Write, out ulong linear, out fault)
        && (WrapsAtFourGigabytes(linear, sizeof(T))
            ? TryWrite(segment, offset, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)), out fault)
            : TryWriteAs(linear, value, CurrentPrivilege, segment == SegmentRegister.SS, out fault));

    /// <summary>Reads bytes for the running program through a segment: all of them, or none.</summary>
    /// <param name="segment">The segment register.</param>
    /// <param name="offset">Offset of the first byte.</param>
    /// <param name="destination">Where they go; untouched if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether the bytes were read.</returns>
    /// <example><code>
    /// using var boot = new Mmu(memory, ProcessorFeatures.Pentium4);
    /// memory.Write(0x400, "COM1"u8);
    /// byte[] text = new byte[4];
    /// Console.WriteLine(boot.TryRead(SegmentRegister.DS, 0x400, text, out _));                // True
    /// Console.WriteLine(System.Text.Encoding.ASCII.GetString(text));                          // COM1
    /// </code></example>
    public bool TryRead(SegmentRegister segment, ulong offset, Span<byte> destination, out MmuFault fault)
    {
        fault = MmuFault.None;
        return destination.IsEmpty
            || (Segments.TryToLinear(segment, offset, destination.Length, Access.Read, out ulong linear, out fault)
                && TryTransfer(
                    linear, destination, default, Access.Read, CurrentPrivilege, segment == SegmentRegister.SS, out fault,
                    WrapOf(linear, destination.Length)));
    }

    /// <summary>Writes bytes for the running program through a segment: all of them, or none.</summary>
    /// <param name="segment">The segment register.</param>
    /// <param name="offset">Offset of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether the bytes were written.</returns>
    /// <example><code>
    /// using var boot = new Mmu(memory, ProcessorFeatures.Pentium4);
    /// Console.WriteLine(boot.TryWrite(SegmentRegister.DS, 0x400, "COM1"u8, out _));           // True
    /// Console.WriteLine((char)memory.Read&lt;byte&gt;(0x400));                                      // C
    /// </code></example>
    public bool TryWrite(SegmentRegister segment, ulong offset, ReadOnlySpan<byte> source, out MmuFault fault)
    {
        fault = MmuFault.None;
        return source.IsEmpty
            || (Segments.TryToLinear(segment, offset, source.Length, Access.Write, out ulong linear, out fault)
                && TryTransfer(
                    linear, default, source, Access.Write, CurrentPrivilege, segment == SegmentRegister.SS, out fault,
                    WrapOf(linear, source.Length)));
    }

    /// <summary>As <see cref="TryReadForUpdate{T}(LinearAddress, out T, out MmuFault)"/>, through a segment.</summary>
    /// <typeparam name="T">A blittable type, little-endian.</typeparam>
    /// <param name="segment">The segment register.</param>
    /// <param name="offset">Offset of the first byte; any alignment, pages may be crossed.</param>
    /// <param name="value">The value; default if the access faults.</param>
    /// <param name="fault">The fault, or none.</param>
    /// <returns>Whether the value was read.</returns>
    /// <example><code>
    /// using var boot = new Mmu(memory, ProcessorFeatures.Pentium4);           // inc word [0x46c], a clock tick
    /// if (boot.TryReadForUpdate(SegmentRegister.DS, 0x46c, out ushort ticks, out MmuFault fault))
    ///     boot.TryWrite(SegmentRegister.DS, 0x46c, (ushort)(ticks + 1), out fault);
    /// Console.WriteLine(memory.Read&lt;ushort&gt;(0x46c));                          // 1
    /// </code></example>
    public bool TryReadForUpdate<T>(SegmentRegister segment, ulong offset, out T value, out MmuFault fault) where T : unmanaged
    {
        T read = default;
        bool done = Segments.TryToLinear(segment, offset, sizeof(T), Access.Write, out ulong linear, out fault)
            && TryTransfer(
                linear, MemoryMarshal.AsBytes(new Span<T>(ref read)), default, Access.Write, CurrentPrivilege, segment == SegmentRegister.SS, out fault,
                WrapOf(linear, sizeof(T)));
        value = read;
        return done;
    }

    /// <summary>
    /// Fetches instruction bytes through CS: as many of those wanted as can be had before the limit or the first page that refuses.
    /// </summary>
    /// <param name="instructionPointer">Offset of the first byte in CS.</param>
    /// <param name="destination">Where they go.</param>
    /// <param name="fault">The fault of the first byte that could not be had, or none if all could; deliver it with <see cref="RaiseFetchFault"/> only if the instruction needs that byte.</param>
    /// <returns>How many bytes were fetched.</returns>
    /// <example><code>
    /// using var boot = new Mmu(memory, ProcessorFeatures.Pentium4);
    /// boot.Segments.TryFarJump(0x07c0, 0, out _, out _);        // to the boot sector
    /// memory.Write(0x7c00, new byte[] { 0xfa, 0x31, 0xc0 });
    /// byte[] code = new byte[15];
    /// Console.WriteLine(boot.FetchCode(0, code, out MmuFault fault));         // 15
    /// Console.WriteLine(Convert.ToHexString(code, 0, 3));                     // FA31C0
    /// </code></example>
    public int FetchCode(ulong instructionPointer, Span<byte> destination, out MmuFault fault)
    {
        fault = MmuFault.None;
        int allowed = Segments.FetchableBytes(instructionPointer, destination.Length);
        int fetched = 0;
        if (allowed > 0)
        {
            // The window was checked as a whole, so asking for its first byte gives the linear address and cannot fail.
            _ = Segments.TryToLinear(SegmentRegister.CS, instructionPointer, 1, Access.Execute, out ulong linear, out fault);
            int straight = WrapsAtFourGigabytes(linear, allowed) ? (int)((1UL << 32) - linear) : allowed;
            fetched = Fetch(linear, destination[..straight], out fault);
            if (fetched == straight && straight < allowed) fetched += Fetch(0UL, destination[straight..allowed], out fault);
        }

        if (!fault.IsFault && fetched < destination.Length)
        {
            _ = Segments.TryToLinear(SegmentRegister.CS, instructionPointer + (ulong)fetched, 1, Access.Execute, out _, out fault);
        }

        return fetched;
    }

    // Linear addresses outside 64-bit mode have 32 bits, also behind the first byte. Outside long mode paging cuts them all; in
    // compatibility mode only what comes through a segment is known to be such an address.
    private bool WrapsAtFourGigabytes(ulong linear, int size) =>
        (uint)linear + (ulong)(uint)size > 1UL << 32 && Segments.Mode == SegmentationMode.Compatibility;

    private ulong WrapOf(ulong linear, int size) => WrapsAtFourGigabytes(linear, size) ? uint.MaxValue : ulong.MaxValue;

    // The descriptor tables as segmentation sees them: implicit supervisor accesses, whatever the CPL.
    private sealed class DescriptorMemory(Mmu mmu) : IDescriptorMemory
    {
        public bool TryRead64(LinearAddress address, out ulong value, out MmuFault fault) =>
            mmu.TryReadAs(address.Value, Privilege.ImplicitSupervisor, stack: false, out value, out fault);

        public bool TrySetBits(LinearAddress address, byte bits, out MmuFault fault)
        {
            Translation translation = mmu.Translate(address, Access.Write, Privilege.ImplicitSupervisor);
            fault = translation.Fault;
            if (!translation.Ok) return false;
            WatchMap? watches = mmu.WatchesOf(address.Value, 1, Access.Write, Privilege.ImplicitSupervisor);
            if (watches is null)
            {
                mmu._memory.OrByte(translation.Physical.Value, bits);
                return true;
            }

            byte value = (byte)(mmu._memory.Read<byte>(translation.Physical) | bits);
            if (mmu.TellAndWrite(watches, address.Value, Privilege.ImplicitSupervisor, translation.Physical, value, out fault)) return true;
            mmu.NoteFault(fault);
            return false;
        }
    }
}
