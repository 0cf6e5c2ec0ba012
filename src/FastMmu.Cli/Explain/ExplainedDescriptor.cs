using FastMmu.Segmentation;

namespace FastMmu.Cli.Explain;

/// <summary>A descriptor as it stands in the guest's memory.</summary>
/// <param name="Linear">Its linear address.</param>
/// <param name="Physical">Its physical address.</param>
/// <param name="Entry">The descriptor.</param>
/// <param name="LinuxName">What Linux calls its place in the GDT, or null.</param>
internal sealed record ExplainedDescriptor(ulong Linear, ulong Physical, DescriptorTableEntry Entry, string? LinuxName);
