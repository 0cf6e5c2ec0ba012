using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace FastMmu.Tests.Docs;

/// <summary>Finds the fragments: the <c>csharp</c> fences of the pages, and the examples in the engine's documentation comments.</summary>
internal static partial class ExampleSources
{
    private const string BaseUsings = "using System;\nusing System.Collections.Generic;\nusing System.Linq;\n";

    /// <summary>Every fragment, by name.</summary>
    public static IReadOnlyDictionary<string, DocumentedExample> All { get; } =
        Pages().SelectMany(FromPage).Concat(FromComments(Documentation)).ToDictionary(example => example.Name);

    /// <summary>The engine's documentation file, as the compiler wrote it.</summary>
    public static XDocument Documentation => XDocument.Load(System.IO.Path.ChangeExtension(typeof(Mmu).Assembly.Location, ".xml"), LoadOptions.PreserveWhitespace);

    /// <summary>The pages that packages show.</summary>
    public static IEnumerable<string> PackageReadmes => Directory.EnumerateDirectories(System.IO.Path.Combine(RepositoryRoot.Path, "src"))
        .Select(project => System.IO.Path.Combine(project, "README.md")).Where(File.Exists);

    /// <summary>The fences of one page. Using directives of a fence hold for the rest of the page.</summary>
    public static IEnumerable<DocumentedExample> FromPage(string path)
    {
        string page = System.IO.Path.GetRelativePath(RepositoryRoot.Path, path);
        string usings = BaseUsings;
        var code = new StringBuilder();
        int start = 0, number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (start == 0)
            {
                if (line.Trim() == "```csharp") start = number;
                continue;
            }

            if (line.Trim() != "```")
            {
                if (UsingDirective().IsMatch(line)) usings += line + "\n";
                else code.Append(line).Append('\n');
                continue;
            }

            yield return new($"{page}:{start}", usings, Prelude: "", code.ToString());
            code.Clear();
            start = 0;
        }

        if (start != 0) throw new InvalidDataException($"{page}:{start}: the fence is not closed.");
    }

    /// <summary>
    /// The examples of members and types. The example of a type sets the scene for those of its members: they run after it. All public
    /// namespaces of the engine are in reach.
    /// </summary>
    public static IEnumerable<DocumentedExample> FromComments(XDocument documentation)
    {
        var members = documentation.Descendants("member").Select(m => (Id: m.Attribute("name")!.Value, Code: ExampleOf(m))).Where(m => m.Code.Length > 0).ToList();
        Dictionary<string, string> scenes = members.Where(m => m.Id[0] == 'T').ToDictionary(m => m.Id[2..], m => m.Code);
        string usings = BaseUsings + string.Concat(
            typeof(Mmu).Assembly.GetExportedTypes().Select(t => t.Namespace).Distinct().Order().Select(n => $"using {n};\n"))
            + "using static FastMmu.Addresses.ByteSize;\n";
        foreach ((string id, string code) in members)
        {
            string name = NameOf(id);
            string scene = id[0] == 'T' ? "" : scenes.GetValueOrDefault(name[..name.LastIndexOf('.')], "");
            // Overloads keep their parameters, so that each fragment has a name of its own.
            yield return new(id[2..], usings, scene, code);
        }
    }

    /// <summary>A documentation identifier without kind, arity and parameters: <c>FastMmu.Mmu.Translate</c>.</summary>
    public static string NameOf(string id) => IdentifierTail().Replace(id[2..], "");

    private static IEnumerable<string> Pages()
    {
        string docs = System.IO.Path.Combine(RepositoryRoot.Path, "docs");
        IEnumerable<string> pages = Directory.Exists(docs) ? Directory.EnumerateFiles(docs, "*.md", SearchOption.AllDirectories) : [];
        return pages.Append(System.IO.Path.Combine(RepositoryRoot.Path, "README.md")).Concat(PackageReadmes).Order();
    }

    private static string ExampleOf(XElement member)
    {
        var code = new StringBuilder();
        foreach (XElement block in member.Elements("example").Elements("code"))
        {
            string[] lines = block.Value.Replace("\r", "").Trim('\n').TrimEnd().Split('\n');
            int indent = lines.Where(l => l.Trim().Length > 0).Min(l => l.Length - l.TrimStart().Length);
            foreach (string line in lines) code.Append(line.Length > indent ? line[indent..].TrimEnd() : "").Append('\n');
        }

        return code.ToString();
    }

    [GeneratedRegex(@"^using (static )?[\w.]+;$")]
    private static partial Regex UsingDirective();

    [GeneratedRegex(@"(``?\d+)?(\(.*)?$")]
    private static partial Regex IdentifierTail();
}
