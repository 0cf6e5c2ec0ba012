using System.Reflection;
using FastMmu.Memory;
using FastMmu.Paging.Mapping;
using FastMmu.Segmentation;
using Xunit;

namespace FastMmu.Tests.Docs;

public class DocumentationTests
{
    /// <summary>The classes a user calls. Each of their public operations has an example.</summary>
    private static readonly Type[] Operated =
        [typeof(Mmu), typeof(PhysicalMemory), typeof(SegmentationUnit), typeof(PageMapper), typeof(AddressSpaceView), typeof(NestedPaging)];

    public static TheoryData<string> Examples => [.. ExampleSources.All.Keys.Order()];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_CompiledAndRun_PrintsWhatItPromises(string name)
    {
        DocumentedExample example = ExampleSources.All[name];
        IReadOnlyList<string> printed = ExampleProgram.Run(example);
        Assert.NotEmpty(printed);
        Assert.Equal(example.PromisedLines, printed);
    }

    [Fact]
    public void PublicOperation_InDocumentation_HasExample()
    {
        HashSet<string> shown = [.. ExampleSources.FromComments(ExampleSources.Documentation).Select(e => ExampleSources.NameOf("M:" + e.Name))];
        string[] missing = [.. Operated.SelectMany(Operations).Except(shown).Order()];
        Assert.True(missing.Length == 0, $"No <example> in the documentation comment of: {string.Join(", ", missing)}");
    }

    [Fact]
    public void OperatedTypes_InDocumentation_SetTheScene()
    {
        foreach (Type type in Operated) Assert.Contains(type.FullName!, ExampleSources.All.Keys);
    }

    [Fact]
    public void Program_PrintingSomethingElse_IsNoticed()
    {
        var example = new DocumentedExample("wrong", "using System;", "", "Console.WriteLine(1 + 1);   // 3");
        Assert.NotEqual(example.PromisedLines, ExampleProgram.Run(example));
    }

    [Fact]
    public void PromisedLines_SeveralOfOneStatement_StandDeeper()
    {
        var example = new DocumentedExample("loop", "using System;", "", """
            for (int i = 0; i < 2; i++) Console.WriteLine(i);   // 0
                                                                // 1
            // not printed
            """);
        Assert.Equal(["0", "1"], example.PromisedLines);
        Assert.Equal(example.PromisedLines, ExampleProgram.Run(example));
    }

    [Fact]
    public void Program_ThatDoesNotCompile_IsNoticed()
    {
        var example = new DocumentedExample("broken", "using System;", "", "Console.WriteLine(nothing);");
        Assert.Contains("CS0103", Assert.Throws<InvalidOperationException>(() => ExampleProgram.Run(example)).Message, StringComparison.Ordinal);
    }

    // Properties read state and need none; Dispose and the members of object are known.
    private static IEnumerable<string> Operations(Type type) => type
        .GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Where(m => !m.IsSpecialName && m.GetBaseDefinition().DeclaringType != typeof(object) && m.Name != nameof(IDisposable.Dispose))
        .Select(m => $"{type.FullName}.{m.Name}")
        .Distinct();
}
