using System.Globalization;
using System.IO.Compression;

namespace FastMmu.NativeCompare;

/// <summary>The addresses of a memory trace by valgrind's lackey (<c>--trace-mem=yes</c>), gzip-compressed.</summary>
internal static class LackeyTrace
{
    /// <summary>Reads all accesses, fetches included, in the program's order.</summary>
    /// <exception cref="InvalidDataException">A line that is neither an access nor a remark of valgrind's.</exception>
    public static ulong[] Read(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var addresses = new List<ulong>();
        int number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (line.StartsWith("==", StringComparison.Ordinal)) continue;
            int comma = line.IndexOf(',', StringComparison.Ordinal);
            if (comma < 4 || "ILSM".IndexOf(line.AsSpan(0, 2).Trim()[0], StringComparison.Ordinal) < 0
                || !ulong.TryParse(line.AsSpan(3, comma - 3), NumberStyles.HexNumber, null, out ulong address))
            {
                throw new InvalidDataException($"{path}:{number}: not a line of a lackey trace.");
            }

            addresses.Add(address);
        }

        return [.. addresses];
    }
}
