using System.Globalization;
using System.Text;
using FastMmu.Reference.Vectors;

namespace FastMmu.Cli.Images;

/// <summary>Reads <c>/proc/PID/maps</c> as recorded: one process, or many, each behind a line <c>PROC pid name</c>.</summary>
internal static class ProcessMapsReader
{
    /// <summary>Reads the areas of one process.</summary>
    /// <param name="path">The file.</param>
    /// <param name="pid">The process; areas in front of any <c>PROC</c> line are taken for its own.</param>
    /// <returns>The areas, by ascending address; empty if the file has none of that process.</returns>
    /// <exception cref="InputException">A line is no line of maps.</exception>
    public static IReadOnlyList<MapsArea> Read(string path, int? pid)
    {
        var areas = new List<MapsArea>();
        int? current = pid;
        using LineReader lines = LineReader.Open(path);
        while (lines.MoveNext())
        {
            if (lines.Line.IsEmpty) continue;
            string line = Encoding.UTF8.GetString(lines.Line);
            if (line.StartsWith("PROC ", StringComparison.Ordinal))
            {
                string number = line.Split(' ', 3)[1];
                current = int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                    ? process
                    : throw lines.Refuse("'PROC' is not followed by the number of a process");
                continue;
            }

            MapsArea area = Parse(line) ?? throw lines.Refuse("not a line of /proc/PID/maps");
            if (current == pid) areas.Add(area);
        }

        areas.Sort((a, b) => a.Start.CompareTo(b.Start));
        return areas;
    }

    // start-end perms offset dev inode          name
    private static MapsArea? Parse(string line)
    {
        string[] fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (fields.Length < 5) return null;
        int dash = fields[0].IndexOf('-', StringComparison.Ordinal);
        if (dash < 0 || fields[1].Length != 4) return null;
        if (!TryHex(fields[0].AsSpan(0, dash), out ulong start) || !TryHex(fields[0].AsSpan(dash + 1), out ulong end) || start >= end) return null;
        if (!TryHex(fields[2], out ulong offset)) return null;
        return new(start, end, fields[1], offset, fields.Length == 6 ? fields[5] : "");
    }

    private static bool TryHex(ReadOnlySpan<char> digits, out ulong value) =>
        ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
