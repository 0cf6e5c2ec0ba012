using System.Text.RegularExpressions;

namespace FastMmu.Tests.Docs;

/// <summary>
/// A C# fragment from the documentation. What it prints stands behind the statement that prints it: <c>Console.WriteLine(t); // 0x1000</c>,
/// further lines of the same statement in comments of their own, indented deeper than the statement.
/// </summary>
/// <param name="Name">Where it stands: <c>README.md:12</c>, or the member's name.</param>
/// <param name="Usings">Using directives that the place grants.</param>
/// <param name="Prelude">Statements that run before it, and whose printed lines are checked with its own.</param>
/// <param name="Code">The fragment as printed.</param>
internal sealed partial record DocumentedExample(string Name, string Usings, string Prelude, string Code)
{
    /// <summary>The whole program.</summary>
    public string Program => $"{Usings}\n{Prelude}\n{Code}";

    /// <summary>The lines that the documentation promises.</summary>
    public IReadOnlyList<string> PromisedLines
    {
        get
        {
            var lines = new List<string>();
            int indent = int.MaxValue;
            foreach (string line in Program.Split('\n'))
            {
                string text = line.TrimStart();
                Match printing = PrintingStatement().Match(text);
                if (printing.Success)
                {
                    indent = line.Length - text.Length;
                    text = printing.Groups["comment"].Value;
                }
                else if (!text.StartsWith("//", StringComparison.Ordinal) || line.Length - text.Length <= indent)
                {
                    indent = int.MaxValue;
                    continue;
                }

                lines.Add(text[2..].Trim());
            }

            return lines;
        }
    }

    [GeneratedRegex(@"Console\.WriteLine\(.*\);\s*(?<comment>//.*)")]
    private static partial Regex PrintingStatement();
}
