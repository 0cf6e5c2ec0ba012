using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace FastMmu.Tests.Docs;

/// <summary>Compiles a fragment against the projects under test, and runs it in this process.</summary>
internal static class ExampleProgram
{
    // The fragments' Console: a type of the compilation itself hides System.Console, and tests that run beside do not mix in.
    private const string ConsoleSource = """
        internal static class Console
        {
            public static readonly System.IO.StringWriter Out = new() { NewLine = "\n" };
            public static void WriteLine() => Out.WriteLine();
            public static void WriteLine(string? value) => Out.WriteLine(value);
            public static void WriteLine(object? value) => Out.WriteLine(value);
        }
        """;

    // The fragments' File, by the same trick: they name files from the top of the repository.
    private static readonly string FileSource = $$"""
        internal static class File
        {
            public static byte[] ReadAllBytes(string path) => System.IO.File.ReadAllBytes(System.IO.Path.Combine({{SymbolDisplay.FormatLiteral(RepositoryRoot.Path, quote: true)}}, path));
        }
        """;

    private static readonly CSharpParseOptions Language = new(LanguageVersion.Preview);

    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(System.IO.Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    /// <summary>Runs the program.</summary>
    /// <returns>The lines printed.</returns>
    /// <exception cref="InvalidOperationException">It does not compile; the message holds the errors and the program.</exception>
    public static IReadOnlyList<string> Run(DocumentedExample example)
    {
        var compilation = CSharpCompilation.Create(
            "Example",
            [CSharpSyntaxTree.ParseText(example.Program, Language), CSharpSyntaxTree.ParseText(ConsoleSource, Language), CSharpSyntaxTree.ParseText(FileSource, Language)],
            References,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        if (!result.Success)
        {
            IEnumerable<Diagnostic> errors = result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error);
            throw new InvalidOperationException($"{example.Name}:\n{string.Join('\n', errors)}\n\n{example.Program}");
        }

        image.Position = 0;
        var context = new AssemblyLoadContext(example.Name, isCollectible: true);
        try
        {
            Assembly program = context.LoadFromStream(image);
            MethodInfo main = program.EntryPoint!;
            _ = main.Invoke(null, BindingFlags.DoNotWrapExceptions, null, main.GetParameters().Length == 0 ? null : [Array.Empty<string>()], null);
            string printed = program.GetType("Console")!.GetField("Out")!.GetValue(null)!.ToString()!;
            return printed.Length == 0 ? [] : [.. printed.TrimEnd('\n').Split('\n').Select(line => line.Trim())];
        }
        finally
        {
            context.Unload();
        }
    }
}
