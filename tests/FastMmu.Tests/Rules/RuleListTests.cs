using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>The list of rules in <c>docs/rules.md</c> and the tests named after them say the same.</summary>
public sealed partial class RuleListTests
{
    private const int RuleCount = 48;

    private static string[] Tests { get; } =
    [
        .. typeof(RuleListTests).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .Where(method => method.GetCustomAttributes<FactAttribute>().Any())
            .Select(method => method.Name)
            .Where(name => TestName().IsMatch(name)),
    ];

    [Fact]
    public void EveryRule_HasATestThatBearsItsNumber()
    {
        int[] missing = [.. Enumerable.Range(1, RuleCount).Where(rule => !Tests.Any(name => name.StartsWith($"Rule{rule:d2}_", StringComparison.Ordinal)))];
        Assert.True(missing.Length == 0, $"No test for rule {string.Join(", ", missing)}.");
    }

    [Fact]
    public void TestsOfRules_BearDistinctNamesOfRulesThatExist()
    {
        Assert.Equal(Tests.Length, Tests.Distinct().Count());
        Assert.All(Tests, name => Assert.InRange(int.Parse(name.AsSpan(4, 2)), 1, RuleCount));
    }

    [Fact]
    public void TheList_HasEveryRuleOnceInOrder()
    {
        int[] rules = [.. File.ReadLines(List).Select(line => Heading().Match(line)).Where(match => match.Success).Select(match => int.Parse(match.Groups[1].Value))];
        Assert.Equal(Enumerable.Range(1, RuleCount), rules);
    }

    [Fact]
    public void TheList_NamesEveryTestUnderItsRuleAndNoOther()
    {
        int rule = 0;
        List<string> listed = [];
        foreach (string line in File.ReadLines(List))
        {
            if (Heading().Match(line) is { Success: true } heading) rule = int.Parse(heading.Groups[1].Value);
            if (!line.StartsWith("- `Rule", StringComparison.Ordinal)) continue;
            string name = line[3..^1];
            Assert.StartsWith($"Rule{rule:d2}_", name);
            listed.Add(name);
        }

        string[] unlisted = [.. Tests.Except(listed)];
        string[] gone = [.. listed.Except(Tests)];
        Assert.True(unlisted.Length == 0, $"docs/rules.md lacks:\n{string.Join('\n', unlisted)}");
        Assert.True(gone.Length == 0, $"docs/rules.md names tests that do not exist:\n{string.Join('\n', gone)}");
    }

    private static string List => Path.Combine(RepositoryRoot.Path, "docs", "rules.md");

    [GeneratedRegex(@"^Rule\d\d_")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\*\*(\d+)\. ")]
    private static partial Regex Heading();
}
