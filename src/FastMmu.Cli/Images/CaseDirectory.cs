namespace FastMmu.Cli.Images;

/// <summary>The folder of one recorded guest. A file may be there plain or with <c>.gz</c> behind its name.</summary>
/// <param name="path">The folder as the user named it.</param>
internal sealed class CaseDirectory(string path)
{
    /// <summary>The folder as the user named it.</summary>
    public string Path => path;

    /// <summary>Opens a folder.</summary>
    /// <exception cref="InputException">It is missing, a file, or holds no <c>meta.json</c>.</exception>
    public static CaseDirectory Open(string path)
    {
        if (File.Exists(path)) throw new InputException($"{path}: is a file; a recorded guest is a folder with meta.json in it");
        if (!Directory.Exists(path)) throw new InputException($"{path}: no such folder");
        var directory = new CaseDirectory(path);
        if (directory.Find("meta.json") is not null) return directory;
        string hint = Directory.EnumerateDirectories(path).Any(d => File.Exists(System.IO.Path.Combine(d, "meta.json")))
            ? "; the folders in it do, name one of them"
            : "";
        throw new InputException($"{path}: holds no meta.json{hint}");
    }

    /// <summary>The path of a file, or null if the case has none of that name.</summary>
    /// <param name="name">Its name without <c>.gz</c>, with <c>/</c> between folder and file.</param>
    public string? Find(string name)
    {
        string plain = System.IO.Path.Combine(path, name);
        return File.Exists(plain) ? plain : File.Exists(plain + ".gz") ? plain + ".gz" : null;
    }

    /// <summary>The path of a file that must be there.</summary>
    /// <param name="name">Its name without <c>.gz</c>.</param>
    /// <exception cref="InputException">It is not.</exception>
    public string Require(string name) => Find(name) ?? throw new InputException($"{System.IO.Path.Combine(path, name)}: no such file, nor with .gz");
}
