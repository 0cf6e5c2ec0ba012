namespace FastMmu.Reference;

/// <summary>Where a permitted answer comes from.</summary>
internal enum AnswerOrigin
{
    FullWalk,
    Address,
    NoPaging,
    CachedTable,
    CachedTranslation,
}

/// <summary>Where a permitted answer comes from, as a value: it becomes words only when somebody reads them.</summary>
/// <param name="Origin">The kind.</param>
/// <param name="Table">The table that a walk began at; default for other kinds.</param>
/// <param name="Pcid">The process context of a cached translation.</param>
internal readonly record struct AnswerSource(AnswerOrigin Origin, TablePosition Table = default, int Pcid = 0)
{
    public override string ToString() => Origin switch
    {
        AnswerOrigin.FullWalk => "a full walk",
        AnswerOrigin.Address => "the address",
        AnswerOrigin.NoPaging => "no paging",
        AnswerOrigin.CachedTable => $"a walk from the level-{Table.Level} table cached as 0x{Table.Table:x}",
        _ => $"the translation cached in PCID {Pcid}",
    };
}
