using System.CommandLine;
using FastMmu.Cli.Images;

namespace FastMmu.Cli.Commands;

/// <summary>Arguments and options of the commands that look at recorded guests.</summary>
internal static class GuestOptions
{
    private const int DefaultLimit = 10;

    /// <summary><c>DIR...</c>: folders of recorded guests.</summary>
    public static Argument<string[]> Directories()
    {
        var directories = new Argument<string[]>("DIR") { Description = "Folders of recorded guests.", Arity = ArgumentArity.OneOrMore };
        directories.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(t => t.Value.StartsWith('-') && !Directory.Exists(t.Value)) is { } unknown) result.AddError($"Unrecognized option '{unknown.Value}'.");
        });
        return directories;
    }

    /// <summary><c>--image DIR</c>: the guest that a command looks into.</summary>
    public static Option<string> Image() => new("--image") { Description = "The folder of a recorded guest.", HelpName = "DIR" };

    /// <summary><c>--limit N</c>: how many mismatches are shown.</summary>
    public static Option<int> Limit()
    {
        var limit = new Option<int>("--limit") { Description = "How many mismatches of a guest are shown.", HelpName = "N", DefaultValueFactory = _ => DefaultLimit };
        limit.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int number) && number < 0) result.AddError("--limit must not be negative.");
        });
        return limit;
    }

    /// <summary><c>--no-quirk NAME</c>: holds the answers to the architecture where a quirk of their recorder is known.</summary>
    public static Option<string[]> WithoutQuirk()
    {
        var option = new Option<string[]>("--no-quirk")
        {
            Description = $"Do not allow for a known deviation of the recorder: {string.Join(", ", QuirkNames.All.Select(q => q.Name))}.",
            HelpName = "NAME",
        };
        option.AcceptOnlyFromAmong([.. QuirkNames.All.Select(q => q.Name)]);
        return option;
    }

    /// <summary>The quirks that remain when some are switched off.</summary>
    public static ImageQuirks QuirksOf(string[]? without) =>
        QuirkNames.All.Where(q => (without ?? []).Contains(q.Name)).Aggregate(ImageQuirks.Documented, (all, q) => all & ~q.Quirk);

    /// <summary><c>--cr3 X</c>: another address space than the running one.</summary>
    public static Option<string> Cr3() => new("--cr3") { Description = "Another address space than the one that runs: what CR3 would hold, in hexadecimal.", HelpName = "X" };

    /// <summary><c>--cpl N</c>: another privilege level than the running one.</summary>
    public static Option<int?> Cpl()
    {
        var cpl = new Option<int?>("--cpl") { Description = "Privilege level of the access, 0 to 3; the guest's own if not given.", HelpName = "N" };
        cpl.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int number) && number is < 0 or > 3) result.AddError("--cpl must be 0 to 3.");
        });
        return cpl;
    }

    /// <summary><c>ADDRESS...</c>.</summary>
    public static Argument<string[]> Addresses() => new("ADDRESS")
    {
        Description = "Hexadecimal, _ and ` allowed between digits: a linear address, or one through a segment register (gs:28) or a selector (2b:8049000).",
        Arity = ArgumentArity.OneOrMore,
    };
}
