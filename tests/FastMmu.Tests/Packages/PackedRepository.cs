using System.Reflection;
using Xunit;

namespace FastMmu.Tests.Packages;

/// <summary>The packages of this repository in a folder of their own, packed once from what the tests were built with.</summary>
public sealed class PackedRepository : IAsyncLifetime
{
    /// <summary>The packages, in the order of their names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["FastMmu", "FastMmu.Linux", "FastMmu.Reference", "FastMmu.Tool"];

    /// <summary>Their version: that of the assemblies under test.</summary>
    public static string Version { get; } =
        typeof(Mmu).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>A temporary folder.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("fastmmu-packages-").FullName;

    /// <summary>Where the packages lie, and nothing else.</summary>
    public string Source => Path.Combine(Folder, "source");

    /// <summary>Runs commands.</summary>
    internal DotnetCommand Commands => new(Folder);

    /// <summary>Why nothing can be packed here, or null.</summary>
    public string? Obstacle { get; private set; }

    /// <summary>A package's file.</summary>
    public string PathOf(string name, string extension = "nupkg") => Path.Combine(Source, $"{name}.{Version}.{extension}");

    /// <inheritdoc />
    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Source);
        string configuration = typeof(PackedRepository).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        try
        {
            (int exitCode, string printed) = await Commands.Run(
                RepositoryRoot.Path, DotnetCommand.Host, "pack", "FastMmu.sln", "-c", configuration, "--no-build", "-o", Source, "-v", "minimal", "-nologo",
                "-nodeReuse:false", "--disable-build-servers");
            Assert.True(exitCode == 0, printed);
            Assert.DoesNotContain("warning", printed, StringComparison.OrdinalIgnoreCase);
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            Obstacle = $"there is no dotnet command: {missing.Message}";
            return;
        }

        // Only this folder is a source: what is not in it does not exist.
        await File.WriteAllTextAsync(Path.Combine(Folder, "nuget.config"), $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="packed" value="{Source}" />
              </packageSources>
              <fallbackPackageFolders>
                <clear />
              </fallbackPackageFolders>
            </configuration>
            """);
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
