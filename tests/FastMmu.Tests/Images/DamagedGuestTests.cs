using System.Text;
using System.Text.RegularExpressions;
using FastMmu.Tests.Cli;
using FastMmu.Tests.Generators;
using Xunit;

namespace FastMmu.Tests.Images;

/// <summary>Guests whose files were damaged at random: an answer, or one line and exit code 2; never a crash, never silence.</summary>
public sealed partial class DamagedGuestTests
{
    private static readonly string[] Files = ["meta.json", "queries.tsv", "mappings.tsv", "spaces/queries.tsv", "pagemap.tsv", "maps.txt", "memory.raw"];

    private static readonly string[] Tokens =
    [
        "\"0xffffffffffffffff\"", "\"0x0\"", "-1", "18446744073709551615", "[]", "{}", "null", "\"\"", "1e999", "\"0x80000000\"", "\"0x10000000000000000\"",
        "0xffffffffffffffff", "0x0", "\0", "\n", "\t", "fault", "swapped", "999999999999", "\\ud800", "\e[2J",
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AnyDamageIsAnAnswerOrOneLine(int group)
    {
        for (int seed = group * 1_000_000; seed < (group * 1_000_000) + PropertyRun.Cases(25); seed++)
        {
            var random = new Random(seed);
            using var folder = new GuestFolder();
            for (int i = random.Next(3); i >= 0; i--) Damage(folder, random);
            string[][] commands =
            [
                ["verify", "image", folder.Path],
                ["image", folder.Path],
                ["image", "--json", folder.Path],
                ["explain", "ds:401234", "1b:0", "ffffffff", "--image", folder.Path],
                ["gdt", "--image", folder.Path],
            ];
            foreach (string[] command in commands)
            {
                ToolRun run = ToolRun.Of(command);
                string what = $"seed {seed}, {string.Join(' ', command)}: {run.Code} {run.Error}";
                Assert.True(run.Code is 0 or 1 or 2, what);
                Assert.True(run.Code == 2 == run.Error.Length > 0, what);
                Assert.True(run.Error.Count(c => c == '\n') <= 1, what);
                Assert.False(run.Error.Contains("internal error", StringComparison.Ordinal), what);
                Assert.False(run.Output.Contains('\e') || run.Error.Contains('\e'), what);
            }
        }
    }

    private static void Damage(GuestFolder folder, Random random)
    {
        string name = folder.FileAt(Files[random.Next(Files.Length)]);
        byte[] content = File.ReadAllBytes(name);
        if (content.Length == 0) return;
        int at = random.Next(content.Length);
        int length = random.Next(Math.Min(40, content.Length - at));
        byte[] token = Encoding.Latin1.GetBytes(Tokens[random.Next(Tokens.Length)]);
        switch (random.Next(6))
        {
            case 0:
                content = content[..at];
                break;
            case 1:
                content[at] = (byte)random.Next(256);
                break;
            case 2:
                content = [.. content[..at], .. content[(at + length)..]];
                break;
            case 3:
                content = [.. content[..at], .. token, .. content[at..]];
                break;
            case 4 when name.EndsWith("memory.raw", StringComparison.Ordinal) && content.Length > 0x3000:
                for (int i = 0; i < 50; i++) BitConverter.TryWriteBytes(content.AsSpan(0x1000 + (8 * random.Next(1024))), random.NextInt64());
                break;
            default:
                content = ReplaceNumber(content, token, random);
                break;
        }

        File.WriteAllBytes(name, content);
    }

    private static byte[] ReplaceNumber(byte[] content, byte[] token, Random random)
    {
        string text = Encoding.Latin1.GetString(content, 0, Math.Min(content.Length, 1 << 14));
        MatchCollection numbers = Numbers().Matches(text);
        if (numbers.Count == 0) return content;
        Match number = numbers[random.Next(numbers.Count)];
        return [.. content[..number.Index], .. token, .. content[(number.Index + number.Length)..]];
    }

    [GeneratedRegex("\"?(0x[0-9a-f]+|[0-9]+)\"?")]
    private static partial Regex Numbers();
}
