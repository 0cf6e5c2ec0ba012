namespace FastMmu.Reference;

/// <summary>One answer that the architecture permits to an access.</summary>
/// <param name="Source">Where it comes from.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Walk">The walk that gave it, whose results may be cached from now on; null if nothing was walked.</param>
internal sealed record PermittedAnswer(AnswerSource Source, ReferenceAnswer Answer, TableWalk? Walk);
