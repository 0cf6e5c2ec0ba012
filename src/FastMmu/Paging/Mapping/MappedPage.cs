using FastMmu.Addresses;
using FastMmu.Paging.Modes;

namespace FastMmu.Paging.Mapping;

/// <summary>A page that an address space maps: one leaf, met on one path.</summary>
public readonly struct MappedPage
{
    private readonly byte _size;
    private readonly byte _rights;
    private readonly byte _level;
    private readonly byte _patIndex;
    private readonly byte _key;

    internal MappedPage(ulong linear, ulong physical, ulong leafAddress, ulong leaf, PageSize size, Rights rights, int level, int patIndex, int key)
    {
        Linear = linear;
        Physical = PhysicalAddress.Truncate(physical);
        LeafAddress = PhysicalAddress.Truncate(leafAddress);
        Leaf = leaf;
        _size = (byte)size;
        _rights = (byte)rights;
        _level = (byte)level;
        _patIndex = (byte)patIndex;
        _key = (byte)key;
    }

    /// <summary>The page's first linear address, canonical.</summary>
    public LinearAddress Linear { get; }

    /// <summary>Where it goes.</summary>
    public PhysicalAddress Physical { get; }

    /// <summary>Physical address of the leaf.</summary>
    public PhysicalAddress LeafAddress { get; }

    /// <summary>The raw leaf.</summary>
    public ulong Leaf { get; }

    /// <summary>Its size.</summary>
    public PageSize Size => (PageSize)_size;

    /// <summary>What the whole path allows.</summary>
    public Rights Rights => (Rights)_rights;

    /// <summary>The level of the leaf, 1 to 3.</summary>
    public int Level => _level;

    /// <summary>Index into IA32_PAT: PAT·4 + PCD·2 + PWT of the leaf.</summary>
    public int PatIndex => _patIndex;

    /// <summary>Protection key of the leaf; 0 outside long mode.</summary>
    public int ProtectionKey => _key;

    /// <summary>A of the leaf.</summary>
    public bool Accessed => (Leaf & EntryBits.Accessed) != 0;

    /// <summary>D of the leaf.</summary>
    public bool Dirty => (Leaf & EntryBits.Dirty) != 0;

    /// <summary>The linear addresses of the page.</summary>
    public LinearRange Range => new(Linear, Size.Bytes());

    /// <summary><c>0000000000400000-0000000000400fff -> 0x5000 4 KiB UserRead</c></summary>
    public override string ToString() => $"{Range} -> {Physical} {Size.Name()} {Rights}";
}
