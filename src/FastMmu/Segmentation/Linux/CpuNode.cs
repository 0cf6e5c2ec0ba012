namespace FastMmu.Segmentation.Linux;

/// <summary>
/// The number of a processor and of its memory node, as Linux hides them in the limit of a segment that nobody ever accesses: user code
/// reads the limit with LSL, which costs no system call.
/// </summary>
/// <param name="Cpu">Processor, 0 to 4095.</param>
/// <param name="Node">Node, 0 to 255.</param>
/// <remarks>
/// <code>
///  19     12 11        0
/// +---------+-----------+
/// |  node   |    cpu    |   limit, in bytes (G=0)
/// +---------+-----------+
/// </code>
/// Source: Linux, arch/x86/include/asm/segment.h: vdso_encode_cpunode, vdso_read_cpunode.
/// </remarks>
public readonly record struct CpuNode(int Cpu, int Node)
{
    /// <summary>Read-only, expand-down, accessed data of DPL 3, 32 bits, counted in bytes.</summary>
    public const ushort Flags = 0x40f5;

    private const int NodeShift = 12;
    private const uint CpuMask = (1u << NodeShift) - 1;

    /// <summary>The limit that says this.</summary>
    public uint Limit => ((uint)Node << NodeShift) | ((uint)Cpu & CpuMask);

    /// <summary>The descriptor that Linux puts into its GDT.</summary>
    public SegmentDescriptor Descriptor => GdtEntry.Init(Flags, 0, Limit);

    /// <summary>Reads what LSL returned.</summary>
    /// <param name="limit">The limit in bytes.</param>
    /// <example><code>
    /// Console.WriteLine(CpuNode.FromLimit(0x1003));      // cpu 3, node 1
    /// </code></example>
    public static CpuNode FromLimit(uint limit) => new((int)(limit & CpuMask), (int)(limit >> NodeShift));

    /// <summary>The numbers as <c>cpu 5, node 1</c>.</summary>
    public override string ToString() => $"cpu {Cpu}, node {Node}";
}
