using FastMmu.Traces;

namespace FastMmu.NativeCompare;

/// <summary>The addresses of a memory trace by valgrind's lackey.</summary>
internal static class LackeyTrace
{
    /// <summary>Reads all accesses, fetches included, in the program's order.</summary>
    /// <exception cref="InvalidDataException">A line that is neither an access nor a remark of valgrind's.</exception>
    public static ulong[] Read(string path)
    {
        using LackeyReader reader = LackeyReader.Open(path);
        var addresses = new List<ulong>();
        var block = new TraceAccess[4096];
        for (int count; (count = reader.Read(block)) > 0;)
        {
            foreach (TraceAccess access in block.AsSpan(0, count)) addresses.Add(access.Linear.Value);
        }

        return [.. addresses];
    }
}
