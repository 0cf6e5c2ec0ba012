namespace FastMmu.Tlb;

/// <summary>A translation cache that remembers nothing: every lookup misses, and is not counted.</summary>
internal sealed class EmptyTranslationCache : TranslationCache
{
    public override IReadOnlyList<TlbArrayDescription> Arrays => [];

    public override TlbStatistics Statistics => default;

    public override bool TryFind(ulong linear, int pcid, TlbAccess kind, out TlbEntry entry)
    {
        entry = default;
        return false;
    }

    public override bool TryPeek(ulong linear, int pcid, TlbAccess kind, out TlbEntry entry) => TryFind(linear, pcid, kind, out entry);

    public override void Insert(in TlbEntry entry, TlbAccess kind)
    {
    }

    public override void InvalidatePage(ulong linear, int pcid)
    {
    }

    public override void InvalidateAddress(int pcid, ulong linear)
    {
    }

    public override void InvalidatePcid(int pcid)
    {
    }

    public override void InvalidateNonGlobal()
    {
    }

    public override void InvalidateAll()
    {
    }

    public override void ResetStatistics()
    {
    }

    public override IReadOnlyList<TlbSlot> Contents() => [];

    protected override void Dispose(bool disposing)
    {
    }
}
