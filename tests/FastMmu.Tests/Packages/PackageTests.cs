using System.IO.Compression;
using System.Text;
using System.Xml.Linq;
using FastMmu.Tests.Docs;
using Xunit;

namespace FastMmu.Tests.Packages;

/// <summary>What <c>dotnet pack</c> makes, in the hands of somebody who has nothing else: no repository, no other source, no network.</summary>
public sealed class PackageTests(PackedRepository packed) : IClassFixture<PackedRepository>
{
    public static TheoryData<string> Names => [.. PackedRepository.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Package_Contents_AreReadmeChangesLicenceAndDocumentation(string name)
    {
        SkipIfNothingIsPacked();
        using ZipArchive package = ZipFile.OpenRead(packed.PathOf(name));
        XElement metadata = Metadata(package, name);
        XNamespace ns = metadata.Name.Namespace;
        Assert.Equal(name, metadata.Element(ns + "id")!.Value);
        Assert.Equal("MIT", metadata.Element(ns + "license")!.Value);
        Assert.Equal("README.md", metadata.Element(ns + "readme")!.Value);
        Assert.NotEmpty(metadata.Element(ns + "description")!.Value);
        Assert.Contains("x86", metadata.Element(ns + "tags")!.Value.Split(' '));
        Assert.Contains("# ", Text(package, "README.md"), StringComparison.Ordinal);
        Assert.Contains($"## {PackedRepository.Version}", Text(package, "CHANGELOG.md"), StringComparison.Ordinal);

        bool isTool = name == "FastMmu.Tool";
        string[] assemblies = [.. package.Entries.Select(entry => entry.FullName).Where(path => path.EndsWith(".dll", StringComparison.Ordinal))];
        if (isTool) Assert.Contains("tools/net10.0/any/FastMmu.Cli.dll", assemblies);
        else Assert.Equal([$"lib/net10.0/{name}.dll"], assemblies);
        if (!isTool) Assert.Contains("<summary>", Text(package, $"lib/net10.0/{name}.xml"), StringComparison.Ordinal);
        using ZipArchive symbols = ZipFile.OpenRead(packed.PathOf(name, "snupkg"));
        string[] expected = isTool ? ["FastMmu.pdb", "FastMmu.Cli.pdb", "FastMmu.Linux.pdb", "FastMmu.Reference.pdb"] : [$"{name}.pdb"];
        Assert.Equal(expected.Order(), symbols.Entries.Select(entry => entry.Name).Where(file => file.EndsWith(".pdb", StringComparison.Ordinal)).Order());
    }

    [Theory]
    [InlineData("FastMmu", false)]
    [InlineData("FastMmu.Linux", true)]
    [InlineData("FastMmu.Reference", true)]
    [InlineData("FastMmu.Tool", false)]
    public void Package_Dependencies_AreTheEngineOfItsVersionOrNothing(string name, bool needsEngine)
    {
        SkipIfNothingIsPacked();
        using ZipArchive package = ZipFile.OpenRead(packed.PathOf(name));
        XElement metadata = Metadata(package, name);
        string[] dependencies = [.. metadata.Descendants(metadata.Name.Namespace + "dependency").Select(d => $"{d.Attribute("id")!.Value} {d.Attribute("version")!.Value}")];
        Assert.Equal(needsEngine ? [$"FastMmu [{PackedRepository.Version}]"] : [], dependencies);
    }

    [Fact]
    public void Pack_OfTheSolution_GivesTheFourPackagesAndNoOther()
    {
        SkipIfNothingIsPacked();
        string[] expected = [.. PackedRepository.Names.SelectMany(name => new[] { packed.PathOf(name), packed.PathOf(name, "snupkg") })];
        Assert.Equal(expected.Order(StringComparer.Ordinal), Directory.EnumerateFiles(packed.Source).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task FreshProject_WithThePackages_RunsTheExamplesOfTheReadmes()
    {
        SkipIfNothingIsPacked();
        string folder = Directory.CreateDirectory(Path.Combine(packed.Folder, "fresh")).FullName;
        List<DocumentedExample> examples = [ExampleSources.FromPage(Path.Combine(RepositoryRoot.Path, "README.md")).First()];
        examples.AddRange(ExampleSources.PackageReadmes.SelectMany(ExampleSources.FromPage));
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), OneProgram(examples));
        await File.WriteAllTextAsync(Path.Combine(folder, "Fresh.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <UseAppHost>false</UseAppHost>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="FastMmu.Linux" Version="{PackedRepository.Version}" />
                <PackageReference Include="FastMmu.Reference" Version="{PackedRepository.Version}" />
              </ItemGroup>
            </Project>
            """);
        (int exitCode, string built) = await packed.Commands.Run(
            folder, DotnetCommand.Host, "build", "-c", "Release", "-v", "quiet", "-nologo", "-warnaserror", "-nodeReuse:false", "--disable-build-servers");
        Assert.SkipWhen(exitCode != 0 && built.Contains("NU1101: Unable to find package Microsoft.", StringComparison.Ordinal), $"this SDK lacks packs of its own, and the only source has none:\n{built}");
        Assert.True(exitCode == 0, built);
        string printed = await packed.Commands.Dotnet(folder, Path.Combine(folder, "bin", "Release", "net10.0", "Fresh.dll"));
        Assert.Equal(examples.SelectMany(example => example.PromisedLines), printed.TrimEnd().ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim()));
        string[] restored = [.. Directory.EnumerateDirectories(Path.Combine(packed.Folder, "packages")).Select(path => Path.GetFileName(path)!).Order()];
        Assert.Equal(["fastmmu", "fastmmu.linux", "fastmmu.reference"], restored.Where(name => name.StartsWith("fastmmu", StringComparison.Ordinal) && name != "fastmmu.tool"));
    }

    [Fact]
    public async Task Tool_InstalledFromTheFolder_ShowsHelpAndVerifiesRows()
    {
        SkipIfNothingIsPacked();
        string folder = Directory.CreateDirectory(Path.Combine(packed.Folder, "shell")).FullName;
        await packed.Commands.Dotnet(
            folder, "tool", "install", "FastMmu.Tool", "--tool-path", folder, "--version", PackedRepository.Version, "--configfile", Path.Combine(packed.Folder, "nuget.config"));
        string tool = Path.Combine(folder, OperatingSystem.IsWindows() ? "fastmmu.exe" : "fastmmu");
        (int helped, string help) = await packed.Commands.Run(folder, tool, "--help");
        Assert.Equal(0, helped);
        Assert.Contains("fastmmu [command]", help, StringComparison.Ordinal);

        string rows = Path.Combine(folder, "rows.tsv");
        using (var recorded = new StreamReader(new GZipStream(File.OpenRead(RepositoryRoot.Data("x86", "paging-4level.tsv.gz")), CompressionMode.Decompress)))
        {
            var few = new StringBuilder();
            for (int line = 0; line < 21; line++) few.Append(await recorded.ReadLineAsync()).Append('\n');
            await File.WriteAllTextAsync(rows, few.ToString());
        }

        (int verified, string verdict) = await packed.Commands.Run(folder, tool, "verify", "vectors", rows);
        Assert.True(verified == 0, verdict);
        Assert.Contains("20", verdict.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
    }

    private void SkipIfNothingIsPacked() => Assert.SkipWhen(packed.Obstacle is not null, $"packages were not made: {packed.Obstacle}");

    private static XElement Metadata(ZipArchive package, string name)
    {
        using Stream nuspec = package.GetEntry($"{name}.nuspec")!.Open();
        XElement root = XDocument.Load(nuspec).Root!;
        return root.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    private static string Text(ZipArchive package, string path)
    {
        using var reader = new StreamReader(package.GetEntry(path)!.Open());
        return reader.ReadToEnd();
    }

    // One program runs all examples, each in a function of its own: a project for each would take as many builds. Types stand at the end.
    private static string OneProgram(IReadOnlyList<DocumentedExample> examples)
    {
        var calls = new StringBuilder();
        var functions = new StringBuilder();
        var types = new StringBuilder();
        for (int i = 0; i < examples.Count; i++)
        {
            string code = examples[i].Code;
            int type = code.IndexOf("\npublic ", StringComparison.Ordinal);
            calls.AppendLine($"Example{i}();");
            functions.AppendLine($"static void Example{i}()").AppendLine("{").AppendLine(type < 0 ? code : code[..type]).AppendLine("}");
            if (type >= 0) types.AppendLine(code[type..]);
        }

        IEnumerable<string> usings = examples.SelectMany(example => example.Usings.Split('\n')).Where(line => line.Length > 0).Distinct();
        return $"{string.Join('\n', usings)}\n{calls}\n{functions}\n{types}";
    }
}
