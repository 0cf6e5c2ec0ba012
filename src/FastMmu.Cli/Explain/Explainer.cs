using FastMmu.Addresses;
using FastMmu.Cli.Images;
using FastMmu.Linux.Kernel;
using FastMmu.Linux.Physical;
using FastMmu.Memory;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Segmentation;

namespace FastMmu.Cli.Explain;

/// <summary>Follows one address of a guest all the way, asking the engine at every step.</summary>
/// <param name="processor">The guest's processor, in the address space to look into.</param>
internal sealed class Explainer(GuestProcessor processor)
{
    /// <summary>Accesses of the program, in the outcomes.</summary>
    public const string User = "CPL 3";

    // Rights aside: a page that nobody may touch has an address all the same.
    private const ImageQuirks Plain = ImageQuirks.PdpteAccessed | ImageQuirks.NoRights;

    /// <summary>Explains an address.</summary>
    /// <param name="operand">The address.</param>
    /// <param name="asked">The address as the user wrote it.</param>
    /// <exception cref="InputException">The guest's files have nothing to answer with.</exception>
    public Explanation Explain(AddressOperand operand, string asked)
    {
        PagingState state = processor.Mmu.State;
        LogicalPart? logical = operand.IsLinear ? null : ToLinear(operand, out operand);
        var explanation = new Explanation { Asked = asked, State = state, Logical = logical };
        if (logical is { Fault.IsFault: true }) return explanation;
        ulong linear = operand.Offset;
        if (state.LinearWidth == 32 && linear >> 32 != 0) throw new InputException($"'{asked}' needs more than 32 bits, and the guest is in {TableNames.Of(state.Mode)} paging");

        using Mmu plain = processor.Guest.CreateMmu(Plain);
        if (!processor.Guest.TrySelect(plain, state.Cr3.Value, Plain, out string refusal)) throw new InputException(refusal);
        Translation walk = plain.Probe(new LinearAddress(linear), Access.Read, Privilege.Supervisor, out WalkPath path);
        GuestLayout? layout = state.Mode == PagingMode.None || processor.Guest.Description.Synthetic ? null : GuestLayout.Create(processor.Guest, in state);
        bool areasKnown = processor.Guest.Description.IsLinux && layout is { Areas.Count: > 0 };
        List<AccessOutcome> outcomes = OutcomesOf(processor.Mmu, linear);
        return explanation with
        {
            Linear = linear,
            Walk = walk,
            Place = Place(in state, layout, linear),
            Area = areasKnown && layout!.AreaOf(linear) is MapsArea area ? new(area.Start, area.End, area.Permissions, area.Offset, area.Name, "") : null,
            AreasKnown = areasKnown,
            Program = areasKnown ? RecordedAccesses.Of(layout!, linear, outcomes, path.Count > 0 ? path[path.Count - 1].Raw : 0) : [],
            Entries = Entries(in state, in path, linear, processor.Guest.Description.IsLinux),
            Behind = walk.Ok ? Behind(processor.Mmu.Memory, walk.Physical) : "",
            Zone = walk.Ok ? ZoneOf(in state, walk.Physical) : "",
            MemoryType = walk.Ok && processor.Guest.Description.MemoryTypes is { Count: 8 } types ? types[walk.PatIndex] : "",
            Outcomes = outcomes,
            Costs = walk.Ok && walk.PageSize != PageSize.None ? TableCost.Of([new LinearRange(linear & ~0xfffUL, 0x1000)]) : [],
            Elsewhere = Elsewhere(plain, linear, state.Cr3.Value),
        };
    }

