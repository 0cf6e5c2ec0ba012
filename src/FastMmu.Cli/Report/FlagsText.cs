namespace FastMmu.Cli.Report;

/// <summary>RFLAGS in the manual's names; the engine's register type knows only what translation looks at.</summary>
internal static class FlagsText
{
    private static readonly (int Bit, string Name)[] Flags =
    [
        (0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"), (10, "DF"), (11, "OF"), (14, "NT"), (16, "RF"), (17, "VM"),
        (18, "AC"), (19, "VIF"), (20, "VIP"), (21, "ID"),
    ];

    /// <summary>The register with the names of the bits that are set.</summary>
    public static string Describe(ulong value)
    {
        var names = Flags.Where(f => ((value >> f.Bit) & 1) != 0).Select(f => f.Name);
        ulong level = (value >> 12) & 3;
        string text = string.Join(' ', level == 0 ? names : names.Append($"IOPL={level}"));
        return text.Length == 0 ? $"0x{value:x}" : $"0x{value:x} [{text}]";
    }
}
