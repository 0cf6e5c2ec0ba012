using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Recorded;

/// <summary>Puts the rows of one file to a subject, one after the other.</summary>
internal interface IRowJudge : IDisposable
{
    /// <summary>Judges the row the file stands on.</summary>
    /// <param name="verdict">Receives the verdict.</param>
    /// <exception cref="InvalidDataException">The row is malformed.</exception>
    void Judge(RowVerdict verdict);
}
