using FastMmu.Client.Processors;
using Xunit;

namespace FastMmu.Tests.Client;

/// <summary>What the client's tests need of this computer; where it is missing they are skipped and say so.</summary>
internal static class ClientPrograms
{
    /// <summary>Names the busybox, where it is not the system's.</summary>
    public const string BusyboxVariable = "FASTMMU_BUSYBOX";

    /// <summary>A busybox that needs no library.</summary>
    public static string Busybox { get; } = Array.Find(
        Environment.GetEnvironmentVariable(BusyboxVariable) is { Length: > 0 } given ? new[] { given } : ["/usr/bin/busybox", "/bin/busybox"], IsStatic) ?? "";

    /// <summary>Whether this computer's kernel has the rules for merging areas that the client's has: since 6.16.</summary>
    public static bool KernelMergesAsModelled { get; } = Environment.OSVersion.Version >= new Version(6, 16);

    // Why the tests cannot run here, in one line.
    private static string Missing { get; } = string.Join("; ", ((string[])[
        Unicorn.TryLoad(out _, out string? why) ? "" : why,
        Busybox.Length > 0 ? "" : "no static busybox is here (Debian: busybox-static)"]).Where(m => m.Length > 0));

    /// <summary>Skips the test unless both programs are here.</summary>
    public static void Require() => Assert.SkipUnless(Missing.Length == 0, Missing);

    // A dynamic one is named by its PT_INTERP, which a static one has not.
    private static bool IsStatic(string path)
    {
        const int Interpreter = 3;
        if (!File.Exists(path))
        {
            return false;
        }

        byte[] start = new byte[4096];
        using FileStream file = File.OpenRead(path);
        int bytes = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        int table = BitConverter.ToInt32(start, 32), count = BitConverter.ToUInt16(start, 56);
        return bytes == start.Length && start[4] == 2 && table + (count * 56) <= bytes
            && !Enumerable.Range(0, count).Any(i => BitConverter.ToInt32(start, table + (i * 56)) == Interpreter);
    }
}
