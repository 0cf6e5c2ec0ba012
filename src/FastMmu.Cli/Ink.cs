namespace FastMmu.Cli;

/// <summary>The few colours the tool uses; the value is the terminal's SGR code.</summary>
internal enum Ink
{
    /// <summary>As it is.</summary>
    Plain = 0,

    /// <summary>Headings.</summary>
    Bold = 1,

    /// <summary>What may be skipped.</summary>
    Dim = 2,

    /// <summary>What disagrees.</summary>
    Red = 31,

    /// <summary>What agrees.</summary>
    Green = 32,

    /// <summary>What deserves a look.</summary>
    Yellow = 33,
}
