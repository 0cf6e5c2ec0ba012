using System.Reflection;
using FastMmu.Processor;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>Runs a test for page tables of two levels, PAE, four and five levels, and without page tables in the guest.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EveryPagingModeAttribute : DataAttribute
{
    public static readonly PagingMode[] Modes = [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel, PagingMode.None];

    /// <summary>Whether the test is about page tables that an MMU walks: then it does not run without them.</summary>
    public bool Walked { get; init; }

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) =>
        new([.. Modes.Where(mode => !Walked || mode != PagingMode.None).Select(mode => new TheoryDataRow(mode))]);

    public override bool SupportsDiscoveryEnumeration() => true;
}
