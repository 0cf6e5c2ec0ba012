using FastMmu.Linux.Areas;

namespace FastMmu.Tests.Linux.Reference;

/// <summary>An anon_vma: nothing but its identity matters.</summary>
internal sealed class ReferenceAnonVma;

/// <summary>An area of a <see cref="ReferenceMm"/>.</summary>
internal sealed class ReferenceArea
{
    public ulong Start;
    public ulong End;
    public VmFlags Flags;
    public ulong PageOffset;

    /// <summary>The description behind it; private mappings of /dev/zero keep theirs.</summary>
    public ReferenceFile? File;

    /// <summary>The anon_vma of its private pages.</summary>
    public ReferenceAnonVma? AnonVma;

    /// <summary>How many anon_vmas its pages may belong to: one, and one more for each fork it came through.</summary>
    public int Chain;

    /// <summary>The name of a special mapping: vdso and vvar.</summary>
    public string? Special;

    public ulong Pages => (End - Start) >> 12;

    public bool IsAnonymous => Special is null && (File is null || (File.Inode.Kind == ReferenceFileKind.Zero && !Has(VmFlags.Shared)));

    public bool CameThroughFork => AnonVma is not null && Chain > 1;

    public bool IsAccessible => Has(VmFlags.AccessMask);

    public bool IsData => (Flags & (VmFlags.Write | VmFlags.Shared | VmFlags.GrowsDown)) == VmFlags.Write;

    public bool IsStack => Has(VmFlags.GrowsDown);

    public bool IsExec => (Flags & (VmFlags.Exec | VmFlags.Write | VmFlags.GrowsDown)) == VmFlags.Exec;

    public bool Has(VmFlags any) => (Flags & any) != 0;

    public ReferenceArea Copy() => (ReferenceArea)MemberwiseClone();

    /// <summary>The page of the object that an address shows.</summary>
    public ulong PageOffsetAt(ulong address) => PageOffset + ((address - Start) >> 12);

    public void TakeAnonVma(ReferenceArea from)
    {
        if (AnonVma is not null || from.AnonVma is null) return;
        AnonVma = from.AnonVma;
        Chain = from.Chain;
    }

    public override string ToString() =>
        $"{Start:x}-{End:x} {Flags} {PageOffset:x} {File?.Name ?? Special}{(AnonVma is null ? "" : $" anon_vma/{Chain}")}";
}
