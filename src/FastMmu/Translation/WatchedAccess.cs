using System.Buffers.Binary;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>
/// The watched part of an access, within one page: after a read or a fetch, before the program gets the bytes; before a write lands. The access was
/// permitted, and accessed and dirty bits are set.
/// </summary>
/// <example><code>
/// using var memory = PhysicalMemory.Create(16 * MiB);
/// using var mmu = new Mmu(memory, ProcessorFeatures.Zen4);    // without paging: linear is physical
/// string seen = "";
/// using Watch watch = mmu.Watch(new LinearRange(0x1002, 2), WatchKinds.All, (ref WatchedAccess access) =&gt;
///     seen = $"{access.Kind} of {access.Size} bytes at {access.Linear}: {access.Value:x}");
/// mmu.TryWrite(0x1000UL, 0x4433_2211, out _);
/// Console.WriteLine(seen);                                    // Write of 2 bytes at 0x1002: 4433
/// </code></example>
public ref struct WatchedAccess
{
    internal WatchedAccess(Access kind, ulong linear, ulong physical, Span<byte> data, ulong accessStart, int accessLength)
    {
        Kind = kind;
        Linear = new(linear);
        Physical = PhysicalAddress.Truncate(physical);
        Data = data;
        AccessStart = new(accessStart);
        AccessLength = accessLength;
    }

    /// <summary><see cref="Access.Read"/>, <see cref="Access.Write"/> or <see cref="Access.Execute"/>.</summary>
    public Access Kind { get; }

    /// <summary>The first watched byte, as paging saw it: without LAM's metadata, and of 32 bits outside long mode.</summary>
    public LinearAddress Linear { get; }

    /// <summary>Where it is.</summary>
    public PhysicalAddress Physical { get; }

    /// <summary>The watched bytes: those read, or those to be written. What is put here is what the program reads, or what is written.</summary>
    public Span<byte> Data { get; }

    /// <summary>How many bytes.</summary>
    public readonly int Size => Data.Length;

    /// <summary>The first byte of the whole access, as the program named it.</summary>
    public LinearAddress AccessStart { get; }

    /// <summary>Bytes of the whole access, as much of it as was asked for in one call.</summary>
    public int AccessLength { get; }

    /// <summary>The first eight bytes of <see cref="Data"/>, or as many as there are, as a little-endian number.</summary>
    public readonly ulong Value
    {
        get
        {
            Span<byte> bytes = stackalloc byte[sizeof(ulong)];
            bytes.Clear();
            Data[..Math.Min(Size, sizeof(ulong))].CopyTo(bytes);
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        }

        set
        {
            Span<byte> bytes = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            bytes[..Math.Min(Size, sizeof(ulong))].CopyTo(Data);
        }
    }

    /// <summary>Set to make the access end in a fault: of a write no byte lands, of a read none is given. Handlers behind this one are not called.</summary>
    public MmuFault Fault { get; set; }

    /// <summary>Set to keep these bytes of a write from landing; the others do. Without meaning for reads.</summary>
    public bool Dropped { get; set; }
}