    private LogicalPart ToLinear(AddressOperand operand, out AddressOperand linearOperand)
    {
        if (processor.Guest.Description.Segments.Count == 0) throw new InputException("the guest's segment registers were not recorded; give a linear address");
        SegmentationUnit unit = processor.Mmu.Segments;
        SegmentRegister register = operand.Register ?? SegmentRegister.DS;
        MmuFault fault = MmuFault.None;
        bool loaded = operand.Selector is not Selector selector || unit.TryLoad(register, selector, out fault);
        ulong linear = 0;
        Access access = register == SegmentRegister.CS ? Access.Execute : Access.Read;
        if (loaded) unit.TryToLinear(register, operand.Offset, 1, access, out linear, out fault);
        CachedSegment? segment = loaded ? unit[register] : null;
        string source = operand.Selector is Selector asked ? $"selector {asked}, loaded into DS at CPL {unit.Cpl}" : $"{register}";
        linearOperand = new(null, null, linear);
        return new(source, operand.Offset, unit.Mode, segment, FindDescriptor(operand.Selector ?? unit[register].Selector, unit), fault);
    }

    private ExplainedDescriptor? FindDescriptor(Selector selector, SegmentationUnit unit)
    {
        if (selector.IsNull || unit.Mode is SegmentationMode.Real or SegmentationMode.Virtual8086) return null;
        ulong table = selector.Local ? unit.Ldtr.Base : unit.Gdtr.Base;
        uint limit = selector.Local ? unit.Ldtr.Limit : unit.Gdtr.Limit;
        if (selector.TableOffset + 7 > limit) return null;
        ulong linear = table + selector.TableOffset;
        Translation translation = processor.Mmu.Probe(new LinearAddress(linear), Access.Read, Privilege.ImplicitSupervisor);
        if (!translation.Ok) return null;
        var entry = new DescriptorTableEntry(selector.Index, processor.Mmu.Memory.Read<ulong>(translation.Physical), null);
        string? name = selector.Local ? null : GuestDescriptorTable.Read(processor, out _)?.NameOf(selector.Index);
        return new(linear, translation.Physical.Value, entry, string.IsNullOrEmpty(name) ? null : name);
    }

    private static string Place(in PagingState state, GuestLayout? layout, ulong linear)
    {
        if (layout is null) return "";
        if (state.LinearWidth > 32 && !new LinearAddress(linear).IsCanonical(state.LinearWidth)) return "in the hole of non-canonical addresses";
        var words = new List<string>(3);
        if (layout.RegionOf(linear) is LayoutRegion region) words.Add(region.Name);
        if (layout.AreaOf(linear) is MapsArea area) words.Add($"{area.Permissions} {(area.Name.Length == 0 ? "anonymous memory" : area.Name)} of {layout.Process}");
        if (layout.SymbolOf(linear) is { Length: > 0 } symbol && words is not ["user", ..]) words.Add(symbol);
        return string.Join(", ", words);
    }

    /// <summary>The entries of a walk in words.</summary>
    /// <param name="state">The registers.</param>
    /// <param name="path">The walk.</param>
    /// <param name="linear">The address.</param>
    /// <param name="linux">Whether Linux made them.</param>
    public static List<ExplainedEntry> Entries(in PagingState state, in WalkPath path, ulong linear, bool linux)
    {
        var entries = new List<ExplainedEntry>(path.Count);
        for (int i = 0; i < path.Count; i++)
        {
            WalkStep step = path[i];
            ulong? address = state.Mode == PagingMode.Pae && step.Level == 3 ? null : step.EntryAddress;
            entries.Add(new(
                step.Level, TableNames.OfLevel(step.Level), TableNames.Index(state.Mode, step.Level, linear), address, step.Raw,
                EntryText.Describe(in state, step.Level, step.Raw, linux)));
        }

        return entries;
    }

    /// <summary>What stands at a physical address.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="physical">The address.</param>
    public static string Behind(PhysicalMemory memory, PhysicalAddress physical) => memory.KindOf(physical) switch
    {
        MemoryKind.Ram => "RAM",
        MemoryKind.Rom => "ROM",
        // Where every PC has them.
        _ => physical.Value switch
        {
            >= 0xfec0_0000 and < 0xfec0_1000 => "no memory: the I/O APIC",
            >= 0xfed0_0000 and < 0xfed0_0400 => "no memory: the HPET",
            >= 0xfee0_0000 and < 0xfee0_1000 => "no memory: the local APIC",
            _ => "no memory: reads as all ones",
        },
    };

