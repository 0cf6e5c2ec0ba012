namespace FastMmu.Tests;

/// <summary>Where the repository lies: the folder above the tests' binaries that holds the solution.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find();

    public static string Data(params string[] parts) => System.IO.Path.Combine([Path, "tests", "data", .. parts]);

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "FastMmu.sln"))) return folder.FullName;
        }

        throw new InvalidOperationException("FastMmu.sln is in no folder above the tests.");
    }
}
