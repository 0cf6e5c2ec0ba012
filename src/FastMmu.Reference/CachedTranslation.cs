namespace FastMmu.Reference;

/// <summary>A TLB entry that a processor may hold.</summary>
/// <param name="Pcid">The process context that it was made in.</param>
/// <param name="Page">The translation; its D flag says that writes need no walk.</param>
/// <remarks>Source: Intel SDM vol. 3A, "Caching Translations in TLBs" (4.10.2.2), "Global Pages" (4.10.2.4).</remarks>
internal readonly record struct CachedTranslation(int Pcid, Mapping Page)
{
    /// <summary>A global translation serves every context, any other only its own.</summary>
    internal bool Serves(int pcid, ulong linear) => (Page.Global || Pcid == pcid) && Page.Covers(linear);
}
