using System.Globalization;

namespace FastMmu.Cli.Text;

/// <summary>Numbers as people read them.</summary>
internal static class Quantity
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Bytes in the largest binary unit that leaves a number of at least 1: <c>64 KiB</c>, <c>1.2 MiB</c>.</summary>
    public static string Bytes(ulong bytes) => Bytes((UInt128)bytes);

    /// <summary>Bytes in the largest binary unit that leaves a number of at least 1: <c>64 KiB</c>, <c>1.2 MiB</c>.</summary>
    public static string Bytes(UInt128 bytes)
    {
        int unit = 0;
        double scaled = (double)bytes;
        while (scaled >= 1024 && unit < Units.Length - 1)
        {
            scaled /= 1024;
            unit++;
        }

        string format = scaled >= 100 || scaled == Math.Floor(scaled) ? "0" : "0.0";
        return $"{scaled.ToString(format, CultureInfo.InvariantCulture)} {Units[unit]}";
    }

    /// <summary>A number with its thousands apart: <c>66,247</c>.</summary>
    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A time in the unit that suits it: <c>3.2 ms</c>, <c>1.4 s</c>.</summary>
    public static string Time(TimeSpan time) => time.TotalSeconds switch
    {
        >= 1 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s"),
        >= 0.001 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMicroseconds:0} us"),
    };

    /// <summary>A linear address in four groups of four digits where it has 64 bits, eight digits where it has 32.</summary>
    public static string Address(ulong address, int width) => width > 32 ? address.ToString("x16") : address.ToString("x8");
}
