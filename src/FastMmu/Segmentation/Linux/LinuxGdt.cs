using System.Buffers.Binary;

namespace FastMmu.Segmentation.Linux;

/// <summary>
/// The global descriptor tables of Linux on x86, as data: what the kernel's <c>gdt_page</c> holds, and what it fills in while it runs.
/// </summary>
/// <remarks>
/// Up to 6.7 the 32-bit tables have the accessed bits of their fixed entries clear, so that the processor sets them at the first load; from
/// 6.8 on they are set from the start, as they always were in 64 bits.
/// Source: Linux, arch/x86/kernel/cpu/common.c: gdt_page, setup_getcpu; arch/x86/kernel/setup_percpu.c: setup_percpu_segment;
/// arch/x86/include/asm/segment.h.
/// </remarks>
public sealed class LinuxGdt
{
    private const int SlotSize = 8;
    private const ushort Accessed = SegmentAttributes.AccessedBit;
    private const ushort TssFlags = 0x89;
    private const ushort LdtFlags = 0x82;
    private const ushort TssBusy = 2;

    private readonly LinuxGdtEntry[] _entries;
    private readonly uint _tssLimit;

    private LinuxGdt(string name, bool is64Bit, uint tssLimit, LinuxGdtEntry[] entries)
    {
        Name = name;
        Is64Bit = is64Bit;
        _tssLimit = tssLimit;
        _entries = entries;
    }

    /// <summary>x86-64: 16 slots.</summary>
    public static LinuxGdt Amd64 { get; } = new("x86-64", is64Bit: true, 0x4087, Fill(16,
    [
        new(1, "KERNEL32_CS", LinuxGdtUse.Fixed, 0xc09b, 0xfffff),
        new(2, "KERNEL_CS", LinuxGdtUse.Fixed, 0xa09b, 0xfffff),
        new(3, "KERNEL_DS", LinuxGdtUse.Fixed, 0xc093, 0xfffff),
        new(4, "DEFAULT_USER32_CS", LinuxGdtUse.Fixed, 0xc0fb, 0xfffff),
        new(5, "DEFAULT_USER_DS", LinuxGdtUse.Fixed, 0xc0f3, 0xfffff),
        new(6, "DEFAULT_USER_CS", LinuxGdtUse.Fixed, 0xa0fb, 0xfffff),
        new(8, "TSS", LinuxGdtUse.Tss, TssFlags, 0),
        new(9, "TSS", LinuxGdtUse.UpperHalf, 0, 0),
        new(10, "LDT", LinuxGdtUse.Ldt, LdtFlags, 0),
        new(11, "LDT", LinuxGdtUse.UpperHalf, 0, 0),
        new(12, "TLS_MIN", LinuxGdtUse.Tls, 0, 0),
        new(13, "TLS_MIN+1", LinuxGdtUse.Tls, 0, 0),
        new(14, "TLS_MAX", LinuxGdtUse.Tls, 0, 0),
        new(15, "CPUNODE", LinuxGdtUse.CpuNode, CpuNode.Flags, 0),
    ]));

    /// <summary>32-bit x86 up to Linux 6.7: 32 slots, accessed bits clear.</summary>
    public static LinuxGdt I386Before6_8 { get; } = new("i386 (up to 6.7)", is64Bit: false, 0x407b, I386Entries(0));

    /// <summary>32-bit x86 from Linux 6.8 on: 32 slots, accessed bits set.</summary>
    public static LinuxGdt I386 { get; } = new("i386 (6.8 and later)", is64Bit: false, 0x407b, I386Entries(Accessed));

    /// <summary>The three tables, the strictest first: each can be told from those behind it.</summary>
    public static IReadOnlyList<LinuxGdt> All { get; } = [Amd64, I386, I386Before6_8];

    /// <summary>Which kernels have this table.</summary>
    public string Name { get; }

    /// <summary>Whether TSS and LDT have sixteen bytes.</summary>
    public bool Is64Bit { get; }

    /// <summary>Every slot, in order of index, slot 0 and empty ones included.</summary>
    public IReadOnlyList<LinuxGdtEntry> Entries => _entries;

    /// <summary>Size of the table in bytes.</summary>
    public int SizeInBytes => _entries.Length * SlotSize;

