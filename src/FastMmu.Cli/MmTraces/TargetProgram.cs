namespace FastMmu.Cli.MmTraces;

/// <summary>The program whose calls were traced; reads of its pages find its bytes.</summary>
internal static class TargetProgram
{
    private const string Name = "target";

    // The traced program is small; whatever is larger is something else.
    private const long LargestBytes = 1 << 24;

    /// <summary>Reads the program that lies in the folder of a file of traces.</summary>
    /// <exception cref="InputException">It is not there, or cannot be it.</exception>
    public static ReadOnlyMemory<byte> Beside(string traces) =>
        Find(traces) ?? throw new InputException($"{Path.Combine(Path.GetDirectoryName(traces) ?? "", Name)}: the traced program is not beside the traces");

    /// <summary>The same, or null if there is none.</summary>
    public static ReadOnlyMemory<byte>? Find(string traces)
    {
        string path = Path.Combine(Path.GetDirectoryName(traces) ?? "", Name);
        var file = new FileInfo(path);
        if (!file.Exists) return null;
        return file.Length <= LargestBytes ? File.ReadAllBytes(path) : throw new InputException($"{path}: {file.Length} bytes are more than a traced program has");
    }
}
