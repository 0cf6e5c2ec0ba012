using System.Reflection;
using FastMmu.Processor;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace FastMmu.Tests.Linux.Pages;

/// <summary>Runs a test for page tables of two levels, PAE, four and five levels.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EveryPagingModeAttribute : DataAttribute
{
    public static readonly PagingMode[] Modes = [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel];

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) =>
        new([.. Modes.Select(mode => new TheoryDataRow(mode))]);

    public override bool SupportsDiscoveryEnumeration() => true;
}
