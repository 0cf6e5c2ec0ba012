using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using FastMmu.Memory;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Docs;

public class DocumentationTests
{
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
        string[] missing = [.. OperatedTypes().SelectMany(Operations).Where(m => !Meanings(m).Any(shown.Contains)).Select(NameOf).Distinct().Order()];
        Assert.True(missing.Length == 0, $"No <example> in the documentation comment of: {string.Join(", ", missing)}");
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

    // The walker and the modes are public for those who write another client of theirs; what implements a policy is called by the TLB alone.
    private static IEnumerable<Type> OperatedTypes() => typeof(Mmu).Assembly.GetExportedTypes().Where(t =>
        !t.IsNested && !t.IsEnum && !t.IsSubclassOf(typeof(Delegate)) && t.Namespace is not ("FastMmu.Paging.Walk" or "FastMmu.Paging.Modes")
        && (!t.IsInterface || t == typeof(IFrameAllocator)) && !typeof(IReplacementPolicy).IsAssignableFrom(t));

    // Properties read state and need none; nor does what everybody knows of object, IComparable, IDisposable and foreach.
    private static IEnumerable<MethodInfo> Operations(Type type) => type
        .GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Where(m => !m.IsSpecialName && m.GetBaseDefinition().DeclaringType != typeof(object) && !m.IsDefined(typeof(CompilerGeneratedAttribute))
            && m.Name is not (nameof(IDisposable.Dispose) or nameof(IComparable.CompareTo) or nameof(Equals) or nameof(IEnumerable.GetEnumerator)));

    // The method itself, the one it overrides, and those of interfaces that it implements.
    private static IEnumerable<string> Meanings(MethodInfo method) => method.DeclaringType!.GetInterfaces()
        .Where(i => i.Namespace!.StartsWith(nameof(FastMmu), StringComparison.Ordinal))
        .SelectMany(i => i.GetMethods())
        .Where(m => m.Name == method.Name)
        .Append(method.GetBaseDefinition())
        .Append(method)
        .Select(NameOf);

    private static string NameOf(MethodInfo method) => $"{method.DeclaringType!.FullName!.Split('`')[0]}.{method.Name}";
}
