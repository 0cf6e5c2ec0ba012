using FastMmu.Linux.Exec;

namespace FastMmu.Cli.Programs;

/// <summary>Which program a command executes.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Files">Where it is found.</param>
internal sealed record ProgramChoice(string Path, IProgramFiles Files)
{
    /// <summary>What is executed if nothing is named.</summary>
    public const string Default = "/bin/true";

    /// <summary>The program named; or <see cref="Default"/>, or the tool's own program where that is none.</summary>
    /// <param name="path">A path on this computer, or null.</param>
    public static ProgramChoice Of(string? path)
    {
        var host = new HostPrograms();
        if (path is not null) return new(path, host);
        if (host.Open(Default, out ProgramFile? found) == 0 && IsElf(found!)) return new(Default, host);
        return Sample();
    }

    /// <summary>The tool's own program.</summary>
    public static ProgramChoice Sample()
    {
        var sample = new ProgramSet();
        sample.Add(SampleProgram.Path, new ProgramFile(SampleProgram.Path, SampleProgram.Create()));
        return new(SampleProgram.Path, sample);
    }

    private static bool IsElf(ProgramFile file)
    {
        ReadOnlySpan<byte> content = file.Content.Span;
        if (content.Length < ElfHeader.Bytes64 || !ElfHeader.HasMagic(content)) return false;
        ElfHeader header = ElfHeader.Read(content, is32Bit: false);
        return header.IsFor(is32Bit: false) || header.IsFor(is32Bit: true);
    }
}
