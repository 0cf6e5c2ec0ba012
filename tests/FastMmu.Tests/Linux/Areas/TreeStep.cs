namespace FastMmu.Tests.Linux.Areas;

/// <summary>What a step of a <see cref="TreeProgram"/> does to one of the trees.</summary>
internal enum TreeStepKind
{
    Insert,
    Remove,
    Replace,
    Find,
    Gap,
    Enumerate,
    Fork,
    Dispose,
    Clear,
}

/// <summary>A step on a tree. Its numbers are addresses in pages, lengths in pages and kinds of values, as the step needs.</summary>
internal sealed record TreeStep(TreeStepKind Kind, int Tree, ulong A, ulong B, ulong C)
{
    public override string ToString() => $"{Kind} {Tree} {A:x} {B:x} {C:x}";
}

/// <summary>Steps on a family of trees that begins with one.</summary>
internal sealed record TreeProgram(IReadOnlyList<TreeStep> Steps)
{
    public override string ToString() => string.Join("; ", Steps);
}
