using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.Paging.Mapping;

/// <summary>
/// Everything a leaf says about its page but where it lies. <see cref="Rights"/> convert to it, so that <c>Rights.UserReadWrite</c> is enough.
/// </summary>
/// <remarks>
/// What a mode or a processor does not have is left out of the entry, as an operating system leaves it out: execute-disable in two-level
/// paging, the key outside long mode, G without global pages.
/// </remarks>
public readonly record struct PageAttributes
{
    private readonly byte _patIndex;
    private readonly byte _protectionKey;

    /// <summary>Attributes with write-back memory (PAT index 0), key 0, and A and D clear.</summary>
    /// <param name="rights">What the page allows, <see cref="Rights.Global"/> included; <see cref="Rights.Read"/> is implied.</param>
    /// <exception cref="ArgumentException">A shadow-stack page that is writable or executable: no entry says that.</exception>
    public PageAttributes(Rights rights)
    {
        if ((rights & Rights.ShadowStack) != 0 && (rights & (Rights.Write | Rights.Execute)) != 0)
        {
            throw new ArgumentException("A shadow-stack page is neither writable nor executable.", nameof(rights));
        }

        Rights = rights | Rights.Read;
    }

    /// <summary>What the page allows.</summary>
    public Rights Rights { get; }

    /// <summary>Index into IA32_PAT: PAT·4 + PCD·2 + PWT, 0 to 7.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 to 7.</exception>
    public int PatIndex
    {
        get => _patIndex;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 7);
            _patIndex = (byte)value;
        }
    }

    /// <summary>Protection key, 0 to 15.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 to 15.</exception>
    public int ProtectionKey
    {
        get => _protectionKey;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 15);
            _protectionKey = (byte)value;
        }
    }

    /// <summary>Whether the page counts as used from the start: no access has to set A then.</summary>
    public bool Accessed { get; init; }

    /// <summary>
    /// Whether the page counts as written from the start. A shadow-stack page always does; with CR4.CET=1 a dirty read-only page is one.
    /// </summary>
    public bool Dirty { get; init; }

    /// <summary>Attributes of these rights and nothing special.</summary>
    /// <param name="rights">What the page allows.</param>
    public static implicit operator PageAttributes(Rights rights) => new(rights);

    /// <summary>The leaf of these attributes at frame 0.</summary>
    /// <param name="features">What the processor has.</param>
    /// <param name="large">Whether the leaf maps a large page.</param>
    internal ulong ToLeaf<TMode>(ProcessorFeatures features, bool large) where TMode : struct, IPagingMode
    {
        ulong leaf = EntryBits.Present | RightsBits<TMode>(Rights, features);
        leaf |= ((ulong)_patIndex & 3) << 3;
        if ((_patIndex & 4) != 0) leaf |= large ? EntryBits.PatLarge : EntryBits.Pat4K;
        if (large) leaf |= EntryBits.PageSize;
        if (Accessed) leaf |= EntryBits.Accessed;
        if (Dirty) leaf |= EntryBits.Dirty;
        if (TMode.IsLongMode && (features.Pku || features.Pks)) leaf |= (ulong)_protectionKey << EntryBits.ProtectionKeyShift;
        return leaf;
    }

    /// <summary>The bits of a leaf that <see cref="Paging.Rights"/> decide, as <see cref="ToLeaf"/> sets them.</summary>
    internal static ulong RightsBits<TMode>(Rights rights, ProcessorFeatures features) where TMode : struct, IPagingMode
    {
        ulong bits = 0;
        if ((rights & Rights.Write) != 0) bits |= EntryBits.Write;
        if ((rights & Rights.User) != 0) bits |= EntryBits.User;
        if ((rights & Rights.Global) != 0 && features.GlobalPages) bits |= EntryBits.Global;
        if ((rights & Rights.ShadowStack) != 0) bits |= EntryBits.Dirty;
        if ((rights & Rights.Execute) == 0 && TMode.EntryBytes == 8 && features.ExecuteDisable) bits |= EntryBits.ExecuteDisable;
        return bits;
    }

    /// <summary>What the entries above a leaf must not refuse for these rights to hold, as bits of <see cref="PathRights"/>.</summary>
    internal static int NeededAbove(Rights rights)
    {
        int needed = 0;
        if ((rights & (Rights.Write | Rights.ShadowStack)) != 0) needed |= PathRights.Write;
        if ((rights & Rights.User) != 0) needed |= PathRights.User;
        if ((rights & Rights.Execute) != 0) needed |= PathRights.ExecuteDisable;
        return needed;
    }
}
