namespace FastMmu.Linux;

/// <summary>What differs between the kernel's releases, each difference a property with the release that introduced it.</summary>
public sealed record KernelProfile
{
    private KernelProfile(string name) => Name = name;

    /// <summary>The era of the article on virtual memory: releases up to 5.x.</summary>
    public static KernelProfile V5 { get; } = new("5.x");

    /// <summary>Linux 6.12.</summary>
    public static KernelProfile V6_12 { get; } = new("6.12");

    /// <summary>Linux 6.18, the release that the recorded answers come from, and the default.</summary>
    public static KernelProfile V6_18 { get; } = new("6.18");

    /// <summary>Linux 7.2.</summary>
    public static KernelProfile V7_2 { get; } = new("7.2");

    /// <summary>The release's name.</summary>
    public string Name { get; }
}
