namespace FastMmu.Reference;

/// <summary>A rule of the manual that a counter-example breaks.</summary>
/// <param name="Number">Its number in the list of rules that MMUs get wrong (docs/rules.md); 0 if it is none of these.</param>
/// <param name="Text">What it says.</param>
/// <param name="Section">Where it stands: sections of the Intel SDM vol. 3A unless another book is named.</param>
public sealed record ManualRule(int Number, string Text, string Section)
{
    /// <summary><c>rule 18: SMEP judges user pages ... (4.6.1)</c>.</summary>
    public override string ToString() => $"{(Number == 0 ? "" : $"rule {Number}: ")}{Text} ({Section})";
}