    // The zones that a Linux of this kind makes of this memory; its low memory ends where its direct map does.
    private string ZoneOf(in PagingState state, PhysicalAddress physical)
    {
        if (!processor.Guest.Description.IsLinux || processor.Mmu.Memory.KindOf(physical) != MemoryKind.Ram) return "";
        KernelArchitecture? architecture = state.Mode switch
        {
            PagingMode.FourLevel => KernelArchitecture.X8664,
            PagingMode.FiveLevel => KernelArchitecture.X8664La57,
            PagingMode.TwoLevel => KernelArchitecture.I386,
            PagingMode.Pae => KernelArchitecture.I386Pae,
            _ => null,
        };
        if (architecture is not KernelArchitecture kind) return "";
        string lowName = KernelRegionKind.DirectMap.Name(is64Bit: false);
        LayoutRegion? low = kind.Is64Bit() ? null : GuestLayout.Create(processor.Guest, in state).Regions.FirstOrDefault(r => r.Name == lowName);
        var options = new PageAllocatorOptions
        {
            Architecture = kind,
            HighMemory64G = true,
            LowMemoryEnd = low is LayoutRegion region && region.Last > region.First ? Math.Max(region.Last + 1 - region.First, 16 * ByteSize.MiB) : null,
        };
        ulong frame = physical.Value >> 12;
        foreach (ZoneExtent zone in PageAllocator.PlanZones(processor.Mmu.Memory.Ranges, options))
        {
            if (frame >= zone.Start && frame < zone.End) return zone.Name;
        }

        return "";
    }

    /// <summary>What the processor says to each kind of access, at both ends of privilege. Nothing in memory changes.</summary>
    /// <param name="mmu">The processor.</param>
    /// <param name="linear">The address.</param>
    public static List<AccessOutcome> OutcomesOf(Mmu mmu, ulong linear)
    {
        PagingState before = mmu.State;
        var outcomes = new List<AccessOutcome>(9);
        Add("CPL 0", 0, before.RFlags.Value & ~RFlags.AcBit);
        // RFLAGS.AC tells accesses to user pages apart only where SMAP is on.
        if (before.Cr4.Smap) Add("CPL 0, AC=1", 0, before.RFlags.Value | RFlags.AcBit);
        Add(User, 3, before.RFlags.Value);
        mmu.SetCpl(before.Cpl);
        mmu.SetRFlags(before.RFlags.Value);
        return outcomes;

        void Add(string who, int cpl, ulong flags)
        {
            mmu.SetCpl(cpl);
            mmu.SetRFlags(flags);
            foreach (Access access in (ReadOnlySpan<Access>)[Access.Read, Access.Write, Access.Execute])
            {
                outcomes.Add(new(who, access, mmu.Probe(new LinearAddress(linear), access, cpl == 3 ? Privilege.User : Privilege.Supervisor)));
            }
        }
    }

    private string Elsewhere(Mmu plain, ulong linear, ulong own)
    {
        var others = processor.Guest.Description.Spaces.Select(s => s.Cr3).Append(processor.Guest.Description.Cr3.Value).Where(c => c != own).Distinct().ToList();
        if (others.Count == 0 || plain.Mode == PagingMode.None) return "";
        int mapped = 0;
        ulong? first = null;
        foreach (ulong cr3 in others)
        {
            if (!processor.Guest.TrySelect(plain, cr3, Plain, out _)) continue;
            if (!plain.Probe(new LinearAddress(linear)).Ok) continue;
            first ??= cr3;
            mapped++;
        }

        string example = first is ulong space ? $", for example CR3 0x{space:x} ({processor.Guest.Description.ProcessOf(space).Process})" : "";
        return $"mapped in {mapped} of the {others.Count} other address spaces{example}";
    }
}
