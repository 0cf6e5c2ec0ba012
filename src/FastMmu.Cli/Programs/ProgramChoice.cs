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
    /// <param name="kernel">Which kernel will run it: a 32-bit one runs no 64-bit programs.</param>
    public static ProgramChoice Of(string? path, KernelKind kernel)
    {
        var host = new HostPrograms();
        if (path is not null) return new(path, host);
        if (host.Open(Default, out ProgramFile? found) == 0 && IsElf(found!, kernel.Is64Bit)) return new(Default, host);
        return Sample(!kernel.Is64Bit);
    }

    /// <summary>The tool's own program.</summary>
    /// <param name="is32Bit">Whether it is a 32-bit one.</param>
    public static ProgramChoice Sample(bool is32Bit = false)
    {
        var sample = new ProgramSet();
        sample.Add(SampleProgram.Path, new ProgramFile(SampleProgram.Path, SampleProgram.Create(is32Bit)));
        return new(SampleProgram.Path, sample);
    }

    private static bool IsElf(ProgramFile file, bool is64BitToo)
    {
        ReadOnlySpan<byte> content = file.Content.Span;
        if (content.Length < ElfHeader.Bytes64 || !ElfHeader.HasMagic(content)) return false;
        ElfHeader header = ElfHeader.Read(content, is32Bit: false);
        return (is64BitToo && header.IsFor(is32Bit: false)) || header.IsFor(is32Bit: true);
    }
}