    /// <summary>The slot with a name.</summary>
    /// <param name="name">The kernel's name without its prefix <c>GDT_ENTRY_</c>; the first slot if two have it.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public LinuxGdtEntry this[string name]
    {
        get
        {
            foreach (LinuxGdtEntry entry in _entries)
            {
                if (entry.Name == name) return entry;
            }

            throw new ArgumentException($"no entry {name} in the GDT of {Name}", nameof(name));
        }
    }

    /// <summary>Writes the table as it lies in memory.</summary>
    /// <param name="destination">At least <see cref="SizeInBytes"/> bytes.</param>
    /// <param name="contents">What differs between processors; null for the table as it stands in the kernel's image.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    /// <example><code>
    /// byte[] table = new byte[LinuxGdt.I386.SizeInBytes];
    /// LinuxGdt.I386.Write(table);
    /// Console.WriteLine(BitConverter.ToUInt64(table, 12 * 8).ToString("x16"));        // 00cf9b000000ffff
    /// </code></example>
    public void Write(Span<byte> destination, LinuxGdtContents? contents = null)
    {
        if (destination.Length < SizeInBytes) throw new ArgumentException($"needs {SizeInBytes} bytes", nameof(destination));
        int tls = 0;
        foreach (LinuxGdtEntry entry in _entries)
        {
            Span<byte> slot = destination[(entry.Index * SlotSize)..];
            switch (entry.Use)
            {
                case LinuxGdtUse.UpperHalf:
                    break;
                case LinuxGdtUse.PerCpu:
                    // setup_percpu_segment() writes it anew, without D/B.
                    ushort flags = contents is null ? entry.Flags : (ushort)(entry.Flags & ~SegmentAttributes.DbBit);
                    Write(slot, GdtEntry.Init(flags, contents?.PerCpuBase ?? 0, entry.Limit));
                    break;
                case LinuxGdtUse.Tss when contents is not null:
                    WriteSystem(slot, (ushort)(TssFlags | (contents.TssBusy ? TssBusy : 0)), contents.TssBase, contents.TssLimit ?? _tssLimit);
                    break;
                case LinuxGdtUse.Ldt when contents is { LdtEntries: > 0 }:
                    WriteSystem(slot, LdtFlags, contents.LdtBase, (uint)(contents.LdtEntries * SlotSize) - 1);
                    break;
                case LinuxGdtUse.Tss or LinuxGdtUse.Ldt:
                    WriteSystem(slot, 0, 0, 0);
                    break;
                case LinuxGdtUse.DoubleFaultTss when contents is not null:
                    Write(slot, GdtEntry.Init(TssFlags, contents.DoubleFaultTssBase, contents.TssLimit ?? _tssLimit));
                    break;
                case LinuxGdtUse.Tls when contents is not null:
                    Write(slot, tls switch { 0 => contents.Tls.First, 1 => contents.Tls.Second, _ => contents.Tls.Third });
                    tls++;
                    break;
                case LinuxGdtUse.CpuNode when contents?.CpuNode is { } cpuNode:
                    Write(slot, cpuNode.Descriptor);
                    break;
                case LinuxGdtUse.CpuNode or LinuxGdtUse.DoubleFaultTss:
                    Write(slot, 0UL);
                    break;
                default:
                    Write(slot, entry.Descriptor);
                    break;
            }
        }
    }

    /// <summary>Which of Linux's tables this is, if one.</summary>
    /// <param name="table">The bytes of a GDT, from its first entry on.</param>
    /// <returns>The table whose fixed entries are all there; accessed bits that a processor has set since do not matter. Else null.</returns>
    /// <example><code>
    /// byte[] table = new byte[LinuxGdt.Amd64.SizeInBytes];
    /// LinuxGdt.Amd64.Write(table);
    /// Console.WriteLine(LinuxGdt.Recognise(table)?.Name);                 // x86-64
    /// Console.WriteLine(LinuxGdt.Recognise(new byte[256]) is null);       // True
    /// </code></example>
    public static LinuxGdt? Recognise(ReadOnlySpan<byte> table)
    {
        foreach (LinuxGdt candidate in All)
        {
            if (candidate.Matches(table)) return candidate;
        }

        return null;
    }

