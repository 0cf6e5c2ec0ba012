using System.Text;
using FastMmu.Addresses;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Paging.Entries;

/// <summary>
/// A raw paging-structure entry, read as the processor reads it at its level in its mode: bit 7 is PS or PAT, bit 12 is PAT in a large leaf
/// only, and a PAE page-directory-pointer-table entry has no rights at all.
/// </summary>
/// <remarks>Layouts: <see cref="EntryBits"/>. Source: Intel SDM vol. 3A, tables 4-4 to 4-6, 4-8 to 4-11, 4-14 to 4-20.</remarks>
public readonly record struct EntryReading
{
    private readonly byte _level;
    private readonly byte _size;
    private readonly byte _kind;
    private readonly byte _mode;

    private EntryReading(PagingMode mode, int level, ulong raw, EntryKind kind, PageSize size, ulong address, ulong reserved)
    {
        Raw = raw;
        ReservedBitsSet = reserved;
        Address = PhysicalAddress.Truncate(address);
        _mode = (byte)mode;
        _level = (byte)level;
        _kind = (byte)kind;
        _size = (byte)size;
    }

    /// <summary>The entry as it stands in memory; in two-level paging its high half is zero.</summary>
    public ulong Raw { get; }

    /// <summary>The table or the page's first byte; zero unless the entry is a table or a leaf.</summary>
    public PhysicalAddress Address { get; }

    /// <summary>The reserved bits that are set, in their places; zero unless the entry is malformed.</summary>
    public ulong ReservedBitsSet { get; }

    /// <summary>The paging mode.</summary>
    public PagingMode Mode => (PagingMode)_mode;

    /// <summary>The paging level, 1 to 5.</summary>
    public int Level => _level;

    /// <summary>What the entry is.</summary>
    public EntryKind Kind => (EntryKind)_kind;

    /// <summary>The page of a leaf; else <see cref="PageSize.None"/>.</summary>
    public PageSize PageSize => (PageSize)_size;

    /// <summary>P.</summary>
    public bool Present => Kind != EntryKind.NotPresent;

    /// <summary>R/W; true in a PDPTE of PAE, which refuses nothing.</summary>
    public bool Writable => Present && (HasNoRights || (Raw & EntryBits.Write) != 0);

    /// <summary>U/S; true in a PDPTE of PAE, which refuses nothing.</summary>
    public bool User => Present && (HasNoRights || (Raw & EntryBits.User) != 0);

    /// <summary>XD.</summary>
    public bool ExecuteDisabled => Present && !HasNoRights && (Raw & EntryBits.ExecuteDisable) != 0;

    /// <summary>PWT.</summary>
    public bool WriteThrough => Present && (Raw & EntryBits.WriteThrough) != 0;

    /// <summary>PCD.</summary>
    public bool CacheDisabled => Present && (Raw & EntryBits.CacheDisable) != 0;

    /// <summary>A; a PDPTE of PAE has none.</summary>
    public bool Accessed => Present && !HasNoRights && (Raw & EntryBits.Accessed) != 0;

    /// <summary>D; leaves only.</summary>
    public bool Dirty => Kind == EntryKind.Leaf && (Raw & EntryBits.Dirty) != 0;

    /// <summary>G; leaves only. It counts only with CR4.PGE=1.</summary>
    public bool Global => Kind == EntryKind.Leaf && (Raw & EntryBits.Global) != 0;

    /// <summary>Index into IA32_PAT: PAT·4 + PCD·2 + PWT of a leaf, PCD·2 + PWT of a table entry, which has no PAT bit.</summary>
    public int PatIndex => !Present ? 0
        : Kind == EntryKind.Leaf ? PageWalker<Paging4Level>.PatIndexOf(Raw, Level > 1)
        : (int)(Raw >> 3) & 3;

    /// <summary>Protection key of a leaf in long mode; else 0. It counts only with CR4.PKE=1 or CR4.PKS=1.</summary>
    public int ProtectionKey => Kind == EntryKind.Leaf && IsLongMode ? (int)(Raw >> EntryBits.ProtectionKeyShift) & 15 : 0;

    /// <summary>
    /// The bits that hardware ignores and software keeps things in, at their places: 11:9, in long mode also 58:52; of an entry that is
    /// not present, all but P.
    /// </summary>
    public ulong AvailableBits => Present ? Raw & (EntryBits.Range(11, 9) | (IsLongMode ? EntryBits.Range(58, 52) : 0)) : Raw;

    private bool IsLongMode => Mode is PagingMode.FourLevel or PagingMode.FiveLevel;

    private bool HasNoRights => Mode == PagingMode.Pae && Level == PagingPae.Levels;

    /// <summary>Reads an entry.</summary>
    /// <typeparam name="TMode">The paging mode.</typeparam>
    /// <param name="context">The context of that mode: its registers decide which bits are reserved and where PS counts.</param>
    /// <param name="level">Paging level of the entry, 1 to the mode's levels.</param>
    /// <param name="raw">The entry.</param>
    public static EntryReading Of<TMode>(in WalkContext context, int level, ulong raw) where TMode : struct, IPagingMode
    {
        if ((raw & EntryBits.Present) == 0) return new(TMode.Mode, level, raw, EntryKind.NotPresent, PageSize.None, 0, 0);
        bool large = context.IsLargeLeaf(level, raw);
        ulong reserved = context.ReservedBitsSet(level, raw, large);
        if (reserved != 0) return new(TMode.Mode, level, raw, EntryKind.Malformed, PageSize.None, 0, reserved);
        if (!large && level > 1) return new(TMode.Mode, level, raw, EntryKind.Table, PageSize.None, raw & TMode.FrameMask, 0);
        PageSize size = TMode.LeafSize(level);
        return new(TMode.Mode, level, raw, EntryKind.Leaf, size, PageWalker<TMode>.FrameOf(raw, size), 0);
    }

    /// <summary>Reads an entry in the mode that registers select.</summary>
    /// <param name="state">Registers and features.</param>
    /// <param name="level">Paging level of the entry.</param>
    /// <param name="raw">The entry.</param>
    /// <exception cref="ArgumentException">Paging is off.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The mode has no such level.</exception>
    /// <remarks>Derives a <see cref="WalkContext"/> each time; for many entries derive it once.</remarks>
    /// <example><code>
    /// PagingState state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, root: 0x1000UL);
    /// Console.WriteLine(EntryReading.Of(in state, level: 2, 0x20_00e7));      // 2 MiB page 0x200000, writable, user, accessed, dirty
    /// </code></example>
    public static EntryReading Of(in PagingState state, int level, ulong raw)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, (int)state.Mode);
        WalkContext context = WalkContext.Create(in state);
        return state.Mode switch
        {
            PagingMode.TwoLevel => Of<Paging2Level>(in context, level, (uint)raw),
            PagingMode.Pae => Of<PagingPae>(in context, level, raw),
            PagingMode.FourLevel => Of<Paging4Level>(in context, level, raw),
            PagingMode.FiveLevel => Of<Paging5Level>(in context, level, raw),
            _ => throw new ArgumentException("Without paging there are no entries.", nameof(state)),
        };
    }

    /// <summary>
    /// The entry in words: <c>table 0x2000, writable, user, accessed</c>; <c>4 KiB page 0x5000, read-only, supervisor, XD, dirty, PAT 4</c>;
    /// <c>not present</c>; <c>reserved bits 0x80 set</c>. What is off and usual (cacheable, key 0, not global) is not said.
    /// </summary>
    /// <example><code>
    /// PagingState state = PagingState.WithPaging(ProcessorFeatures.Zen4, PagingMode.FourLevel, root: 0x1000UL);
    /// Console.WriteLine(EntryReading.Of(in state, level: 4, 0x2087).Describe());      // reserved bits 0x80 set, writable, user
    /// </code></example>
    public string Describe()
    {
        if (!Present) return Raw == 0 ? "not present" : $"not present, software's bits 0x{Raw:x}";
        var text = new StringBuilder();
        text.Append(Kind switch
        {
            EntryKind.Malformed => $"reserved bits 0x{ReservedBitsSet:x} set",
            EntryKind.Table => $"table {Address}",
            _ => $"{PageSize.Name()} page {Address}",
        });
        if (!HasNoRights)
        {
            text.Append(Writable ? ", writable" : ", read-only").Append(User ? ", user" : ", supervisor");
            if (ExecuteDisabled) text.Append(", XD");
            if (Accessed) text.Append(", accessed");
        }

        if (Dirty) text.Append(", dirty");
        if (Global) text.Append(", global");
        if (PatIndex != 0) text.Append(", PAT ").Append(PatIndex);
        if (ProtectionKey != 0) text.Append(", key ").Append(ProtectionKey);
        if (AvailableBits != 0) text.Append(", available 0x").Append(AvailableBits.ToString("x"));
        return text.ToString();
    }

    /// <summary>The same as <see cref="Describe"/>.</summary>
    public override string ToString() => Describe();
}
