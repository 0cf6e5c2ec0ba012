using FastMmu.Linux.Kernel;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.Layout;

/// <summary>Where a part of a program goes in the user's part of the addresses.</summary>
/// <param name="Address">The address.</param>
/// <param name="Name">What begins or ends there.</param>
/// <param name="Formula">Where it comes from.</param>
internal readonly record struct UserPlace(ulong Address, string Name, string Formula)
{
    /// <summary>The places of a position-independent program with a stack of 8 MiB.</summary>
    public static IReadOnlyList<UserPlace> Of(KernelLayout layout)
    {
        bool wide = layout.Architecture.Is64Bit();
        var options = new UserLayoutOptions { FiveLevels = layout.Architecture == KernelArchitecture.X8664La57, PageOffset = layout.UserEnd };
        var user = new UserLayout(wide ? TaskAbi.X86_64 : TaskAbi.I386, random: layout.Options.Seed.ToGenerator(), options: options);
        bool random = user.IsRandomized;
        ulong stack = user.RandomStackTop();
        ulong program = (user.ProgramBase + user.MmapOffset()) & ~0xfffUL;
        string bits = (wide ? options.MmapRandomBits64 : options.MmapRandomBits32).ToString();
        UserPlace[] places =
        [
            new(program, "program (PIE)", (wide ? "DEFAULT_MAP_WINDOW / 3 * 2" : "0x400000") + (random ? $" + random of {bits} bits, in pages" : "")),
            new(user.MmapBase, "mmap_base: libraries, down", "STACK_TOP - clamp(stack limit + pad, 128 MiB, 5/6)" + (random ? $" - random of {bits} bits, in pages" : "")),
            new(stack, "stack, down", "STACK_TOP" + (random ? $" - random of {(wide ? 22 : 11)} bits, in pages" : "")),
        ];
        return [.. places.OrderBy(p => p.Address)];
    }
}