    private bool Matches(ReadOnlySpan<byte> table)
    {
        if (table.Length < SizeInBytes) return false;
        foreach (LinuxGdtEntry entry in _entries)
        {
            if (entry.Use != LinuxGdtUse.Fixed) continue;
            ulong raw = BinaryPrimitives.ReadUInt64LittleEndian(table[(entry.Index * SlotSize)..]);
            ulong expected = entry.Descriptor.Value;
            if (raw != expected && raw != GdtEntry.Init((ushort)(entry.Flags | Accessed), 0, entry.Limit).Value) return false;
        }

        return true;
    }

    private static void Write(Span<byte> slot, SegmentDescriptor descriptor) => BinaryPrimitives.WriteUInt64LittleEndian(slot, descriptor.Value);

    private void WriteSystem(Span<byte> slot, ushort flags, ulong segmentBase, uint limit)
    {
        var descriptor = SystemDescriptor.Create(flags, segmentBase, limit);
        Write(slot, descriptor.Low);
        if (Is64Bit) Write(slot[SlotSize..], descriptor.High);
    }

    private static LinuxGdtEntry[] I386Entries(ushort accessed) => Fill(32,
    [
        new(6, "TLS_MIN", LinuxGdtUse.Tls, 0, 0),
        new(7, "TLS_MIN+1", LinuxGdtUse.Tls, 0, 0),
        new(8, "TLS_MAX", LinuxGdtUse.Tls, 0, 0),
        new(12, "KERNEL_CS", LinuxGdtUse.Fixed, (ushort)(0xc09a | accessed), 0xfffff),
        new(13, "KERNEL_DS", LinuxGdtUse.Fixed, (ushort)(0xc092 | accessed), 0xfffff),
        new(14, "DEFAULT_USER_CS", LinuxGdtUse.Fixed, (ushort)(0xc0fa | accessed), 0xfffff),
        new(15, "DEFAULT_USER_DS", LinuxGdtUse.Fixed, (ushort)(0xc0f2 | accessed), 0xfffff),
        new(16, "TSS", LinuxGdtUse.Tss, TssFlags, 0),
        new(17, "LDT", LinuxGdtUse.Ldt, LdtFlags, 0),
        new(18, "PNPBIOS_CS32", LinuxGdtUse.Fixed, (ushort)(0x409a | accessed), 0xffff),
        new(19, "PNPBIOS_CS16", LinuxGdtUse.Fixed, (ushort)(0x009a | accessed), 0xffff),
        new(20, "PNPBIOS_DS", LinuxGdtUse.Fixed, (ushort)(0x0092 | accessed), 0xffff),
        new(21, "PNPBIOS_TS1", LinuxGdtUse.Fixed, (ushort)(0x0092 | accessed), 0),
        new(22, "PNPBIOS_TS2", LinuxGdtUse.Fixed, (ushort)(0x0092 | accessed), 0),
        new(23, "APMBIOS_BASE", LinuxGdtUse.Fixed, (ushort)(0x409a | accessed), 0xffff),
        new(24, "APMBIOS_BASE+1", LinuxGdtUse.Fixed, (ushort)(0x009a | accessed), 0xffff),
        new(25, "APMBIOS_BASE+2", LinuxGdtUse.Fixed, (ushort)(0x4092 | accessed), 0xffff),
        new(26, "ESPFIX_SS", LinuxGdtUse.Fixed, (ushort)(0xc092 | accessed), 0xfffff),
        new(27, "PERCPU", LinuxGdtUse.PerCpu, (ushort)(0xc092 | accessed), 0xfffff),
        new(28, "CPUNODE", LinuxGdtUse.CpuNode, CpuNode.Flags, 0),
        new(31, "DOUBLEFAULT_TSS", LinuxGdtUse.DoubleFaultTss, TssFlags, 0),
    ]);

    private static LinuxGdtEntry[] Fill(int count, ReadOnlySpan<LinuxGdtEntry> used)
    {
        var entries = new LinuxGdtEntry[count];
        for (int i = 0; i < count; i++) entries[i] = new(i, i == 0 ? "NULL" : "", LinuxGdtUse.Empty, 0, 0);
        foreach (LinuxGdtEntry entry in used) entries[entry.Index] = entry;
        return entries;
    }
}
